"""Health adds up, alerts last, and neither touches the disk more than it must."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from broker.letters import Letter
from contracts.health import Health
from contracts.status import Alert
from contracts.topics import Topics
from device.clock import SystemClock
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.publish.health import HealthReport, Options
from device.publish.notices import Notices
from device.publish.stamp import Stamp
from device.publish.system import figures
from tests.clocks import HandClock
from tests.device.publish.fakes import DEVICE, Box, event, eventually
from tests.device.publish.mosquitto import Broker, envelopes, listening, needs_mosquitto


class Ward:
    """A report with everything it looks at."""

    def __init__(self, folder: Path, **thresholds: Any) -> None:
        self.clock, self.board, self.tally = HandClock(), Board(), Tally()
        self.notices = Notices(self.tally)
        self.late: list[str] = []
        self.stamp = Stamp(self.clock, "street", boot="b")
        self.report = HealthReport(
            Options.model_validate({"alerts": {"disk_free_percent": 0, "temperature_c": 1000, **thresholds}}),
            Topics(DEVICE),
            self.stamp,
            board=self.board,
            tally=self.tally,
            late=lambda: self.late,
            outbox=None,
            notices=self.notices,
            data=folder,
        )

    def step(self, seconds: float = 10) -> Health:
        self.clock.advance(seconds)
        return self.report.step()

    def alerts(self) -> dict[str, Alert | None]:
        """What was posted since the last look, by id; None: taken back."""
        found: dict[str, Alert | None] = {}
        while (letter := self.notices.take()) is not None:
            if "/alert/" in letter.topic:
                assert letter.retain
                data = json.loads(letter.payload)["data"] if letter.payload else None
                found[letter.topic.rsplit("/", 1)[1]] = Alert.model_validate(data) if data else None
        return found


def test_a_camera_that_comes_or_goes_is_said_at_once(tmp_path: Path) -> None:
    """The next report by itself is ten minutes away."""
    board, tally, stamp = Board(), Tally(), Stamp(SystemClock(), "street", boot="b")
    notices, options = Notices(tally), Options.model_validate({"interval_s": 600})
    report = HealthReport(
        options, Topics(DEVICE), stamp, board=board, tally=tally, late=list, outbox=None, notices=notices, data=tmp_path
    )
    board.camera("door", state="online")
    thread = threading.Thread(target=report.run, args=(lambda: None,))
    thread.start()
    try:
        eventually(lambda: report.last is not None and report.last.cameras["door"].state == "online")
        board.camera("door", state="unplugged", reason="camera door: is not plugged in; plug it in")
        eventually(lambda: report.last is not None and report.last.cameras["door"].state == "unplugged")
    finally:
        report.close()
        thread.join(10)


def test_a_cameras_figures_add_up(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    ward.board.camera("yard", state="online", codec="h264", width=1920, height=1080, gate="active", since_wall_ns=ward.clock.wall)
    ward.step()
    for what, reason, count in (("offered", "", 100), ("analysed", "", 90), ("gated", "", 7), ("dropped", "busy", 3)):
        ward.tally.count("yard", what, reason, by=count)
    for ms in range(1, 101):
        ward.tally.took("yard", "detect", ms * 1_000_000)
    ward.tally.count("yard", "no_answer", "timeout", by=2)
    ward.tally.gauge("yard", "last_frame_mono_ns", ward.clock.mono + 9_800_000_000)
    health = ward.step(10)
    yard = health.cameras["yard"]
    assert yard.offered == yard.analysed + yard.gated + sum(yard.dropped.values())
    assert (yard.fps, yard.fps_offered, yard.dropped, yard.frame_age_s, yard.codec) == (9.0, 10.0, {"busy": 3}, 0.2, "h264")
    assert yard.no_answer == {"timeout": 2}
    stage = yard.stages["detect"]
    assert (stage.count, stage.p50_ms, stage.p95_ms, stage.p99_ms) == (100, 50.0, 95.0, 99.0)
    assert health.fps == 9.0
    assert ward.step(10).fps == 0


def test_a_camera_that_the_gate_watches_is_as_young_as_the_gates_last_look(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    ward.board.camera("yard", state="online", gate="idle")
    assert ward.step(1).cameras["yard"].frame_age_s is None
    ward.tally.gauge("yard", "last_frame_mono_ns", ward.clock.mono)
    ward.tally.gauge("yard", "last_gated_mono_ns", ward.clock.mono + 3_599_000_000_000)
    assert ward.step(3600).cameras["yard"].frame_age_s == 1.0


def test_work_of_no_camera_stands_by_itself(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    ward.tally.took("", "journal.commit", 2_000_000)
    ward.tally.count("", "mqtt", "delivered", 5)
    ward.board.part("record", "failed", "disk full", ward.clock.wall)
    health = ward.step()
    assert health.stages["journal.commit"].p50_ms == 2
    assert health.counts["mqtt.delivered"] == 5
    assert health.parts["record"].reason == "disk full"
    assert health.system.clock == "ntp"
    assert health.system.rss_bytes
    assert health.system.disk_free_bytes


def test_health_is_posted_as_a_state_that_expires_and_is_overwritten(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    for _ in range(5):
        ward.step()
    letters = []
    while (letter := ward.notices.take()) is not None:
        letters.append(letter)
    (letter,) = letters
    assert (letter.topic, letter.retain, letter.expiry_s) == (f"vedette/v1/{DEVICE}/up/health", True, 31)
    assert ward.tally.get("", "notices", "overwritten") == 4
    assert not list(tmp_path.iterdir()), "a healthy box writes nothing"


def test_a_camera_that_stays_away_is_an_alert_until_it_is_back(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    ward.board.camera("Left Door", state="retrying", reason="no route to 10.0.0.9; check the cable")
    ward.step()
    ward.step(29)
    assert ward.alerts() == {}
    ward.step(1)
    alert = ward.alerts()["camera-left-door"]
    assert alert
    assert (alert.level, alert.camera) == ("critical", "Left Door")
    assert alert.text == "camera Left Door: no route to 10.0.0.9; check the cable"
    assert alert.mend == "check the cable"
    ward.step()
    assert ward.alerts() == {}, "an alert that stands is not said again"
    ward.board.camera("Left Door", state="online")
    ward.step()
    assert ward.alerts() == {"camera-left-door": None}


def test_a_short_fault_is_none(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    for _ in range(5):
        ward.board.camera("yard", state="retrying")
        ward.step(20)
        ward.board.camera("yard", state="online")
        ward.step(20)
    assert ward.alerts() == {}


@pytest.mark.parametrize(
    ("spoil", "alert_id", "seconds"),
    [
        (lambda w: w.board.part("record", "failed", "disk full"), "part-record", 40),
        (lambda w: w.board.part("mqtt", "degraded", "no broker"), "part-mqtt", 40),
        (lambda w: w.late.append("analyse"), "worker-analyse", 1),
        (lambda w: setattr(w.clock, "said", "unsynced"), "clock", 310),
    ],
)
def test_each_lasting_fault_has_its_alert(tmp_path: Path, spoil: Any, alert_id: str, seconds: float) -> None:
    ward = Ward(tmp_path)
    spoil(ward)
    ward.step()
    ward.step(seconds)
    assert set(ward.alerts()) == {alert_id}


def test_what_stands_is_in_the_report_too_the_worst_first_and_an_old_level_is_understood(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    ward.clock.said = "rtc"
    ward.board.part("mqtt", "degraded", "no broker")
    ward.board.part("record", "failed", "disk full")
    ward.step()
    health = ward.step(310)
    assert [(alert.id, alert.level) for alert in health.alerts] == [
        ("part-record", "critical"), ("part-mqtt", "warning"), ("clock-battery", "info"),
    ]  # fmt: skip
    assert all(alert.mend for alert in health.alerts)
    known = json.loads((tmp_path / "alerts.json").read_text())["alerts"]
    assert [alert["id"] for alert in known] == ["part-record", "part-mqtt", "clock-battery"]
    assert Alert.model_validate(known[0] | {"level": "error"}).level == "critical"


def test_a_low_disk_is_said_at_once(tmp_path: Path) -> None:
    ward = Ward(tmp_path, disk_free_percent=100)
    ward.step()
    alert = ward.alerts()["disk"]
    assert alert
    assert "free; delete recordings" in alert.text


def test_an_alert_of_the_last_run_is_taken_back_when_its_fault_does_not_come_again(tmp_path: Path) -> None:
    before = Ward(tmp_path)
    before.board.part("record", "failed", "disk full")
    before.board.part("mqtt", "degraded", "no broker")
    before.step()
    before.step(40)
    assert set(before.alerts()) == {"part-record", "part-mqtt"}
    after = Ward(tmp_path)
    after.board.part("mqtt", "degraded", "no broker")
    after.step()
    after.step(40)
    assert set(after.alerts()) == {"part-mqtt"}, "not yet: the fault may come again"
    after.step(40)
    assert after.alerts() == {"part-record": None}
    assert json.loads((tmp_path / "alerts.json").read_text())["raised"] == ["part-mqtt"]


@pytest.mark.parametrize("content", [b"", b"\0\0", b"[]", b'{"raised": 3}', b'{"raised": ["../x"]}'])
def test_a_spoilt_list_of_alerts_is_forgotten(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "alerts.json").write_bytes(content)
    ward = Ward(tmp_path)
    ward.step(100)
    assert ward.alerts() == {}


def test_system_figures_are_none_where_the_machine_does_not_say(tmp_path: Path) -> None:
    none = figures(tmp_path / "gone", tmp_path / "gone")
    assert (none.rss_bytes, none.disk_free_bytes, none.written_bytes) == (None,) * 3


def test_notices_come_again_after_a_connection_and_replies_do_not() -> None:
    notices = Notices(Tally())
    notices.post_state(Letter("a", b"1", retain=True))
    notices.post_state(Letter("a", b"2", retain=True))
    notices.post_reply(Letter("r", b"x"))
    assert [notices.take().payload for _ in range(2)] == [b"x", b"2"]  # type: ignore[union-attr]
    assert notices.take() is None
    notices.all_again()
    assert notices.take() == Letter("a", b"2", retain=True)
    assert notices.empty()


@pytest.mark.broker
@needs_mosquitto
def test_health_and_alerts_stay_at_the_broker_and_are_cleared_there(tmp_path: Path, broker: Broker) -> None:
    with Box(tmp_path, broker) as box:
        report = HealthReport(
            Options.model_validate({"alerts": {"lasting_s": 0}}),
            Topics(DEVICE),
            box.stamp,  # type: ignore[arg-type]
            board=box.board,
            tally=box.tally,
            late=box.crew.late,
            outbox=box.outbox,
            notices=box.notices,
            data=tmp_path,
        )
        box.await_part("mqtt", "ok")
        box.put(event(1))
        eventually(lambda: box.tally.get("", "mqtt", "delivered") == 1)
        box.board.part("record", "failed", "disk full")
        report.step()
        with listening(broker, f"vedette/v1/{DEVICE}/up/health", f"vedette/v1/{DEVICE}/up/alert/#", client_id="first") as listener:
            messages = listener.wait(lambda m: envelopes(m, "health") and envelopes(m, "alert"))
            health = Health.model_validate(envelopes(messages, "health")[0]["data"])
            assert health.outbox
            assert (health.outbox.depth, health.outbox.last_seq) == (0, 1)
            assert envelopes(messages, "alert")[0]["data"]["text"] == "record: disk full"
            box.board.part("record", "ok")
            report.step()
            listener.wait(lambda m: any(x.topic.endswith("alert/part-record") and not x.payload for x in m))
        with listening(broker, f"vedette/v1/{DEVICE}/up/#", client_id="second") as later:
            later.wait(lambda m: envelopes(m, "health"))
            assert envelopes(later.messages, "alert") == []


def test_the_worker_reports_at_its_interval_until_it_is_closed(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        ward.clock.advance(20)
        if len(ticks) == 3:
            ward.report.close()

    ward.report.run(tick)
    assert ward.tally.get("", "notices", "overwritten") == 2
