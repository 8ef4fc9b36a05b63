"""Pins and removals by hand: who may ask, what is refused, and what of it is on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from device.record.keep import is_kept
from tests.device.web.conftest import PASSWORD, TOKEN, Run, Running
from tests.device.web.demo import Demo
from tests.device.web.furnish import GROUP, Furnished


@pytest.fixture
def kept(demo: Demo) -> Iterator[Furnished]:
    demo.past(3)
    made = Furnished(demo)
    made.look()
    yield made
    made.close()


@pytest.fixture
def page(kept: Furnished, run: Run) -> Running:
    return run()


def first(page: Running) -> dict[str, object]:
    return dict(page.get("/api/v1/clips").json()["clips"][0])


def clip_id(page: Running) -> str:
    return str(page.get("/api/v1/clips").json()["clips"][0]["clip"]["id"])


def test_a_pin_is_on_the_disk_and_goes_again(page: Running, kept: Furnished) -> None:
    clip = clip_id(page)
    (entry,) = [each for each in kept.index.entries() if str(each.id) == clip]
    assert page.post(f"/api/v1/clips/{clip}/pin", headers=page.same).json() == {"id": clip, "done": "pin", "freed_bytes": 0}
    assert is_kept(kept.data / entry.video)
    assert first(page)["pinned"] is True
    assert [each["clip"]["id"] for each in page.get("/api/v1/clips", params={"pinned": "yes"}).json()["clips"]] == [clip]
    assert clip not in page.get("/clips", params={"pinned": "no"}).text
    page.post(f"/api/v1/clips/{clip}/unpin", headers=page.same)
    assert not is_kept(kept.data / entry.video)


def test_a_removal_takes_video_manifest_and_row(page: Running, kept: Furnished) -> None:
    clip = clip_id(page)
    (entry,) = [each for each in kept.index.entries() if str(each.id) == clip]
    freed = page.post(f"/api/v1/clips/{clip}/remove", headers=page.same).json()["freed_bytes"]
    assert freed == entry.bytes
    assert not (kept.data / entry.video).exists()
    assert page.post(f"/api/v1/clips/{clip}/remove", headers=page.same).status_code == 404


def test_one_that_is_pinned_is_not_removed_and_it_is_said_why(page: Running, kept: Furnished) -> None:
    clip = clip_id(page)
    page.post(f"/api/v1/clips/{clip}/pin", headers=page.same)
    answer = page.post(f"/api/v1/clips/{clip}/remove", headers=page.same)
    assert answer.status_code == 409
    assert "is to be kept" in answer.json()["detail"]
    shown = page.post(f"/clips/{clip}/remove", headers={**page.same, "accept": "text/html"})
    assert shown.status_code == 409
    assert "That was not done" in shown.text
    assert first(page)["pinned"] is True


@pytest.mark.parametrize("deed", ["pin", "unpin", "remove"])
def test_another_site_changes_nothing(page: Running, kept: Furnished, deed: str) -> None:
    clip = clip_id(page)
    for path in (f"/api/v1/clips/{clip}/{deed}", f"/clips/{clip}/{deed}"):
        assert page.post(path).status_code == 403  # no origin: no page of ours asks
        assert page.post(path, headers={"origin": "http://evil.example"}).status_code == 403
        assert page.post(path, headers={**page.same, "sec-fetch-site": "cross-site"}).status_code == 403
        assert page.get(path).status_code in {404, 405}
    assert len(kept.index.entries()) == 3
    assert first(page)["pinned"] is False


def test_who_is_not_logged_in_changes_nothing_and_a_machine_may(kept: Furnished, run: Run) -> None:
    page = run(password=PASSWORD, token=TOKEN)
    clip = str(kept.index.entries()[0].id)
    assert page.post(f"/api/v1/clips/{clip}/remove", headers=page.same).status_code == 401
    assert page.post(f"/api/v1/clips/{clip}/remove", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_led_to_another_site(page: Running, kept: Furnished, back: str) -> None:
    answer = page.post(f"/clips/{clip_id(page)}/pin", params={"back": back}, headers=page.same)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_what_is_not_there_or_is_no_deed_is_refused(page: Running, kept: Furnished) -> None:
    assert page.post(f"/api/v1/clips/{uuid4()}/pin", headers=page.same).status_code == 404
    assert page.post(f"/api/v1/clips/{clip_id(page)}/explode", headers=page.same).status_code in {404, 405}
    assert page.post("/api/v1/clips/..%2F..%2Fetc/pin", headers=page.same).status_code in {404, 405, 422}
    assert page.post(f"/recordings/{uuid4()}/remove", headers=page.same).status_code == 404


def test_a_recording_of_several_cameras_is_pinned_and_removed_as_one(page: Running, kept: Furnished, demo: Demo) -> None:
    kept.together(demo.past(1, clips=0)[0], ("street", "street"))
    kept.look()
    assert page.get(f"/recordings/{GROUP}").text.count("<video") == 2
    page.post(f"/recordings/{GROUP}/pin", headers=page.same)
    assert sum(entry.pinned for entry in kept.index.entries()) == 2
    page.post(f"/recordings/{GROUP}/unpin", headers=page.same)
    page.post(f"/recordings/{GROUP}/remove", headers=page.same)
    assert len(kept.index.entries()) == 3
    assert page.get(f"/recordings/{GROUP}").status_code == 404


def test_clips_are_filtered_and_paged_without_loss(page: Running, kept: Furnished, demo: Demo) -> None:
    demo.past(30, clips=30)
    kept.look()
    seen, before = [], None
    while True:
        answer = page.get("/api/v1/clips", params={"limit": 7, "trigger": "event"} | ({"before": before} if before else {})).json()
        seen += [each["clip"]["id"] for each in answer["clips"]]
        before = answer["before"]
        if before is None:
            break
    assert sorted(seen) == sorted(str(entry.id) for entry in kept.index.entries())
    assert page.get("/api/v1/clips", params={"trigger": "command"}).json() == {"clips": [], "before": None}
    day = kept.index.entries(1)[0].day
    assert {each["clip"]["start"][:10] for each in page.get("/api/v1/clips", params={"day": day}).json()["clips"]} == {day}
    assert page.get("/clips", params={"day": "2001-01-01"}).text.count("No clip fits these filters") == 1
    assert page.get("/clips", params={"day": "../.."}).status_code == 422


def test_a_session_is_listed_shown_pinned_and_what_is_missing_is_named(page: Running, kept: Furnished, demo: Demo) -> None:
    name = kept.session(demo.past(1, clips=0)[0], cameras=("street",))
    assert [each["session"]["session_id"] for each in page.get("/api/v1/sessions").json()["sessions"]] == [name]
    shown = page.get(f"/api/v1/sessions/{name}").json()
    (take,) = shown["takes"]
    assert take["missing"] == []
    video = page.get(take["clips"][0]["url"], headers={"range": "bytes=0-99"})
    assert (video.status_code, video.headers["content-type"], len(video.content)) == (206, "video/mp4", 100)
    page.post(f"/sessions/{name}/pin", headers=page.same)
    assert (kept.data / "recordings" / name / ".keep").exists()
    assert "Unpin" in page.get(f"/sessions/{name}").text
    (kept.data / "recordings" / name / take["name"] / "street.mp4").write_bytes(b"cut")
    assert "missing or of another size: street.mp4" in page.get(f"/sessions/{name}").text
    page.post(f"/api/v1/sessions/{name}/unpin", headers=page.same)
    assert page.get(f"/api/v1/sessions/{name}").json()["pinned"] is False
    for path in ("session-2020-01-01_001", "..", "session-2020-01-01_001/file/../../disk.json"):
        assert page.get(f"/api/v1/sessions/{path}").status_code in {404, 422}
    assert page.get(f"/api/v1/sessions/{name}/file/%2e%2e/%2e%2e/disk.json").status_code == 404


def test_without_sessions_or_an_index_the_pages_say_so_and_clips_are_shown(demo: Demo, run: Run) -> None:
    demo.past(3)
    page = run()
    assert page.get("/sessions").status_code == 404
    assert page.get("/clips").text.count("<video") == 3
    assert "Remove" not in page.get("/clips").text
    assert page.post(f"/api/v1/clips/{uuid4()}/pin", headers=page.same).status_code == 404
