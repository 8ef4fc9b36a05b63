"""The REST API and the rendered pages, asked over a real connection."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote
from uuid import uuid4

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from device.record.catalog import StoredClip
from device.web import clips, files, words
from tests.device.web.conftest import Run, Running
from tests.device.web.conftest import words as words_of
from tests.device.web.demo import Demo
from tests.device.web.footage import HEIGHT, WIDTH


def test_info_says_what_the_box_is_and_that_there_is_no_broker(page: Running) -> None:
    info = page.get("/api/v1/info").json()
    assert (info["device"], info["profile"]) == ("demo-box", "street")
    assert info["broker"]["text"] == "no broker: events stay on this box"
    assert info["model"].startswith("sha256:")


def test_every_page_says_who_it_is_and_that_there_is_no_broker(page: Running, demo: Demo) -> None:
    event = demo.past(3)[-1]
    for path in ("/", "/events", f"/events/{event.id}", "/clips", "/health", "/api/v1/docs"):
        answer = page.get(path)
        assert answer.status_code == 200
        assert "demo-box" in answer.text
        assert "no broker: events stay on this box" in answer.text


def test_events_are_paged_without_loss_or_repetition(page: Running, demo: Demo) -> None:
    demo.past(23)
    seen, before = [], None
    while True:
        query = {"limit": 5} | ({"before": before} if before is not None else {})
        answer = page.get("/api/v1/events", params=query).json()
        seen += [event["id"] for event in answer["events"]]
        before = answer["before"]
        if before is None:
            break
    assert len(seen) == len(set(seen)) == len(demo.memory.kept)


def test_events_are_filtered_by_label(page: Running, demo: Demo) -> None:
    demo.past(10)
    events = page.get("/api/v1/events", params={"label": "dog"}).json()["events"]
    assert len(events) == 2
    assert {event["label"] for event in events} == {"dog"}
    assert page.get("/events", params={"label": "dog"}).text.count('class="row"') == 2


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 100000}, {"before": "x"}])
def test_a_query_out_of_bounds_is_refused(page: Running, query: dict[str, object]) -> None:
    assert page.get("/api/v1/events", params=query).status_code == 422


def test_an_unknown_event_is_not_found_by_machines_and_by_people(page: Running) -> None:
    key = uuid4()
    assert page.get(f"/api/v1/events/{key}").json() == {"detail": f"no event {key} is kept on this box"}
    shown = page.get(f"/events/{key}", headers={"accept": "text/html"})
    assert shown.status_code == 404
    assert "Nothing here" in shown.text


def test_what_an_event_says_is_escaped(page: Running, demo: Demo) -> None:
    event = demo.happen().model_copy(update={"label": "<script>alert(1)</script>", "data": {"<b>": "<img src=x onerror=1>"}})
    demo.memory.keep(event)
    for path in ("/", "/events", f"/events/{event.id}"):
        text = page.get(path).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text


def test_the_picture_of_an_event_comes_whole_and_small(page: Running, demo: Demo) -> None:
    event = demo.past(1, clips=0)[0]
    sizes = {}
    for query in ("", "?width=160"):
        answer = page.get(f"/api/v1/events/{event.id}/picture.jpg{query}")
        assert answer.headers["content-type"] == "image/jpeg"
        sizes[query] = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    assert sizes == {"": (HEIGHT, WIDTH), "?width=160": (90, 160)}


def test_a_picture_outside_of_the_data_folder_is_not_given(page: Running, demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.jpg"
    secret.write_bytes(b"secret")
    (demo.desk.data / "link.jpg").symlink_to(secret)
    event = demo.happen()
    for snapshot in ("../elsewhere0/secret.jpg", str(secret), "link.jpg"):
        demo.memory.keep(event.model_copy(update={"snapshot": snapshot}))
        assert page.get(f"/api/v1/events/{event.id}/picture.jpg").status_code == 404


def test_what_a_browser_is_asked_of_a_clip_names_its_codec_always(demo: Demo) -> None:
    event = demo.past(1, clips=1)[0]
    stored = demo.desk.clips.clips(1, event_id=event.id)[0]
    assert clips.view(stored).type.startswith('video/mp4; codecs="avc1.')
    moving_jpeg = StoredClip(stored.manifest.model_copy(update={"container": "mkv", "codec": "mjpeg", "codec_string": None}), "clips/a.mkv")
    assert clips.view(moving_jpeg).type == 'video/x-matroska; codecs="mjpeg"'


def test_a_clip_is_listed_with_its_event_and_served_in_ranges(page: Running, demo: Demo) -> None:
    event = demo.past(4, clips=1)[-1]
    listed = page.get("/api/v1/clips", params={"event_id": str(event.id)}).json()["clips"]
    assert len(listed) == 1
    whole = page.get(listed[0]["url"])
    assert whole.headers["content-type"] == "video/mp4"
    assert len(whole.content) == listed[0]["clip"]["bytes"]
    part = page.get(listed[0]["url"], headers={"range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    assert part.content == whole.content[100:200]
    assert page.get(listed[0]["url"], headers={"range": "bytes=999999999-"}).status_code == 416
    assert listed[0]["type"] == f'video/mp4; codecs="{listed[0]["clip"]["codec_string"]}"'


BAD_PATHS = [
    "../secret.mp4", "..%2fsecret.mp4", "%2e%2e/secret.mp4", "street/../../secret.mp4", "/etc/passwd", "%2fetc%2fpasswd", "..\\secret.mp4",
    "..%5csecret.mp4", "street/.hidden.mp4", "open.mp4.part", "secret.mp4%00.mp4", "street", "", "link.mp4", "folder/deep.mp4",
]  # fmt: skip


@pytest.mark.parametrize("path", BAD_PATHS)
def test_no_path_leads_out_of_the_clips(page: Running, demo: Demo, path: str) -> None:
    clips, outside = demo.desk.data / "clips", demo.desk.data / "other"
    (clips / "street").mkdir(parents=True)
    outside.mkdir()
    (demo.desk.data / "secret.mp4").write_bytes(b"secret")
    (outside / "deep.mp4").write_bytes(b"secret")
    (clips / "street" / ".hidden.mp4").write_bytes(b"secret")
    (clips / "open.mp4.part").write_bytes(b"secret")
    (clips / "link.mp4").symlink_to(demo.desk.data / "secret.mp4")
    (clips / "folder").symlink_to(outside)
    answer = page.get(f"/api/v1/clips/file/{path}")
    assert answer.status_code == 404
    assert b"secret" not in answer.content


@given(st.text(max_size=60))
def test_any_text_names_a_file_inside_or_nothing(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "clips"
    folder.mkdir(exist_ok=True)
    assert files.readable(folder, text) is None


def test_a_snapshot_is_the_newest_key_frame(page: Running) -> None:
    answer = page.get("/api/v1/snapshot/street.jpg")
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture.std() > 20
    assert page.get("/api/v1/snapshot/nowhere.jpg").status_code == 404


def test_healthz_turns_when_a_camera_is_lost_and_says_which(page: Running, demo: Demo) -> None:
    assert page.get("/healthz").status_code == 200
    demo.desk.board.camera("street", state="retrying", reason="rtsp://left: no answer; check the cable")
    demo.desk.board.part("record", "failed", "the disk is full; free some room")
    answer = page.get("/healthz")
    assert answer.status_code == 503
    reasons = ["camera street: rtsp://left: no answer; check the cable", "record: the disk is full; free some room"]
    assert answer.json()["reasons"] == reasons
    assert "no answer; check the cable" in page.get("/health").text


def test_a_missing_broker_is_no_failure(page: Running, demo: Demo) -> None:
    demo.desk.board.part("mqtt", "degraded", "127.0.0.1:1883 does not answer; events wait on disk")
    assert page.get("/healthz").status_code == 200
    assert page.get("/api/v1/info").json()["broker"]["text"] == "broker: 127.0.0.1:1883 does not answer; events wait on disk"


def test_metrics_are_what_prometheus_reads_and_agree_with_the_tally(page: Running, demo: Demo) -> None:
    demo.desk.tally.count('odd "name"\n', "dropped", "newer frame", 7)
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(page.get("/metrics").text)
        for sample in family.samples
    }
    assert samples["vedette_count_total", "", "packets", "street"] == 28
    assert samples["vedette_count_total", "dropped", "newer frame", 'odd "name"\n'] == 7
    assert samples["vedette_camera_state", "online", "street"] == 1
    assert samples["vedette_stage_runs_total", "detect", "street"] == 10


def test_health_is_asked_once_for_many_visitors(run: Run, demo: Demo) -> None:
    asked = []
    real = demo.desk.health
    object.__setattr__(demo.desk, "health", lambda: asked.append(1) or real())
    page = run()
    answers = [page.get("/api/v1/health").json() for _ in range(4)]
    assert len(asked) == 1
    assert answers[0]["cameras"]["street"]["state"] == "online"


def test_the_schema_names_every_call_and_the_page_of_it_needs_no_other_host(page: Running) -> None:
    schema = page.get("/api/v1/openapi.json").json()
    assert {"/api/v1/events/{event_id}", "/api/v1/clips", "/api/v1/snapshot/{camera}.jpg"} <= set(schema["paths"])
    text = page.get("/api/v1/docs").text
    assert all(path in text for path in schema["paths"])


def test_no_page_names_another_host(page: Running) -> None:
    for path in ("/", "/events", "/clips", "/health", "/api/v1/docs", "/static/page.css", "/static/live.js", "/static/player.js"):
        text = page.get(path).text
        assert "http://" not in text.replace("http://www.w3.org/", "").replace(f"listening on {page.base}", "")
        assert "https://" not in text
        assert "style=" not in text
        assert "onclick" not in text


def test_zones_and_cameras_are_given(page: Running) -> None:
    assert page.get("/api/v1/zones").json()["street"]["door"][0] == [0.72, 0.4]
    assert page.get("/api/v1/cameras").json()[0]["word"] == "online"


SIZES = [(0, "0 B"), (999, "999 B"), (4200, "4.2 kB"), (13_400_000, "13 MB"), (2_500_000_000_000, "2.5 TB")]


@pytest.mark.parametrize(("count", "said"), SIZES)
def test_sizes_are_said_in_words(count: int, said: str) -> None:
    assert words.size(count) == said


def test_a_camera_with_an_odd_name_has_its_pictures(demo: Demo, run: Run) -> None:
    name = "côté/jardin #1"
    ring = demo.desk.rings["street"]
    object.__setattr__(demo.desk, "rings", {name: ring})
    page = run()
    assert page.get(f"/api/v1/snapshot/{quote(name, safe='')}.jpg").status_code == 200
    with page.listen(f"/api/v1/live/{quote(name, safe='')}") as socket:
        assert words_of(socket, "hello")["camera"] == name
    assert quote(name, safe="/") in page.get("/").text


def test_a_snapshot_of_a_camera_that_lies_on_its_side_is_upright(page: Running, demo: Demo) -> None:
    ring = demo.desk.rings["street"]
    key = ring.last_key()
    assert key
    ring.append(replace(key, stream=replace(key.stream, epoch=1, rotation=90), pts_ns=key.pts_ns + 10**9, dts_ns=key.dts_ns + 10**9))
    answer = page.get("/api/v1/snapshot/street.jpg")
    assert cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR).shape[:2] == (WIDTH, HEIGHT)


def test_a_snapshot_with_boxes_is_the_next_analysed_picture_drawn_on(page: Running, demo: Demo) -> None:
    demo.start()
    plain = cv2.imdecode(np.frombuffer(page.get("/api/v1/snapshot/street.jpg").content, np.uint8), cv2.IMREAD_COLOR)
    boxed = cv2.imdecode(np.frombuffer(page.get("/api/v1/snapshot/street.jpg?boxes=1").content, np.uint8), cv2.IMREAD_COLOR)
    saturation = [int((cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)[..., 1] > 150).sum()) for picture in (plain, boxed)]
    assert boxed.shape[:2] == (HEIGHT, WIDTH)
    assert saturation[1] > saturation[0] + 200, "the labels' strong colours are in it"
