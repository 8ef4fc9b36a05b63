"""Training data on the page: pictures with boxes, filters, safe bytes, and how to turn it on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from contracts.wire import utc_from_ns
from dataset.about import About
from dataset.browse import Browse
from dataset.exporter import Exporter
from dataset.marks import Mark
from device.web import follow
from tests.device.web.conftest import PASSWORD, Run, Running
from tests.device.web.demo import Demo
from tests.device.web.furnish import Furnished, street


@pytest.fixture
def kept(demo: Demo) -> Iterator[Furnished]:
    made = Furnished(demo)
    yield made
    made.close()


@pytest.fixture
def names(kept: Furnished) -> list[str]:
    return kept.pictures(9)


@pytest.fixture
def page(kept: Furnished, names: list[str], run: Run) -> Running:
    return run()


def pictures(page: Running, **asked: Any) -> list[dict[str, Any]]:
    return list(page.get("/api/v1/dataset/pictures", params=asked).json()["pictures"])


def test_machines_get_what_people_see(page: Running, names: list[str]) -> None:
    said = page.get("/api/v1/dataset").json()
    assert (said["exists"], said["exporting"], said["pictures"], said["lines"], said["lines_read"]) == (True, True, 9, 10, 10)
    assert {each["value"]: each["pictures"] for each in said["choices"]["reason"]} == {
        "event_best": 3,
        "uncertain": 3,
        "background": 3,
        "review": 1,
    }
    assert [each["about"]["image_id"] for each in pictures(page)] == names[::-1]
    assert len(pictures(page, **{"class": "ball", "verified": "yes", "camera": "yard"})) == 3
    text = page.get("/dataset").text
    assert text.count('<svg class="marks"') == 9
    assert "9 pictures" in text


def test_pages_go_on_where_the_last_one_ended(page: Running, names: list[str]) -> None:
    first = page.get("/api/v1/dataset/pictures", params={"limit": 5}).json()
    rest = page.get("/api/v1/dataset/pictures", params={"limit": 5, "before": first["before"]}).json()
    assert [each["about"]["image_id"] for each in (*first["pictures"], *rest["pictures"])] == names[::-1]
    assert rest["before"] is None


def test_one_picture_says_why_it_was_kept_and_all_that_was_said_of_it(page: Running, names: list[str]) -> None:
    text = page.get(f"/dataset/{names[0]}").text
    for words in ("the best picture of an event", "2 observations", "verified by a person", "click at 320, 300", 'class="point"'):
        assert words in text
    assert 'class="ignore"' in page.get(f"/dataset/{names[1]}").text
    assert "the detector was not sure" in page.get(f"/dataset/{names[1]}").text
    assert page.get(f"/api/v1/dataset/pictures/{names[0]}").json()["about"]["observation_count"] == 2


def test_pictures_are_served_as_what_they_are_and_kept_by_browsers(page: Running, names: list[str]) -> None:
    path = f"/api/v1/dataset/pictures/{names[3]}/image"
    whole = page.get(path)
    assert (whole.headers["content-type"], whole.headers["x-content-type-options"]) == ("image/png", "nosniff")
    assert "immutable" in whole.headers["cache-control"]
    decoded = cv2.imdecode(np.frombuffer(whole.content, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(np.asarray(decoded), street(3))
    small = page.get(path, params={"width": 160})
    assert small.headers["content-type"] == "image/jpeg"
    assert cv2.imdecode(np.frombuffer(small.content, np.uint8), cv2.IMREAD_COLOR).shape == (90, 160, 3)  # type: ignore[union-attr]
    again = page.get(path, params={"width": 160}, headers={"if-none-match": small.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_leads_out_is_damaged_or_not_there_is_not_served(page: Running, names: list[str], kept: Furnished) -> None:
    images = kept.data / "dataset" / "images"
    for path in ("..", "../../disk.json", "%2e%2e%2fdisk.json", "0" * 63, "G" * 64, "0" * 64):
        assert page.get(f"/api/v1/dataset/pictures/{path}/image").status_code in {404, 422}
    assert page.get(f"/dataset/{'0' * 64}").status_code == 404
    (images / f"{names[0]}.png").write_bytes(b"<script>alert(1)</script>")
    (images / f"{names[1]}.png").unlink()
    (images / f"{names[1]}.png").symlink_to("/etc/passwd")
    (images / f"{names[2]}.png").unlink()
    for name in names[:3]:
        assert page.get(f"/api/v1/dataset/pictures/{name}/image", params={"width": 160}).status_code == 404
    assert page.get(f"/api/v1/dataset/pictures/{names[1]}/image").status_code == 404
    assert page.get("/dataset").status_code == 200


def test_what_is_said_of_a_picture_is_escaped(page: Running, kept: Furnished, demo: Demo) -> None:
    bad = '"><script>alert(1)</script>'
    with Exporter(kept.data / "dataset") as exporter:
        about = About(utc_from_ns(demo.clock.wall_ns()), bad, bad, bad, (bad,), reason=bad, session="bad")
        name = exporter.add(street(70), [Mark(bad, (1, 1, 9, 9), source=bad)], about).image_id
    for path in ("/dataset", f"/dataset/{name}"):
        assert "<script>alert" not in page.get(path).text


def test_a_filter_out_of_bounds_is_refused_and_an_unknown_one_finds_nothing(page: Running) -> None:
    for asked in ({"day": "yesterday"}, {"verified": "perhaps"}, {"before": -1}, {"limit": 1000}, {"class": "x" * 129}):
        assert page.get("/api/v1/dataset/pictures", params=asked).status_code == 422
    assert pictures(page, camera="nowhere") == []
    assert "No picture fits these filters" in page.get("/dataset", params={"camera": "nowhere"}).text


def test_a_large_set_is_listed_behind_the_page(kept: Furnished, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.pictures(9)
    monkeypatch.setattr(follow, "AT_ONCE_NS", -1)
    monkeypatch.setattr(Browse.step, "__defaults__", (1,))
    page = run()
    listed = threading.Event()
    for _ in range(200):
        said = page.get("/api/v1/dataset").json()
        if said["lines_read"] == said["lines"]:
            listed.set()
            break
    assert listed.is_set()
    assert said["pictures"] == 9


def test_off_it_says_how_to_turn_it_on(kept: Furnished, demo: Demo, run: Run) -> None:
    demo.desk = replace(demo.desk, exporting=False)
    page = run()
    text = page.get("/dataset").text
    assert "enabled: true" in text
    assert "uncertain_probability" in text
    assert page.get("/api/v1/dataset").json()["exists"] is False
    demo.desk = replace(demo.desk, exports={})
    assert run().get("/dataset").status_code == 404


def test_nobody_sees_it_without_the_password(kept: Furnished, names: list[str], run: Run) -> None:
    page = run(password=PASSWORD)
    for path in ("/api/v1/dataset", f"/api/v1/dataset/pictures/{names[0]}/image", "/api/v1/storage", "/api/v1/sessions"):
        assert page.get(path).status_code == 401
