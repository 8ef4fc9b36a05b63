"""The live box as a process: a real RTSP camera, a real broker; either goes away for a while, and the box itself is killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from tests.device.publish.mosquitto import Broker, Listener, broker_in, needs_mosquitto
from tests.scenarios.stage import Box, RtspServer, config, film, run_vedette

pytestmark = pytest.mark.timeout(180)
VISITS = ((1.5, 4.0), (9.0, 11.5), (17.0, 19.5))  # far enough apart for the gate to close in between


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film") / "visits.mkv", VISITS, 23.0)


@pytest.fixture
def camera(visits: Path) -> Iterator[RtspServer]:
    server = RtspServer(visits)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    (tmp_path / "broker").mkdir()
    with broker_in(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def boxes() -> Iterator[list[Box]]:
    started: list[Box] = []
    yield started
    for box in started:
        if box.process and box.process.poll() is None:
            box.process.kill()
            box.process.wait(10)


def messages(listener: Listener) -> list[dict[str, Any]]:
    return [json.loads(m.payload) for m in listener.messages if m.topic.endswith("/up/event")]


def as_logged(event: dict[str, Any]) -> tuple[str, str, str]:
    return event["id"], event["life"], event["t"]


def endless(path: Path) -> dict[str, Any]:
    return {"use": "file", "path": str(path), "pace": "realtime", "loop": True}


@pytest.mark.rtsp
def test_a_film_as_a_live_camera_gives_the_events_of_its_file_within_a_sampling_interval(
    camera: RtspServer, visits: Path, tmp_path: Path, boxes: list[Box]
) -> None:
    device = config(tmp_path, {"use": "rtsp", "url": camera.url})
    boxes.append(box := Box(device).start())
    box.until(lambda: len(box.events("end")) >= len(VISITS), 90)
    assert box.stop() == 0
    live = [e for e in box.events() if e["life"] in {"new", "end"}]
    done = run_vedette("replay", str(visits), "--config", str(device), "--camera", "yard", "--output", "r", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    recorded = [json.loads(line) for line in (tmp_path / "r" / "visits" / "events.jsonl").read_text().splitlines()[1:]]
    filed = [e for e in recorded if e["life"] in {"new", "end"}]
    of_film = live[: len(filed)]
    assert [(e["life"], e["label"]) for e in of_film] == [(e["life"], e["label"]) for e in filed]
    late = of_film[0]["start_pts_ns"] - filed[0]["start_pts_ns"]  # when we came to the camera
    for seen, known in zip(of_film, filed, strict=True):
        assert abs(seen["start_pts_ns"] - late - known["start_pts_ns"]) <= 100_000_000
        assert abs(seen["pts_ns"] - late - known["pts_ns"]) <= 100_000_000


@needs_mosquitto
@pytest.mark.broker
def test_a_broker_away_for_a_while_costs_no_event_and_no_detection(broker: Broker, visits: Path, tmp_path: Path, boxes: list[Box]) -> None:
    listener = Listener(broker, "vedette/v1/+/up/#")
    device = config(tmp_path, endless(visits), mqtt={"host": "127.0.0.1", "port": broker.port, "reconnect_max_s": 2})
    boxes.append(box := Box(device).start())
    listener.wait(lambda _: len(messages(listener)) >= 2, 30)
    broker.kill()
    known = len(box.events())
    before = box.health()["cameras"]["yard"]["analysed"]
    box.until(lambda: len(box.events()) >= known + 3, 60)
    assert box.health()["cameras"]["yard"]["analysed"] > before + 50, "detection went on"
    broker.start()
    box.until(lambda: box.ask("/api/v1/health")["parts"]["mqtt"]["state"] == "ok", 30)
    waited_for = len(box.events())
    listener.wait(lambda _: len({m["seq"] for m in messages(listener)}) >= waited_for, 30)
    assert box.stop() == 0
    total = len(box.events())
    listener.wait(lambda _: len({m["seq"] for m in messages(listener)}) >= total, 20)
    heard = {m["id"]: m for m in messages(listener)}  # deduplicated by id, as a receiver does
    assert sorted(m["seq"] for m in heard.values()) == list(range(1, total + 1)), "no hole, none twice"
    assert sorted(as_logged(m["data"]) for m in heard.values()) == sorted(as_logged(e) for e in box.events())
    listener.close()


@pytest.mark.rtsp
def test_a_camera_away_for_a_while_is_said_and_comes_back(camera: RtspServer, tmp_path: Path, boxes: list[Box]) -> None:
    boxes.append(box := Box(config(tmp_path, {"use": "rtsp", "url": camera.url})).start())
    box.until(lambda: box.health() and box.health()["cameras"]["yard"]["analysed"] > 5, 30)
    camera.kill()
    said = box.until(lambda: (state := box.health()["cameras"]["yard"])["state"] == "retrying" and state, 30)
    assert "yard" in said["reason"]
    camera.start()
    box.until(lambda: box.health()["cameras"]["yard"]["state"] == "online", 60)
    counts = box.health()["cameras"]["yard"]["analysed"]
    box.until(lambda: box.health()["cameras"]["yard"]["analysed"] > counts + 5, 30)
    assert box.health()["cameras"]["yard"]["reconnects"] >= 1
    assert box.stop() == 0
    pts = [e["pts_ns"] for e in box.events()]
    assert pts == sorted(pts), "media time never steps back over a reconnect"


def test_killed_in_the_middle_of_a_clip_what_is_on_disk_plays_and_the_box_goes_on(visits: Path, tmp_path: Path, boxes: list[Box]) -> None:
    boxes.append(box := Box(config(tmp_path, endless(visits))).start())
    box.until(lambda: [part for part in box.data.glob("clips/*/*/*.part") if frames(part) >= 20], 30)
    box.until(lambda: box.events("new"), 10)
    opened = box.events("new")[-1]
    box.stop(signal.SIGKILL)
    parts = list(box.data.glob("clips/*/*/*.part"))
    assert len(parts) == 1
    assert frames(parts[0]) >= 20, "what was written before the kill plays as it is"
    box.start()
    assert not list(box.data.glob("clips/*/*/*.part")) or box.events("new")[-1]["id"] != opened["id"]
    manifests = [json.loads(path.read_text()) for path in box.data.glob("clips/*/*/*.json")]
    recovered = [clip for clip in manifests if clip["state"] == "recovered"]
    assert len(recovered) == 1
    assert frames(next(box.data.glob(f"clips/*/*/{recovered[0]['file']}"))) == recovered[0]["frames"]
    box.until(lambda: [e for e in box.ask("/api/v1/events?limit=100")["events"] if e["id"] == opened["id"] and e["life"] == "end"], 20)
    box.until(lambda: len({e["id"] for e in box.events("new")}) > len({opened["id"]}), 60)
    assert box.stop() == 0
    assert not list(box.data.glob("clips/*/*/*.part"))


def test_every_sample_of_a_live_camera_is_accounted_for(visits: Path, tmp_path: Path, boxes: list[Box]) -> None:
    """A model far too slow on purpose: one worker, thirty samples a second."""
    device = config(tmp_path, endless(visits), detection_fps=30)
    boxes.append(box := Box(device).start())
    box.until(lambda: box.events("end"), 60)

    def settled() -> Any:
        camera = box.health()["cameras"]["yard"]
        fates = camera["analysed"] + camera["gated"] + sum(camera["dropped"].values())
        return 0 <= camera["offered"] - fates <= 6 and camera["offered"] > 100  # those few are in flight

    box.until(settled, 20)
    assert box.stop() == 0


def frames(path: Path) -> int:
    """That play; 0: nothing of it is on disk yet."""
    try:
        with av.open(str(path)) as video:
            return sum(1 for _ in video.decode(video=0))
    except av.error.FFmpegError:
        return 0
