"""Home Assistant is told what a box has, by templates that fit what the box really says, and told when something is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.command import read_command
from contracts.health import CameraHealth, Health, OutboxHealth, PartHealth, StorageHealth, SystemHealth
from contracts.status import Alert, Status
from contracts.update import UpdateReport
from contracts.wire import utc_from_ns
from device.pipeline.tally import Tally
from device.publish.discovery import Discovery, Options, topic_of
from device.publish.discovery_parts import Shown, components, key_of
from device.publish.notices import Notices
from device.publish.stamp import Stamp
from tests.clocks import T0_NS, HandClock
from tests.device.publish.fakes import DEVICE, Box, event, eventually
from tests.device.publish.home_assistant import faults_in, rendered
from tests.device.publish.mosquitto import Broker, broker_in, listening, needs_mosquitto

NAMES = ("yard", 'Tür "links" {{ 1 }}', "left\\right %}", "🐈")
SHOWN = Shown(DEVICE, NAMES, updates=True, records=True)
STAMP = Stamp(HandClock(), "street", boot="boot-1")


def camera(state: str = "online") -> CameraHealth:
    return CameraHealth.model_validate({
        "state": state, "fps": 4.5, "fps_offered": 5, "frame_age_s": 0.1, "gate": "off", "offered": 9, "analysed": 8, "gated": 0,
        "dropped": {}, "events": 3, "since": utc_from_ns(T0_NS),
    })  # fmt: skip


def health(**changes: Any) -> bytes:
    """One as a box says it; nothing that may be unknown is known."""
    cameras, parts = {name: camera() for name in NAMES}, {"mqtt": PartHealth(state="ok")}
    return payload("health", Health(**{"fps": 4.5, "cameras": cameras, "parts": parts, "system": system(), **changes}))


def system(rss: int | None = None, free: int | None = None, degrees: float | None = None) -> SystemHealth:
    return SystemHealth(
        rss_bytes=rss, cpu_percent=1, disk_total_bytes=None, disk_free_bytes=free, written_bytes=None, temperature_c=degrees, uptime_s=1,
        clock="ntp",
    )  # fmt: skip


def payload(kind: str, data: Any) -> bytes:
    return STAMP.wrap(kind, data).model_dump_json().encode()


def said(key: str, message: bytes, template: str = "value_template") -> str:
    return rendered(components(SHOWN)[key][template], message)


def told(folder: Path, shown: Shown = SHOWN, prefix: str = "homeassistant") -> dict[str, Any]:
    """What a start of the box says, by topic."""
    notices = Notices(Tally())
    Discovery(notices, folder / "discovery.json").say(Options(prefix=prefix), shown, {"model": "Orin"}, "0.1.0")
    return {letter.topic: json.loads(letter.payload or b"null") for letter in waiting(notices)}


def waiting(notices: Notices) -> list[Any]:
    found = []
    while (letter := notices.take()) is not None:
        assert letter.retain
        found.append(letter)
    return found


def test_home_assistant_takes_what_is_said_of_a_box(tmp_path: Path) -> None:
    ((topic, message),) = told(tmp_path).items()
    assert topic == f"homeassistant/device/{DEVICE}/config"
    assert faults_in(topic, message) == []
    assert message["device"]["identifiers"] == [f"vedette-{DEVICE}"]
    message["components"]["fps"]["options"] = ["a"]
    assert faults_in(topic, message) != [], "the rules can say no"


def test_a_box_is_there_from_its_birth_to_its_last_will(tmp_path: Path) -> None:
    ((_, message),) = told(tmp_path).items()
    (there,) = message["availability"]
    assert there["topic"] == f"vedette/v1/{DEVICE}/up/status"
    words = [rendered(there["value_template"], payload("status", Status(state=s, session="s"))) for s in ("online", "offline", "lost")]
    assert words == ["online", "offline", "offline"]


@pytest.mark.parametrize("name", NAMES)
def test_a_camera_is_online_or_not_whatever_it_is_called(name: str) -> None:
    key = f"online_{key_of(name)}"
    assert said(key, health()) == "ON"
    assert said(key, health(cameras={**{n: camera() for n in NAMES}, name: camera("unplugged")})) == "OFF"
    assert said(key, health(cameras={})) == "OFF"
    assert json.loads(said(key, health(), "json_attributes_template"))["state"] == "online"


def test_figures_are_numbers_and_unknown_is_unknown() -> None:
    sensors = [key for key, each in components(SHOWN).items() if each["platform"] == "sensor" and "/health" in each["state_topic"]]
    little, full = health(), health(
        system=system(2_340_000_000, 10**11, 61.5),
        storage=StorageHealth(state="ok", days_left=12.5),
        outbox=OutboxHealth(depth=7, bytes=1, oldest_age_s=None, unsaved=0, shed=0, shed_to_seq=0, last_seq=9),
    )  # fmt: skip
    for key in sensors:
        assert said(key, little) == "None" or float(said(key, little)) >= 0, key
        assert float(said(key, full)) >= 0, key
    shown = {key: said(key, full) for key in ("memory", "disk_free", "temperature", "days_left", "waiting")}
    assert shown == {"memory": "2.3", "disk_free": "100.0", "temperature": "61.5", "days_left": "12.5", "waiting": "7"}


def test_an_alert_that_stands_is_a_problem_with_its_words() -> None:
    alert = Alert(id="camera-yard", level="critical", text="camera yard: no answer; see its cable", since=utc_from_ns(T0_NS))
    assert (said("problem", health()), said("alerts", health())) == ("OFF", "0")
    assert (said("problem", health(alerts=[alert])), said("alerts", health(alerts=[alert]))) == ("ON", "1")
    attributes = json.loads(said("problem", health(alerts=[alert]), "json_attributes_template"))
    assert attributes["alerts"][0]["text"] == alert.text


def test_an_event_is_told_once_when_it_begins_and_once_when_it_ends_for_its_camera_alone() -> None:
    def heard(life: Any, of: str, replay: bool = False) -> Any:
        envelope = STAMP.wrap("event", event(1, life, camera=of)).model_copy(update={"replay": replay})
        return json.loads(said(f"event_{key_of(NAMES[1])}", envelope.model_dump_json().encode()))

    begun = heard("new", NAMES[1])
    assert (begun["event_type"], begun["label"], begun["zones"]) == ("new", "person", ["door"])
    assert heard("end", NAMES[1])["event_type"] == "end"
    assert heard("update", NAMES[1]) == heard("new", "yard") == heard("new", NAMES[1], replay=True) == {}, "which is passed over"


def test_an_update_is_shown_with_its_state_and_words() -> None:
    report = UpdateReport(state="rejected", code="E_SHAPE", words="what, why", at=utc_from_ns(T0_NS), head="0" * 64)
    state = said("update", payload("update", report))
    assert state == "rejected"
    assert state in components(SHOWN)["update"]["options"]
    assert json.loads(said("update", payload("update", report), "json_attributes_template"))["words"] == "what, why"
    assert "update" not in components(Shown(DEVICE, NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_a_button_gives_a_command_that_the_box_takes_and_each_press_is_another(name: str) -> None:
    button = components(SHOWN)[f"snapshot_{key_of(name)}"]
    first, second = (read_command(rendered(button["command_template"]).encode()) for _ in range(2))
    assert button["command_topic"] == f"vedette/v1/{DEVICE}/dn/cmd"
    assert (first.cmd, first.args) == ("snapshot", {"camera": name})
    assert first.id != second.id
    assert not button["retain"], "a retained command is refused"


@given(st.lists(st.text(min_size=1, max_size=64).filter(lambda name: name.isprintable()), min_size=1, max_size=5, unique=True))
@settings(max_examples=25, deadline=None)
def test_cameras_of_any_name_have_ids_of_their_own(names: list[str]) -> None:
    made = components(Shown(DEVICE, tuple(names), records=True))
    assert len([key for key in made if key.startswith("event_")]) == len(names)
    message = {"device": {"identifiers": ["x"]}, "origin": {"name": "x"}, "components": made}
    assert faults_in(topic_of("homeassistant", DEVICE), message) == []
    for name in names:
        said_ = STAMP.wrap("event", event(1, camera=name)).model_dump_json().encode()
        assert json.loads(rendered(made[f"event_{key_of(name)}"]["value_template"], said_))["event_type"] == "new"


def test_what_a_box_no_longer_has_is_taken_away_for_good(tmp_path: Path) -> None:
    told(tmp_path)
    for _ in range(2):
        ((topic, message),) = told(tmp_path, Shown(DEVICE, ("yard",))).items()
        assert message["components"][f"online_{key_of('🐈')}"] == {"platform": "binary_sensor"}
        assert message["components"]["online_yard"]["name"] == "yard online"
        assert faults_in(topic, message) == []


def test_another_prefix_takes_the_old_one_back_and_a_device_id_of_before_is_left_alone(tmp_path: Path) -> None:
    told(tmp_path, Shown("other-box", ("yard",)))
    told(tmp_path)
    messages = told(tmp_path, prefix="ha/site")
    assert messages[f"homeassistant/device/{DEVICE}/config"] is None
    assert set(messages) == {f"homeassistant/device/{DEVICE}/config", f"ha/site/device/{DEVICE}/config"}


def test_a_file_that_is_torn_or_cannot_be_written_does_not_stop_a_box(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "discovery.json").write_text("{")
    assert told(tmp_path)
    blocked = tmp_path / "no"
    blocked.write_text("a file, not a folder")
    assert told(blocked) == {}, "what could not be taken back is not said"
    assert "could not be read" in caplog.text


@pytest.mark.broker
@needs_mosquitto
def test_at_a_broker_it_stands_retained_until_it_is_turned_off(tmp_path: Path, broker: Broker) -> None:
    path, topic = tmp_path / "discovery.json", topic_of("homeassistant", DEVICE)
    with Box(tmp_path, broker) as box:
        Discovery(box.notices, path).say(Options(), SHOWN, {}, "0.1.0")
        with listening(broker, topic) as listener:
            message = listener.wait(lambda m: m)[0]
        assert faults_in(topic, json.loads(message.payload)) == []
    with listening(broker, topic, client_id="late") as late:
        assert late.wait(lambda m: m)[0].retain
        with Box(tmp_path, broker) as box:
            Discovery(box.notices, path).silent(DEVICE)
            late.wait(lambda m: m[-1].payload == b"")
    with listening(broker, topic, "vedette/v1/+/up/status", client_id="later") as later:
        messages = later.wait(lambda m: m)
        assert {m.topic for m in messages} == {f"vedette/v1/{DEVICE}/up/status"}


@pytest.mark.broker
@needs_mosquitto
def test_a_broker_that_forbids_it_is_named_with_what_it_has_to_allow(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "acl").write_text("topic readwrite vedette/#\n")
    (folder / "acl").chmod(0o600)
    with broker_in(folder, f"acl_file {folder}/acl") as broker, Box(tmp_path, broker) as box:
        Discovery(box.notices, tmp_path / "discovery.json").say(Options(), SHOWN, {}, "0.1.0")
        eventually(lambda: f"let it write homeassistant/device/{DEVICE}/config" in box.board.parts()["mqtt"].reason)
