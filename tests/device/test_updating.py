"""The appliance with a real broker: a model is assigned and comes, over HTTP or over the broker alone; strangers change nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contracts.errors import ConfigError
from contracts.update import ChunkAsk, Figures, Receipt
from device.app import Appliance
from device.bundles import find_bundle
from device.clock import SystemClock
from device.config import Loaded, load
from device.following import served, trusted
from device.update.pin import Pin
from device.update.slots import Slots
from device.updating import checked
from tests.device.publish.mosquitto import Broker, Listener, broker_in, listening, needs_mosquitto
from tests.device.test_app import PATTERN
from tests.device.update.box import bundle
from tests.device.update.repository import Repository
from tests.device.update.server import serving
from tests.scenarios.stage import config
from vision.bundle import StoredBundle

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 600  # the process of a self-test starts in two seconds where nothing else runs, and in minutes where sixty others do
PROVE: dict[str, Any] = {
    "looks": 8, "p95_ms": 60_000, "drops": 1, "growth_mb": 500,  # for the same reason
    "shadow_s": 1, "shadow_frames": 3, "shadow_share": 1.0, "trial_s": 1, "trial_frames": 5,
}  # fmt: skip
NOW = datetime.now(timezone.utc)
pytestmark = [pytest.mark.broker, needs_mosquitto, pytest.mark.timeout(1800)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    (tmp_path / "broker").mkdir()
    with broker_in(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository", expires=timedelta(days=3650))
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "root.json").write_bytes(made.root)
    (trust / "assignment.json").write_text(made.keys.model_dump_json())
    return made


@pytest.fixture
def factory(tmp_path: Path) -> StoredBundle:
    return bundle(tmp_path / "bundles" / "white-box", "1.0.0")


def loaded(tmp_path: Path, broker: Broker, **update: Any) -> Loaded:
    path = config(
        tmp_path, PATTERN, page={"port": 0}, record=None, device_id="edge01", mqtt={"port": broker.port},
        model={"folders": [str(tmp_path / "bundles")]}, pipeline={"detect": {"bundle": "white-box", "timeout_ms": 60_000}},
        update={"trust": str(tmp_path / "trust"), "retry_min_s": 0.05, "prove": PROVE, **update},
    )  # fmt: skip
    return load(path)


def states(messages: list[Any], *wanted: str) -> list[dict[str, Any]]:
    found = [json.loads(message.payload)["data"] for message in messages if message.topic.endswith("/up/update")]
    return [each for each in found if each["state"] in wanted]


def assigned(repository: Repository, model: Any, **said: Any) -> bytes:
    return repository.assign(model, expires=NOW + timedelta(days=2), **said)


def test_a_retained_assignment_brings_the_model_and_the_next_start_runs_it(
    tmp_path: Path, broker: Broker, repository: Repository, factory: StoredBundle
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish(expires=NOW + timedelta(days=30))
    with serving(repository.folder) as files, listening(broker, "vedette/v1/edge01/up/#") as ear:
        ear.publish("vedette/v1/edge01/dn/desired", assigned(repository, model), retain=True)
        settings = loaded(tmp_path, broker, url=files.url)
        box = Appliance(settings, SystemClock())
        assert box.model == factory.digest
        box.start()
        try:
            heard = ear.wait(lambda messages: [s for s in states(messages, "committed") if s["seq"] == 1], PATIENCE_S)
            stranger = json.loads(assigned(repository, None))
            stranger["sigs"][0]["sig"] = "0" * 128
            ear.publish("vedette/v1/edge01/dn/desired", json.dumps(stranger).encode())
            ear.wait(lambda messages: [s for s in states(messages, "committed") if s["refused"]], PATIENCE_S)
            assert box.page is not None
            with urlopen(f"{box.page.address}/api/v1/health", timeout=10) as answer:  # noqa: S310  loopback, http
                assert answer.status == 200
            with urlopen(f"{box.page.address}/metrics", timeout=10) as answer:  # noqa: S310  loopback, http
                assert model.digest in answer.read().decode()
        finally:
            box.stop()
        report = next(each for each in states(heard, "committed") if each["seq"] == 1)
        assert (report["current"], report["figures"]["golden_pictures"]) == (model.digest, 1)
        info = next(json.loads(m.payload)["data"] for m in heard if m.topic.endswith("/up/info"))
        assert info["key"]["keyval"]["public"]
        infos = [json.loads(m.payload) for m in heard if m.topic.endswith("/up/info")]
        assert [each["data"]["model"] for each in infos] == [factory.digest, model.digest]
        assert [s["state"] for s in states(heard, "selftest", "shadow", "trial", "committed")][-1] == "committed"
        assert report["figures"]["agreement"] == 1
        assert report["figures"]["shadow_frames"] >= 3
        assert box.updating is not None
        receipt = Receipt.model_validate_json(report["receipt"]["payload"])
        assert receipt.figures == Figures.model_validate(report["figures"])
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(box.updating.key.keyval.public))
        key.verify(bytes.fromhex(report["receipt"]["sig"]["sig"]), report["receipt"]["payload"].encode())
        assert box.tally.get("yard", "no_answer") == 0
        wait_for_lost = box.tally.get("yard", "offered") - box.tally.get("yard", "analysed") - box.tally.get("yard", "dropped")
        assert wait_for_lost == 0
        box = Appliance(settings, SystemClock())
        box.start()
        box.stop()
        assert box.model == model.digest


def test_a_retained_command_changes_no_model(tmp_path: Path, broker: Broker, repository: Repository, factory: StoredBundle) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish(expires=NOW + timedelta(days=30))
    with listening(broker, "vedette/v1/edge01/up/#") as ear:
        order = {"v": 1, "id": "a", "cmd": "update", "args": {"model": model.model_dump(mode="json")}}
        ear.publish("vedette/v1/edge01/dn/cmd", json.dumps(order).encode(), retain=True)
        ear.publish("vedette/v1/fleet/dn/cmd", assigned(repository, model), retain=True)
        box = Appliance(loaded(tmp_path, broker), SystemClock())
        box.start()
        try:
            answers = ear.wait(lambda messages: len([m for m in messages if m.topic.endswith("/up/res")]) >= 2, PATIENCE_S)
        finally:
            box.stop()
    replies = [json.loads(m.payload)["data"] for m in answers if m.topic.endswith("/up/res")]
    assert [reply["code"] for reply in replies] == ["E_RETAINED", "E_RETAINED"]
    assert find_bundle("white-box", loaded(tmp_path, broker).settings).name == factory.digest.removeprefix("sha256:")


def answering(repository: Repository, ear: Listener, stopping: threading.Event) -> None:
    """The trainer's end of the road over the broker."""
    done = 0
    while not stopping.is_set():
        try:
            messages = ear.wait(lambda heard, before=done: len(asks(heard)) > before, 0.5)
        except AssertionError:
            continue
        for ask in asks(messages)[done:]:
            done += 1
            path = repository.folder / ask.path
            topic = f"vedette/v1/edge01/dn/chunk/{ask.id}"
            if path.is_file():
                ear.publish(topic, path.read_bytes()[ask.offset : ask.offset + ask.size])
            else:
                ear.publish(f"{topic}/missing", b"")


def asks(messages: list[Any]) -> list[ChunkAsk]:
    return [ChunkAsk.model_validate(json.loads(m.payload)["data"]) for m in messages if m.topic.endswith("/up/chunk")]


def test_a_box_that_reaches_the_broker_alone_gets_its_model_all_the_same(
    tmp_path: Path, broker: Broker, repository: Repository, factory: StoredBundle
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish(expires=NOW + timedelta(days=30))
    stopping = threading.Event()
    with (
        listening(broker, "vedette/v1/edge01/up/update") as ear,
        listening(broker, "vedette/v1/edge01/up/chunk", client_id="trainer") as road,
    ):
        trainer = threading.Thread(target=answering, args=(repository, road, stopping))
        trainer.start()
        ear.publish("vedette/v1/edge01/dn/desired", assigned(repository, model), retain=True)
        box = Appliance(loaded(tmp_path, broker, over_mqtt="on"), SystemClock())
        box.start()
        try:
            # what comes then is the same as with any other road, and takes a process of its own
            ear.wait(lambda messages: [s for s in states(messages, "selftest") if s["model"] == model.digest], PATIENCE_S)
            slots = Slots(tmp_path / "data" / "models")
            assert slots.open(model.digest).manifest.version == model.version
            assert box.tally.get("", "update", "mqtt_bytes") > 0
        finally:
            box.stop()
            stopping.set()
            trainer.join(PATIENCE_S)


def test_a_state_that_cannot_be_read_stops_updates_and_nothing_else(
    tmp_path: Path, broker: Broker, repository: Repository, factory: StoredBundle
) -> None:
    path = tmp_path / "data" / "update" / "state.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database" * 1000)
    box = Appliance(loaded(tmp_path, broker), SystemClock())
    part = box.board.parts()["update"]
    box.start()
    box.stop()
    assert part.state == "failed"
    assert "nothing is installed until" in part.reason
    assert box.model == factory.digest


@pytest.mark.parametrize(("name", "content"), [("root.json", b"{}"), ("assignment.json", b"{}"), ("root.json", None)])
def test_trust_that_cannot_be_used_is_said_at_the_start(tmp_path: Path, repository: Repository, name: str, content: bytes | None) -> None:
    path = tmp_path / "trust" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="update"):
        trusted(tmp_path / "trust", SystemClock())


def test_check_says_whether_updates_can_be_used(tmp_path: Path, broker: Broker, repository: Repository, factory: StoredBundle) -> None:
    settings = loaded(tmp_path, broker, url="https://trainer.example/tuf")
    said = checked(settings, SystemClock())
    assert [(each.what, each.level) for each in said] == [("update", "ok"), ("update", "note")]
    assert "export.review.per_day" in said[1].mend
    (tmp_path / "trust" / "assignment.json").write_text("{}")
    (found,) = checked(settings, SystemClock())
    assert (found.level, "copy it from the trainer again" in found.mend) == ("error", True)
    bad = loaded(tmp_path, broker, url="gopher://trainer")
    (tmp_path / "trust" / "assignment.json").write_text(repository.keys.model_dump_json())
    assert "is not possible" in checked(bad, SystemClock())[0].text


def test_a_bundle_that_is_named_as_a_file_is_never_replaced(
    tmp_path: Path, broker: Broker, repository: Repository, factory: StoredBundle
) -> None:
    settings = loaded(tmp_path, broker)
    assert served(settings) == "white-box"
    path = config(tmp_path, PATTERN, pipeline={"detect": {"bundle": str(factory.path)}}, update={"trust": str(tmp_path / "trust")})
    with pytest.raises(ConfigError, match="name the bundle"):
        served(load(path))


def test_a_box_without_updates_loads_nothing_of_them() -> None:
    program = "import sys, device.app, device.commands.check; print([m for m in ('tuf', 'cryptography', 'urllib3') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_a_model_that_the_owner_pinned_is_not_replaced(
    tmp_path: Path, broker: Broker, repository: Repository, factory: StoredBundle
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish(expires=NOW + timedelta(days=30))
    pin = Pin(tmp_path / "data")
    pin.on(factory.digest)
    with serving(repository.folder) as files, listening(broker, "vedette/v1/edge01/up/update") as ear:
        ear.publish("vedette/v1/edge01/dn/desired", assigned(repository, model), retain=True)
        box = Appliance(loaded(tmp_path, broker, url=files.url), SystemClock())
        box.start()
        try:
            heard = ear.wait(lambda messages: states(messages, "rejected"), PATIENCE_S)
        finally:
            box.stop()
    (report, *_) = states(heard, "rejected")
    assert (report["code"], report["current"]) == ("E_CONFIG", factory.digest)
    assert "vedette models pin --off" in report["words"]
