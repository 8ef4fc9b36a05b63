"""A model is pushed to a box over the broker as it is shipped, while footage runs; then others try to tell the box what to run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

pytest.importorskip("onnx")
pytest.importorskip("tuf")
pytest.importorskip("sqlalchemy")

from contracts.topics import Topics, fleet
from contracts.update import Assignment, Model, SignedAssignment, UpdateSignature
from tests.deploy.test_broker import NOT_ALLOWED, Fleet, Party, party
from tests.device.publish.mosquitto import needs_mosquitto
from tests.scenarios.push.boxes import accounted, box_in, ended, endless_film, logs, looked, lost, models_of, standing
from tests.scenarios.push.desk import NAME, Desk
from tests.scenarios.push.networks import sees
from tests.scenarios.push.papers import HERE, authority_in, broker_of, papers
from tests.scenarios.push.services import threads
from tests.scenarios.stage import Box
from trainer.clock import SystemClock
from trainer.push.keys import assignment_key
from trainer.push.rollout import Rollouts
from trainer.registry.keys import SigningKey

pytestmark = [pytest.mark.broker, needs_mosquitto, pytest.mark.timeout(900)]
BOX, OTHER = "box-01", "box-02"
PATIENCE_S = 300  # a machine may have much else to do
UP = f"vedette/v1/{BOX}/up/"


@dataclass
class Site:
    """After the rollout: the box runs `new`."""

    fleet: Fleet
    desk: Desk
    box: Box
    heard: Party
    old: str
    new: str
    released: dict[str, Model]
    rows: list[dict[str, Any]]

    def until(self, enough: Callable[[], bool]) -> None:
        """Asked with each message that is heard."""
        with self.heard.news:
            assert self.heard.news.wait_for(enough, PATIENCE_S), self.reports()[-3:]

    def reports(self) -> list[dict[str, Any]]:
        return [standing(message.payload) for message in list(self.heard.came) if message.topic == f"{UP}update"]

    def sign(self, model: Model | None, seq: int, device: str = BOX, by: SigningKey | None = None) -> bytes:
        soon = datetime.now(timezone.utc) + timedelta(days=1)
        payload = Assignment(device=device, seq=seq, rollout="theirs", model=model, expires=soon).model_dump_json()
        key = by or assignment_key(self.desk.place)
        signature = UpdateSignature(keyid=key.public.keyid, sig=key.sign(payload.encode()).hex())
        return SignedAssignment(payload=payload, sigs=[signature]).model_dump_json().encode()

    @property
    def seq(self) -> int:
        return int(self.rows[0]["seq"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        authority = authority_in(folder / "pki", [BOX, OTHER])
        running = stack.enter_context(broker_of(authority, folder / "mosquitto"))
        desk = Desk(folder, patch)
        stack.callback(desk.close)
        url = stack.enter_context(threads(desk, running))
        old = desk.make("1.0.0", sees())
        mine = papers(authority, BOX)
        about = {"broker": {"host": HERE[0], "port": running.port, **mine}, "update": {"url": url, **mine}}
        prove = {"trial_s": 1, "trial_frames": 15, "shadow_s": 0.2, "shadow_frames": 3}
        box = box_in(folder / BOX, BOX, endless_film(folder), desk.file(old), desk.place.trust, **about, **prove)
        stack.enter_context(ended([box]))
        heard = stack.enter_context(party(running, "trainer"))
        heard.subscribe("vedette/v1/+/up/#")
        box.start(PATIENCE_S)
        new = desk.make("2.0.0", sees(256.0))
        for version in ("1.0.0", "2.0.0"):
            desk.typed("push", "release", f"{NAME}@{version}")
        box.until(lambda: looked(box) > 30 and box.events(), PATIENCE_S)
        desk.typed("rollout", "start", "first", "--model", f"{NAME}@2.0.0", "--canary", BOX)
        box.until(lambda: desk.typed("rollout", "show", "first")[0]["state"] == "done", PATIENCE_S)
        box.until(lambda: models_of(box)[-1] == new, PATIENCE_S)
        released = {model["version"]: Model.model_validate(model) for model in desk.typed("push", "ls")["released"]}
        rows = Rollouts(desk.database, SystemClock()).boxes("first")
        yield Site(running, desk, box, heard, old, new, released, rows)


def test_a_model_is_pushed_while_footage_runs_and_no_frame_is_lost(site: Site) -> None:
    box = site.box
    assert lost(box) == {}, "of the box's own counters"
    box.until(lambda: accounted(box), PATIENCE_S)
    assert models_of(box) == [site.old, site.new], "each event says which model saw it, before the switch and after"
    assert logs(box) == [(site.old, {site.old}), (site.new, {site.new})], "and so does each log's first line"
    assert [(row["state"], row["signed"], row["before"]) for row in site.rows] == [("committed", 1, site.old)]
    states = [report["state"] for report in site.reports() if report["rollout"] == "first"]
    assert list(dict.fromkeys(states)) == ["offered", "downloading", "verified", "preflight", "selftest", "shadow", "trial", "committed"]
    told = [json.loads(message.payload) for message in site.heard.came if message.topic == f"{UP}event"]
    assert {event["model"] for event in told} == {site.old, site.new}
    info = [json.loads(message.payload)["data"]["model"] for message in site.heard.came if message.topic == f"{UP}info"]
    assert (info[0], info[-1]) == (site.old, site.new)


def refused(site: Site, raw: bytes, code: str) -> None:
    """Said in up/update, and what serves is what served."""
    before = len(site.reports())
    with party(site.fleet, "trainer") as thief:
        assert thief.publish(Topics(BOX).dn("desired"), raw, retain=True) < 128, "the broker takes it: it has the trainer's account"
    site.until(lambda: any((r["refused"] or {}).get("code") == code for r in site.reports()[before:]))
    assert site.reports()[-1]["current"] == site.new


def test_who_has_the_brokers_account_and_no_key_chooses_nothing(site: Site) -> None:
    released = site.released["1.0.0"]
    refused(site, site.sign(released, site.seq + 10, by=SigningKey(b"t" * 32)), "E_SIG")
    refused(site, site.sign(released, 5), "E_REPLAY")  # signed by us, a while ago
    refused(site, site.sign(released, site.seq + 20, device=OTHER), "E_OTHER_DEVICE")
    refused(site, b"{}", "E_HOSTILE")
    assert models_of(site.box)[-1] == site.new


def test_who_has_the_assignment_key_too_can_only_choose_among_what_was_released(site: Site) -> None:
    other = {"target": f"models/{NAME}/{NAME}-9.0.0-aaaaaaaaaaaa.vdb", "version": "9.0.0", "digest": site.old}
    theirs = site.released["2.0.0"].model_copy(update=other)
    before = len(site.reports())
    with party(site.fleet, "trainer") as thief:
        thief.publish(Topics(BOX).dn("desired"), site.sign(theirs, site.seq + 30), retain=True)
    site.until(lambda: any(report["state"] == "rejected" for report in site.reports()[before:]))
    last = next(report for report in site.reports()[before:] if report["state"] == "rejected")
    assert (last["code"], last["current"]) == ("E_SIG", site.new)
    assert "is not among the released targets" in last["words"]


def test_who_has_another_boxs_certificate_tells_this_one_nothing(site: Site) -> None:
    raw = site.sign(site.released["1.0.0"], site.seq + 40)
    with party(site.fleet, OTHER) as thief:
        for topic in (Topics(BOX).dn("desired"), fleet("desired"), Topics(OTHER).dn("desired"), Topics(BOX).dn("cmd")):
            assert thief.publish(topic, raw, retain=True) == NOT_ALLOWED


def test_a_command_that_is_retained_is_not_done(site: Site) -> None:
    assert site.box.process
    pid = site.box.process.pid
    now = datetime.now(timezone.utc).isoformat()
    command = {"v": 1, "id": "01KAKV1Q0X0000000000000777", "cmd": "restart", "t": now, "args": {}}
    with party(site.fleet, "trainer") as thief:
        thief.publish(Topics(BOX).dn("cmd"), json.dumps(command).encode(), retain=True)
        site.until(lambda: any(b"E_RETAINED" in m.payload for m in list(site.heard.came) if m.topic.startswith(f"{UP}res")))
        thief.publish(Topics(BOX).dn("cmd"), b"", retain=True)
    assert (site.box.process.poll(), site.box.process.pid) == (None, pid)
    assert lost(site.box) == {}
