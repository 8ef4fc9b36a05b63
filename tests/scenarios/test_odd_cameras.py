"""Cameras that end, stand still, come back different, lie on their side or speak another codec: the whole box on each."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tests.device.publish.mosquitto import Broker, broker_in, envelopes, listening, needs_mosquitto
from tests.scenarios.stage import Box, RtspServer, config, film, run_vedette

pytestmark = pytest.mark.timeout(120)


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


def manifests(data: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(data.glob("clips/*/*/*.json"))]


@needs_mosquitto
@pytest.mark.broker
def test_when_all_cameras_have_ended_the_box_is_there_until_it_is_stopped(broker: Broker, tmp_path: Path, boxes: list[Box]) -> None:
    visit = film(tmp_path / "visit.mkv", ((0.5, 2.5),), 4.0)
    camera = {"use": "file", "path": str(visit), "pace": "realtime"}
    with listening(broker, "vedette/v1/box-01/up/#") as listener:
        boxes.append(box := Box(config(tmp_path, camera, mqtt={"host": "127.0.0.1", "port": broker.port})).start())
        box.until(lambda: box.health() and box.health()["cameras"]["yard"]["state"] == "ended", 30)
        box.until(lambda: len(manifests(box.data)) == 1, 20)
        listener.publish("vedette/v1/box-01/dn/cmd", b'{"v":1,"id":"a","cmd":"snapshot","args":{"camera":"yard"}}')
        reply = envelopes(listener.wait(lambda m: envelopes(m, "res")), "res")[0]["data"]
        assert reply["ok"], reply
        assert (box.data / reply["data"]["path"]).stat().st_size == reply["data"]["bytes"]
        assert box.health()["parts"]["mqtt"]["state"] == "ok"
        assert [e["data"]["state"] for e in envelopes(listener.messages, "status")] == ["online"]
        assert box.stop() == 0
        listener.wait(lambda m: [e["data"]["state"] for e in envelopes(m, "status")] == ["online", "offline"])
        assert [e["data"]["life"] for e in envelopes(listener.messages)][-1] == "end"


def test_an_event_over_which_the_gate_closes_is_one_event_and_ends_when_it_was_last_seen(tmp_path: Path) -> None:
    """It walks in, stands until it is part of the backdrop and the gate sleeps, and walks out."""
    path = film(tmp_path / "stands.mkv", ((2.0, 52.0),), 60.0, stands=(4.0, 50.0))
    device = config(tmp_path, {"use": "pattern", "pace": "realtime"})
    done = run_vedette("replay", str(path), "--config", str(device), "--output", "o", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    events = [json.loads(line) for line in (tmp_path / "o" / "stands" / "events.jsonl").read_text().splitlines()[1:]]
    assert summary["gated"] > 40, "the gate slept while it stood"
    assert len({event["id"] for event in events}) == 1
    assert [event["life"] for event in events if event["life"] != "update"] == ["new", "end"]
    assert events[0]["start_pts_ns"] / 1e9 == pytest.approx(2.0, abs=0.1)
    assert events[-1]["pts_ns"] / 1e9 == pytest.approx(52.0, abs=0.2)


@pytest.mark.rtsp
def test_a_camera_that_comes_back_in_another_size_in_the_middle_of_an_event_costs_neither_event_nor_clip(
    tmp_path: Path, boxes: list[Box]
) -> None:
    server = RtspServer(film(tmp_path / "small.mkv", ((1.0, 38.0),), 40.0))
    server.start()
    try:
        boxes.append(box := Box(config(tmp_path, {"use": "rtsp", "url": server.url})).start())
        box.until(lambda: box.events("update"), 30)
        server.kill()
        box.until(lambda: box.health()["cameras"]["yard"]["state"] == "retrying", 20)
        server.path = film(tmp_path / "large.mkv", ((0.5, 3.0),), 10.0, size=(640, 480))
        server.start()
        box.until(lambda: len(box.events("end")) >= 2, 60)
        box.until(lambda: len(manifests(box.data)) >= 2, 20)
        assert box.stop() == 0
    finally:
        server.kill()
    lives: dict[str, list[str]] = {}
    for event in box.events():
        lives.setdefault(event["id"], []).append(event["life"])
    first, second = list(lives)[:2]
    assert all(life[0] == "new" and life.count("new") == life.count("end") == 1 for life in (lives[first], lives[second]))
    ended = next(e for e in box.events("end") if e["id"] == first)
    came = next(e for e in box.events("new") if e["id"] == second)
    assert (ended["frame_size"], came["frame_size"]) == ([320, 240], [640, 480])
    assert ended["pts_ns"] < came["start_pts_ns"], "it ended when it was last seen, not when the camera was back"
    small, large = manifests(box.data)[:2]
    assert (small["width"], small["reason"], [e["id"] for e in small["events"]]) == (320, "stream changed", [first])
    assert (large["width"], second in [e["id"] for e in large["events"]]) == (640, True)
    for clip in (small, large):
        assert len(decoded(next(box.data.glob(f"clips/*/*/{clip['file']}")))) == clip["frames"]


@pytest.mark.parametrize(("name", "codec"), [("turned.mp4", "h264"), ("hevc.mp4", "hevc"), ("moving.avi", "mjpeg")])
def test_a_clip_and_a_snapshot_show_what_the_event_saw(name: str, codec: str, tmp_path: Path, boxes: list[Box]) -> None:
    visit = film(tmp_path / "visit.mkv", ((0.5, 2.5),), 4.0)
    path = {"h264": turned, "hevc": encoded, "mjpeg": encoded}[codec](visit, tmp_path / name)
    boxes.append(box := Box(config(tmp_path, {"use": "file", "path": str(path), "pace": "realtime"})).start())
    box.until(lambda: len(manifests(box.data)) == 1, 40)
    clip = manifests(box.data)[0]
    width, height = next(e["frame_size"] for e in box.events())
    assert (width < height) == (codec == "h264")
    assert clip["codec"] == codec
    kept = decoded(next(box.data.glob(f"clips/*/*/{clip['file']}")))
    assert len(kept) == clip["frames"]
    assert kept[0].rotation == decoded(path)[0].rotation, "players turn it as they would turn the source"
    answer = box.read("/api/v1/snapshot/yard.jpg")
    shown = cv2.imdecode(np.frombuffer(answer, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape[:2] == (height, width)
    assert box.stop() == 0


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as video:
        return list(video.decode(video=0))


def turned(visit: Path, path: Path) -> Path:
    """The same packets, with the note that the picture lies on its side."""
    with av.open(str(visit)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0], opaque=True)
        stream.set_display_rotation(-270)
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    return path


def encoded(visit: Path, path: Path) -> Path:
    hevc = ["libx265", "-preset", "ultrafast", "-x265-params", "keyint=25:log-level=none"]
    codec = hevc if path.suffix == ".mp4" else ["mjpeg", "-q:v", "4"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(visit), "-c:v", *codec, str(path)], check=True)
    return path
