"""The streams a browser listens to, over real WebSockets."""

from __future__ import annotations

import io
import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.device.web.conftest import PASSWORD, TOKEN, WAIT_S, Run, Running, words
from tests.device.web.demo import Demo
from tests.device.web.footage import HEIGHT, WIDTH, picture

LOCKED = {"password": PASSWORD, "token": TOKEN}


def video(page: Running, demo: Demo, count: int) -> tuple[dict[str, object], bytes]:
    """What a browser that plays MP4 gets: the words of the stream and its bytes."""
    with page.listen("/api/v1/live/street") as socket:
        assert words(socket, "hello")["codec"].startswith("avc1.")
        socket.send(json.dumps({"play": "mp4"}))
        said = words(socket, "video")
        data = b""
        while data.count(b"moof") < count:
            message = socket.recv(timeout=WAIT_S)
            data += message if isinstance(message, bytes) else b""
            demo.step()
    return said, data


@pytest.mark.parametrize("b_frames", [0, 2])
def test_the_stream_is_mp4_that_decodes_to_the_same_pictures(tmp_path: Path, run: Run, b_frames: int) -> None:
    demo = Demo(tmp_path / "other", b_frames=b_frames)
    for _ in range(30):
        demo.step()
    page = Running(demo)
    try:
        said, data = video(page, demo, 12)
    finally:
        page.close()
    assert (said["width"], said["height"]) == (WIDTH, HEIGHT)
    with av.open(io.BytesIO(data)) as file:
        frames = list(file.decode(video=0))
    assert len(frames) >= 10
    seen = [frame.to_ndarray(format="bgr24").astype(int) for frame in frames[:8]]
    errors = [np.abs(image - picture(25 + n).astype(int)).mean() for n, image in enumerate(seen)]
    assert max(errors) < 6


def test_times_of_boxes_and_pictures_are_on_one_clock(page: Running, demo: Demo) -> None:
    with page.listen("/api/v1/live/street") as socket:
        words(socket, "hello")
        socket.send(json.dumps({"play": "mp4"}))
        offset = words(socket, "video")["offset"]
        demo.step()
        for _ in range(4):
            demo.step()
        scene = words(socket, "scene")
    at_frame = round((scene["t"] - offset) * 25) + 25  # the stream began with the key frame 25
    assert at_frame % 3 == 0
    assert at_frame == 30
    assert scene["boxes"][0]["track"] == 1
    assert scene["boxes"][0]["label"] == "person"
    assert all(0 <= v <= 1 for v in scene["boxes"][0]["box"])


def test_two_viewers_share_one_muxer_and_the_second_begins_with_a_key_frame(page: Running, demo: Demo) -> None:
    with page.listen("/api/v1/live/street") as first, page.listen("/api/v1/live/street") as second:
        for socket in (first, second):
            words(socket, "hello")
            socket.send(json.dumps({"play": "mp4"}))
            words(socket, "video")
        demo.step()
        demo.step()
        head, early = second.recv(timeout=WAIT_S), second.recv(timeout=WAIT_S)
        assert isinstance(head, bytes)
        assert head[4:8] == b"ftyp"
        assert isinstance(early, bytes)
        assert early[4:8] == b"moof"


def test_a_browser_that_cannot_play_gets_jpeg_with_the_boxes_of_the_same_moment(page: Running, demo: Demo) -> None:
    with page.listen("/api/v1/live/street") as socket:
        words(socket, "hello")
        socket.send(json.dumps({"play": "jpeg"}))
        words(socket, "still")
        jpeg = socket.recv(timeout=WAIT_S)
        assert isinstance(jpeg, bytes)
        assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (HEIGHT, WIDTH, 3)
        for _ in range(6):
            demo.step()
        scene, still = words(socket, "scene"), words(socket, "still")
        assert still["t"] in {None, scene["t"]}


def test_nothing_is_muxed_or_listened_to_while_nobody_watches(page: Running, demo: Demo) -> None:
    assert demo.desk.scenes.listening() == 0
    with page.listen("/api/v1/live/street") as socket:
        words(socket, "hello")
        socket.send(json.dumps({"play": "mp4"}))
        words(socket, "video")
        assert demo.desk.scenes.listening() == 1
        assert len(demo.desk.rings["street"]._readers) == 1
    deadline = demo.clock.mono_ns() + WAIT_S * 1_000_000_000
    with page.listen("/api/v1/events/stream") as socket:
        while demo.desk.scenes.listening() or demo.desk.rings["street"]._readers:
            words(socket, "status")
            demo.step()
            assert demo.clock.mono_ns() < deadline


@pytest.mark.parametrize("answer", ["", "[]", "{}", "nonsense", '{"play": 7}', "x" * 5000])
def test_a_browser_that_talks_nonsense_does_no_harm(page: Running, demo: Demo, answer: str) -> None:
    with page.listen("/api/v1/live/street") as socket:
        words(socket, "hello")
        socket.send(answer)
    assert page.get("/healthz").status_code == 200


def test_as_many_live_pictures_as_allowed_and_no_more(run: Run) -> None:
    page = run(max_viewers=1)
    with page.listen("/api/v1/live/street") as first:
        words(first, "hello")
        first.send(json.dumps({"play": "mp4"}))
        words(first, "video")
        with page.listen("/api/v1/live/street") as second, pytest.raises(ConnectionClosed, match="max_viewers"):
            second.recv(timeout=WAIT_S)


def test_a_camera_without_a_picture_yet_is_waited_for(demo: Demo, tmp_path: Path) -> None:
    empty = Demo(tmp_path / "empty")
    page = Running(empty)
    try:
        with page.listen("/api/v1/live/street") as socket:
            words(socket, "waiting")
            empty.step()
            assert words(socket, "hello")["codec"].startswith("avc1.")
    finally:
        page.close()


def test_events_come_as_they_happen_numbered_and_with_the_status(page: Running, demo: Demo) -> None:
    with page.listen("/api/v1/events/stream") as socket:
        hello = words(socket, "hello")
        assert words(socket, "status")["broker"]["text"] == "no broker: events stay on this box"
        new = demo.happen()
        end = demo.over(new)
        told = [words(socket, "event") for _ in range(2)]
    assert [message["seq"] for message in told] == [hello["seq"] + 1, hello["seq"] + 2]
    assert [message["event"]["life"] for message in told] == ["new", "end"]
    assert told[0]["event"]["id"] == told[1]["event"]["id"] == str(new.id) == str(end.id)


def test_an_unknown_camera_is_refused(page: Running) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        page.listen("/api/v1/live/nowhere")


def entered(client: Running) -> str:
    """Logged in; the cookie as a header."""
    cookies = client.post("/login", data={"password": PASSWORD}, headers=client.same).cookies
    client.http.cookies.clear()
    return f"vedette_session={cookies['vedette_session']}"


def closed_with(socket: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as over:
        while True:
            socket.recv(timeout=WAIT_S)
    return over.value.rcvd.code if over.value.rcvd else 0


@pytest.mark.parametrize("path", ["/api/v1/events/stream", "/api/v1/live/street"])
def test_who_logs_out_hears_and_sees_nothing_more(run: Run, path: str) -> None:
    """Whatever the stream was doing; the sockets of other sessions and of machines stay."""
    client = run(**LOCKED)
    mine, other = entered(client), entered(client)
    with (
        client.listen(path, Cookie=mine) as first,
        client.listen(path, Cookie=mine) as second,
        client.listen("/api/v1/events/stream", Cookie=other) as others,
        client.listen("/api/v1/events/stream", Authorization=f"Bearer {TOKEN}") as machine,
    ):
        for socket in (first, second, others, machine):
            words(socket, "hello")
        if path.endswith("street"):
            second.send(json.dumps({"play": "jpeg"}))
            words(second, "still")
        assert client.post("/logout", headers={**client.same, "cookie": mine}).status_code == 303
        assert [closed_with(first), closed_with(second)] == [4401, 4401]
        for socket in (others, machine):
            words(socket, "status")
    with pytest.raises(InvalidStatus):
        client.listen(path, Cookie=mine)
