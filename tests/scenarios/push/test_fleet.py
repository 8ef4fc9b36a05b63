"""Three boxes and all between them and their trainer, as programs: good models, bad ones, a box that is away, no network at all."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")
pytest.importorskip("tuf")
pytest.importorskip("sqlalchemy")

from contracts.errors import ConfigError
from tests.device.publish.mosquitto import needs_mosquitto
from tests.scenarios.push.boxes import accounted, box_in, ended, endless_film, logs, looked, lost, models_of
from tests.scenarios.push.desk import NAME, Desk
from tests.scenarios.push.networks import blind, sees, slow
from tests.scenarios.push.papers import HERE, authority_in, broker_of, papers
from tests.scenarios.push.services import programs
from tests.scenarios.stage import Box
from trainer.home import Home
from trainer.push.ceremony import Brought, init
from trainer.push.place import Lives, Place

pytestmark = [pytest.mark.broker, needs_mosquitto, pytest.mark.soak, pytest.mark.timeout(3600)]
BOXES = ["box-01", "box-02", "box-03"]
CANARY, LATE = BOXES[0], BOXES[2]
PATIENCE_S = 600  # a machine may have much else to do


@dataclass
class Site:
    desk: Desk
    boxes: dict[str, Box]
    old: str
    services: list[subprocess.Popen[str]]

    def release(self, version: str, network: bytes, champion: str | None = None) -> str:
        digest = self.desk.make(version, network, champion)
        self.desk.typed("push", "release", f"{NAME}@{version}")
        return digest

    def begin(self, name: str, version: str, *more: str) -> None:
        canary = () if "--canary" in more else ("--canary", CANARY)
        self.desk.typed("rollout", "start", name, "--model", f"{NAME}@{version}", "--all", "--steps", "50,100", *canary, *more)

    def shown(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.desk.typed("rollout", "show", name)[0]
        return found

    def until(self, true: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
        deadline = time.monotonic() + timeout_s
        while not (found := true()):
            for service in self.services:
                assert service.poll() is None, f"{service.args} ended"
            for box in self.boxes.values():
                assert box.process is None or box.process.poll() is None or box.process.returncode == 0, box.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.desk.typed("rollout", "ls")
            threading.Event().wait(0.2)
        return found

    def ends(self, name: str, state: str) -> dict[str, Any]:
        self.until(lambda: self.shown(name)["state"] == state)
        return self.shown(name)

    def each(self, name: str) -> dict[str, dict[str, Any]]:
        return {each["device"]: each for each in self.shown(name)["each"]}

    def sees_with(self, device: str, digest: str) -> None:
        """Its newest event is of that model."""
        before = len(self.boxes[device].events())
        self.until(lambda: len(self.boxes[device].events()) > before and models_of(self.boxes[device])[-1] == digest)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("fleet")
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        authority = authority_in(folder / "pki", BOXES)
        running = stack.enter_context(broker_of(authority, folder / "mosquitto"))
        desk = Desk(folder, patch)
        stack.callback(desk.close)
        url, services = stack.enter_context(programs(desk, running))
        old = desk.make("1.0.0", sees())
        desk.typed("models", "champion", NAME, "--take", old)
        film = endless_film(folder)
        boxes = {}
        for device in BOXES:
            mine = papers(authority, device)
            about = {"broker": {"host": HERE[0], "port": running.port, **mine}, "update": {"url": url, **mine}}
            # so that a bad model comes as far as its trial there, which is long enough to expect boxes in it
            shadow = {"shadow_s": 0, "trial_frames": 100, "slower": 20} if device == CANARY else {}
            boxes[device] = box_in(folder / device, device, film, desk.file(old), desk.place.trust, **about, **shadow)
        stack.enter_context(ended(list(boxes.values())))
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda box: box.start(PATIENCE_S), boxes.values()))
        made = Site(desk, boxes, old, services)
        desk.typed("push", "release", f"{NAME}@1.0.0")
        made.until(lambda: all(looked(box) > 40 and box.events() for box in boxes.values()))
        yield made


def test_a_fleet_under_footage(site: Site) -> None:
    """In the order in which it would happen; each part stands on the one before."""
    new = a_better_model_goes_to_all(site)
    a_blind_one_is_taken_back_on_the_canary(site, new)
    a_slow_one_is_refused_before_it_sees_a_frame(site, new)
    a_box_that_is_away_is_pending_and_takes_it_later(site, new)
    assert {device: lost(box) for device, box in site.boxes.items()} == {device: {} for device in BOXES}
    assert site.desk.typed("users", "audit", "--check")["whole"]


def a_better_model_goes_to_all(site: Site) -> str:
    before = {device: looked(box) for device, box in site.boxes.items()}
    new = site.release("2.0.0", sees(256.0), champion=site.old)
    site.begin("better", "2.0.0", "--success", "1")
    site.ends("better", "done")
    each = site.each("better")
    assert {device: (row["state"], row["signed"], row["before"]) for device, row in each.items()} == dict.fromkeys(
        BOXES, ("committed", True, site.old)
    )
    assert sorted(row["wave"] for row in each.values()) == [0, 1, 2]
    for device, box in site.boxes.items():
        site.sees_with(device, new)
        assert models_of(box) == [site.old, new]
        assert logs(box) == [(site.old, {site.old}), (new, {new})]
        assert lost(box) == {}
        site.until(lambda box=box: accounted(box))  # type: ignore[misc]
        assert looked(box) > before[device]
    third = site.desk.make("2.1.0", sees(257.0), champion=site.old)
    site.desk.typed("models", "champion", NAME, "--take", new)
    assert site.desk.champion() == new
    with pytest.raises(ConfigError, match="judge it against that one"):
        site.desk.registry.crown(third, "Ada")
    return new


def a_blind_one_is_taken_back_on_the_canary(site: Site, serving: str) -> None:
    bad = site.release("3.0.0", blind(), champion=serving)
    site.begin("blind", "3.0.0")
    shown = site.ends("blind", "halted")
    each = site.each("blind")
    assert (each[CANARY]["state"], each[CANARY]["code"]) == ("rejected", "E_QUALITY"), each[CANARY]["words"]
    assert "boxes a frame" in each[CANARY]["words"]
    assert {row["aim"] for device, row in each.items() if device != CANARY} == {"later"}, "nobody else was ever told"
    assert (shown["assigned"], shown["failed"]) == (1, 1)
    site.sees_with(CANARY, serving)
    assert bad not in models_of(site.boxes[CANARY]), "it saw nothing: nothing came of it"
    assert logs(site.boxes[CANARY])[-1][0] == serving
    assert lost(site.boxes[CANARY]) == {}


def a_slow_one_is_refused_before_it_sees_a_frame(site: Site, serving: str) -> None:
    site.release("4.0.0", slow(600_000), champion=serving)
    site.begin("slow", "4.0.0")
    site.ends("slow", "halted")
    canary = site.each("slow")[CANARY]
    assert (canary["state"], canary["code"]) == ("rejected", "E_BUDGET"), canary["words"]
    site.sees_with(CANARY, serving)


def a_box_that_is_away_is_pending_and_takes_it_later(site: Site, serving: str) -> None:
    late = site.boxes[LATE]
    assert late.stop(timeout_s=PATIENCE_S) == 0
    newest = site.release("5.0.0", sees(258.0), champion=serving)
    site.begin("late", "5.0.0", "--success", "0.6")
    shown = site.ends("late", "done")
    assert (shown["accepted"], shown["pending"], shown["failed"]) == (2, 1, 0)
    assert site.each("late")[LATE]["state"] == ""
    late.start(PATIENCE_S)
    site.until(lambda: site.each("late")[LATE]["state"] == "committed")
    assert site.each("late")[LATE]["signed"]
    site.sees_with(LATE, newest)
    assert logs(late)[-1] == (newest, {newest})


class LongAgo:
    def mono_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        return time.time_ns() - int(timedelta(days=400).total_seconds() * 1e9)


def test_the_factory_bundle_goes_on_with_no_network_and_everything_expired(site: Site, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    init(
        home,
        LongAgo(),
        Brought((tmp_path / "safe",), "root words", "release words"),
        lives=Lives(root_days=1, targets_days=1, fresh_days=2),
    )
    film = endless_film(tmp_path)
    nowhere: dict[str, Any] = {"url": "https://127.0.0.1:9/tuf"}
    factory = site.desk.file(site.old)
    box = box_in(tmp_path / "alone", "box-09", film, factory, Place(home).trust, broker={"host": HERE[0], "port": 9}, update=nowhere)
    with ended([box]):
        box.start(PATIENCE_S)
        box.until(lambda: len(box.events("end")) >= 2, PATIENCE_S)
        assert models_of(box) == [site.old]
        assert lost(box) == {}
        assert box.stop(timeout_s=PATIENCE_S) == 0
        box.start(PATIENCE_S)
        known = len(box.events())
        box.until(lambda: len(box.events()) > known, PATIENCE_S)
        assert models_of(box) == [site.old]
