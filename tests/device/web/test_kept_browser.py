"""A person looks at what is kept: real Chromium; clips in step, boxes on pictures, nothing removed without asking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.device.web.conftest import PHONE, Running, needs_chromium
from tests.device.web.demo import Demo
from tests.device.web.furnish import GROUP, Furnished, report_of
from tests.device.web.visitor import until

pytestmark = needs_chromium
NAMELESS = """() => [...document.querySelectorAll('a, button, select, input, [role=img], img:not([alt])')]
    .filter(e => e.offsetParent && !(e.textContent.trim() || e.ariaLabel || e.alt || e.title || e.labels?.length)).map(e => e.outerHTML)"""
APART = """() => { const [a, b] = [...document.querySelectorAll('.together video')];
    return [a, b].map(v => v.currentTime - Number(v.dataset.zero) + Number(v.dataset.offset)); }"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Furnished, Running, dict[str, str]]]:
    demo = Demo(tmp_path_factory.mktemp("box"), ("street", "yard"))
    events = demo.past(4, clips=3)
    kept = Furnished(demo)
    kept.together(events[0], ("street", "yard"))
    kept.removed(30)
    picture, session = kept.pictures(6)[0], kept.session(events[1])
    kept.look()
    demo.desk = replace(demo.desk, storage=lambda: report_of(demo))
    page = Running(demo)
    yield kept, page, {"picture": picture, "session": session}
    page.close()
    kept.close()
    assert page.error is None


@pytest.mark.parametrize(("colours", "size"), [("light", PHONE), ("dark", {"width": 1280, "height": 800})])
def test_every_page_fits_and_everything_on_it_has_a_name(box: Any, visit: Any, colours: str, size: dict[str, int]) -> None:
    _, running, names = box
    visitor = visit(running, viewport=size, color_scheme=colours)
    pages = (
        "/storage",
        "/clips",
        f"/recordings/{GROUP}",
        "/sessions",
        f"/sessions/{names['session']}",
        "/dataset",
        f"/dataset/{names['picture']}",
    )
    for path in pages:
        page = visitor.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        assert page.evaluate(NAMELESS) == [], path


def test_cameras_of_one_recording_play_in_step(box: Any, visit: Any) -> None:
    page = visit(box[1]).open(f"/recordings/{GROUP}")
    until(page, "[...document.querySelectorAll('.together video')].every(v => v.readyState >= 2)")
    page.get_by_role("button", name="Play together").press("Enter")
    until(page, "Number(document.querySelector('.together').dataset.t) > 2")
    page.get_by_role("button", name="Pause").click()
    until(page, "[...document.querySelectorAll('.together video')].every(v => v.paused && !v.seeking)")
    street, yard = page.evaluate(APART)
    assert abs(street - yard) < 0.15
    page.get_by_role("slider").fill("0.3")  # before the second one began: it waits at its first picture
    until(page, "[...document.querySelectorAll('.together video')].every(v => !v.seeking)")
    times = page.evaluate("[...document.querySelectorAll('.together video')].map(v => v.currentTime)")
    assert times == [pytest.approx(0.3, abs=0.1), pytest.approx(0, abs=0.1)]


def test_a_clip_is_pinned_and_another_removed_after_it_was_asked(box: Any, visit: Any) -> None:
    kept, running, _ = box
    visitor = visit(running)
    page = visitor.open("/clips?camera=street")
    cards = page.locator("article.card")
    count = cards.count()
    cards.nth(0).get_by_role("button", name="Pin this clip").click()
    page.locator("article .pinned").wait_for()
    assert page.url.endswith("/clips?camera=street")
    asking = cards.nth(1).get_by_role("button", name="Remove this clip")
    asking.press("Enter")
    dialog = page.get_by_role("dialog")
    assert "Remove this clip?" in dialog.inner_text()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert cards.count() == count
    asking.click()
    page.get_by_role("button", name="Remove for good").click()
    until(page, f"document.querySelectorAll('article.card').length === {count - 1}")
    page = visitor.open("/storage")
    page.get_by_role("button", name="Unpin the clip").click()
    page.locator("#pinned-title").wait_for(state="detached")
    assert sum(entry.pinned for entry in kept.index.entries()) == 0


def test_boxes_lie_on_the_picture_and_can_be_hidden(box: Any, visit: Any) -> None:
    _, running, names = box
    page = visit(running).open("/dataset?verified=yes")
    until(page, "document.querySelector('#pictures img').naturalWidth > 100")
    edges = "s => { const r = document.querySelector(s).getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; }"
    assert page.evaluate(edges, "#pictures img") == pytest.approx(page.evaluate(edges, "#pictures .marks"), abs=1)
    page.get_by_role("button", name="Points").press("Enter")
    assert page.get_by_role("button", name="Points").get_attribute("aria-pressed") == "false"
    assert page.locator("#pictures .point").first.is_hidden()
    page.locator("#pictures a").last.click()
    page.wait_for_url(f"**/dataset/{names['picture']}")
    until(page, "document.querySelector('.frame img').naturalWidth === 640")
    assert page.locator(".frame .point").first.is_hidden()  # as it was chosen
    picture, marks = (page.evaluate(edges, selector) for selector in (".frame img", ".frame .box"))
    assert marks[2] / picture[2] == pytest.approx(50 / 640, rel=0.1)
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(lambda url: "/dataset/" in url and names["picture"] not in url)


def test_what_can_be_done_with_a_clip_is_not_cut_off_by_what_is_said_of_it(box: Any, visit: Any) -> None:
    page = visit(box[1]).open("/clips")
    cut = """() => { const facts = document.querySelector('.card a[download]').parentElement;
        facts.prepend('with sound · cut off · 12 holes · more than fits · ');
        return facts.scrollWidth - facts.clientWidth; }"""
    assert page.evaluate(cut) <= 0


def test_a_picture_of_another_shape_than_its_tile_is_not_cut(box: Any, visit: Any) -> None:
    _, running, _ = box
    visitor = visit(running)
    tall = cv2.imencode(".jpg", np.zeros((480, 480, 3), np.uint8))[1].tobytes()
    visitor.page.route("**/image?width=480", lambda route: route.fulfill(body=tall, content_type="image/jpeg"))
    page = visitor.open("/dataset")
    until(page, "document.querySelector('#pictures img').naturalHeight === 480")
    edges = "s => { const r = document.querySelector(s).getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; }"
    assert page.evaluate(edges, "#pictures img") == pytest.approx(page.evaluate(edges, "#pictures .shot"), abs=1)


def test_storage_shows_its_state_on_every_page_as_it_changes(box: Any, visit: Any) -> None:
    kept, running, _ = box
    page = visit(running).open("/events")
    assert page.locator(".nav .badge").is_hidden()
    kept.demo.desk.board.part("storage", "degraded", "everything left is pinned", kept.demo.clock.wall_ns())
    try:
        page.locator(".nav .badge").wait_for()
        assert "everything left is pinned" in (page.get_attribute(".nav [data-fact=storage]", "title") or "")
    finally:
        kept.demo.desk.board.part("storage", "ok", "", kept.demo.clock.wall_ns())


def test_removals_can_be_paged_by_a_person(box: Any, visit: Any) -> None:
    page = visit(box[1]).open("/storage")
    assert page.locator(".removals tbody tr").count() == 25
    page.get_by_role("link", name="Older removals").click()
    until(page, "document.querySelectorAll('.removals tbody tr').length === 5")
    assert Path(page.url).name.startswith("storage?before=")
