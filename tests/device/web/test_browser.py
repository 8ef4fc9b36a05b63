"""A person looks at the page: real Chromium, real video, nothing in the console."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.device.web.conftest import PASSWORD, PHONE, Running, needs_chromium
from tests.device.web.demo import Demo
from tests.device.web.fakes import event_at
from tests.device.web.looks import COLOURED, GRAB, LARGE, MIDDLES, MOVED, PLAYING, SKY
from tests.device.web.visitor import Visitor, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = needs_chromium


@pytest.fixture
def playing(tmp_path: Path) -> Iterator[tuple[Demo, Running]]:
    demo = Demo(tmp_path, ("street", "yard"))
    demo.past(12, clips=2)
    demo.start()
    page = Running(demo)
    yield demo, page
    page.close()
    demo.close()
    assert page.error is None


def test_the_picture_moves_and_boxes_are_drawn_on_it(playing: tuple[Demo, Running], visit: Any) -> None:
    page = visit(playing[1]).open("/")
    until(page, PLAYING)
    first = page.evaluate(GRAB)
    until(page, MOVED, arg=first["t"])
    second = page.evaluate(GRAB)
    assert page.get_attribute(".tile[data-large]", "data-mode") == "mp4"
    assert first["picture"] != second["picture"]
    assert second["t"] > first["t"]
    until(page, "document.querySelector('.tile[data-large]').dataset.boxes === '2'")
    assert page.evaluate(COLOURED) > 500
    until(page, "parseFloat(document.querySelector('.tile[data-large] .behind').textContent) < 1.5")


def test_boxes_zones_and_trails_can_be_hidden(playing: tuple[Demo, Running], visit: Any) -> None:
    page = visit(playing[1]).open("/")
    until(page, "document.querySelector('.tile[data-large]').dataset.boxes === '2'")
    for layer in ("Boxes", "Trails", "Zones"):
        page.get_by_role("button", name=layer).press("Enter")
    until(page, f"({COLOURED})() === 0")
    assert page.get_by_role("button", name="Zones").get_attribute("aria-pressed") == "false"


def test_an_event_appears_by_itself_and_its_end_is_told(playing: tuple[Demo, Running], visit: Any) -> None:
    demo, running = playing
    page = visit(running).open("/")
    page.wait_for_selector("[data-fact=page][data-state=ok]")
    event = demo.happen("yard")
    row = page.locator(f'[data-event="{event.id}"]')
    row.wait_for()
    until(page, "document.querySelector(`[data-event='${arg}'] img`).naturalWidth > 100", arg=str(event.id))
    demo.over(event)
    page.wait_for_selector(f'[data-event="{event.id}"][data-life=end]')
    assert "now" not in row.inner_text()


def test_an_event_heard_of_before_its_picture_is_written_has_it_soon_and_without_complaints(
    playing: tuple[Demo, Running], visit: Any
) -> None:
    demo, running = playing
    page = visit(running).open("/")
    page.wait_for_selector("[data-fact=page][data-state=ok]")
    event = event_at("yard", 5000, demo.clock.wall_ns(), "new")
    demo.told.put(event)
    page.wait_for_selector(f'[data-event="{event.id}"] img', state="attached")
    demo.snapshot(event)
    demo.memory.keep(event)
    until(page, "document.querySelector(`[data-event='${arg}'] img`).naturalWidth > 100", arg=str(event.id))
    pictureless = event_at("yard", 5001, demo.clock.wall_ns(), "new").model_copy(update={"snapshot": None})
    demo.memory.keep(pictureless)
    demo.told.put(pictureless)
    page.wait_for_selector(f'[data-event="{pictureless.id}"] img.absent', state="attached")


def test_a_click_makes_another_camera_large(playing: tuple[Demo, Running], visit: Any) -> None:
    page = visit(playing[1]).open("/")
    page.get_by_role("button", name="Show camera yard large").click()
    assert page.get_attribute(".tile[data-large]", "data-camera") == "yard"
    until(page, PLAYING)


def test_a_clip_plays(playing: tuple[Demo, Running], visit: Any) -> None:
    page = visit(playing[1]).open("/clips")
    assert page.locator("video.clip").count() == 2
    page.locator("article .title a").first.click()
    page.wait_for_selector(".detail video")
    page.evaluate("() => { const v = document.querySelector('.detail video'); v.muted = true; return v.play(); }")
    until(page, "document.querySelector('.detail video').currentTime > 1")
    assert page.evaluate("document.querySelector('.detail video').duration") == pytest.approx(5, abs=0.1)
    page.evaluate("() => { document.querySelector('.detail video').currentTime = 4; }")
    until(page, "document.querySelector('.detail video').currentTime >= 4")


def test_without_media_source_there_are_jpegs_with_boxes(playing: tuple[Demo, Running], visit: Any) -> None:
    visitor = visit(playing[1])
    visitor.page.add_init_script("delete window.MediaSource; delete window.ManagedMediaSource")
    page = visitor.open("/")
    until(page, "document.querySelector('.tile[data-large]').dataset.mode === 'jpeg'")
    grab = "() => { const c = document.querySelector('.tile[data-large] .still'); return c.width > 300 ? c.toDataURL() : '' }"
    until(page, f"({grab})() !== ''")
    first = page.evaluate(grab)
    until(page, f"({grab})() !== arg", arg=first)
    until(page, "document.querySelector('.tile[data-large]').dataset.boxes === '2'")


def test_it_comes_back_by_itself_after_the_box_was_away(chromium: Browser, playing: tuple[Demo, Running]) -> None:
    demo, running = playing
    visitor = Visitor(chromium, running.base)
    page = visitor.open("/")
    until(page, PLAYING)
    running.close()
    page.wait_for_selector("[data-fact=page][data-state=failed]")
    again = Running(demo, port=int(running.base.rsplit(":", 1)[1]))
    page.wait_for_selector("[data-fact=page][data-state=ok]")
    until(page, PLAYING)
    until(page, f"({GRAB})().t > 0")
    visitor.close()
    again.close()


def test_a_lost_camera_is_said_on_the_picture(playing: tuple[Demo, Running], visit: Any) -> None:
    demo, running = playing
    page = visit(running).open("/")
    until(page, PLAYING)
    demo.close()
    demo.desk.board.camera("street", state="retrying", reason="the camera does not answer; check its cable")
    notice = page.locator(".tile[data-large] .notice")
    notice.wait_for(state="visible")
    until(page, "document.querySelector('.tile[data-large] .notice').textContent.includes('check its cable')")


def test_health_is_plotted(playing: tuple[Demo, Running], visit: Any) -> None:
    page = visit(playing[1]).open("/health")
    page.wait_for_selector(".plot canvas[aria-label*='analysed']")
    assert page.locator(".plot").count() >= 5
    until(page, "document.querySelector('[data-box=memory]').textContent === '231 MB'")
    drawn = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v)"
    assert page.locator(".plot canvas").first.evaluate(drawn)


def test_health_does_not_say_that_all_is_well_while_a_part_is_degraded(playing: tuple[Demo, Running], visit: Any) -> None:
    demo, running = playing
    demo.desk.board.part("record", "degraded", "a file of the last run cannot be played")
    page = visit(running).open("/health")
    assert page.locator("#verdict").inner_text() == "1 thing is degraded"
    demo.desk.board.part("record", "ok")
    until(page, "document.getElementById('verdict').textContent.trim() === 'All is well'")
    demo.desk.board.part("record", "degraded", "a file of the last run cannot be played")
    until(page, "document.getElementById('verdict').dataset.state === 'degraded'")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_no_page_is_wider_than_a_phone(playing: tuple[Demo, Running], visit: Any, colours: str) -> None:
    demo, running = playing
    visitor = visit(running, viewport=PHONE, color_scheme=colours)
    event = demo.past(1)[0]
    for path in ("/", "/events", f"/events/{event.id}", "/clips", "/health", "/api/v1/docs"):
        page = visitor.open(path)
        page.wait_for_load_state("load")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(json.loads(ground.replace("rgb(", "[").replace(")", "]"))) < 384) is (colours == "dark")


def test_the_colours_can_be_changed_and_are_kept(playing: tuple[Demo, Running], visit: Any) -> None:
    visitor = visit(playing[1], color_scheme="light")
    page = visitor.open("/events")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme").press("Enter")
    changed = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert changed != before
    assert visitor.open("/clips").evaluate("getComputedStyle(document.body).backgroundColor") == changed


def test_everything_can_be_reached_by_keyboard_and_has_a_name(playing: tuple[Demo, Running], visit: Any) -> None:
    page = visit(playing[1]).open("/")
    nameless = """() => [...document.querySelectorAll('a, button, select, input, img:not([alt])')]
        .filter(e => e.offsetParent && !(e.textContent.trim() || e.ariaLabel || e.alt || e.labels?.length)).map(e => e.outerHTML)"""
    assert page.evaluate(nameless) == []
    reached = set()
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.ariaLabel"))
    assert {"To the content", "Live", "Events", "Clips", "Health", "Boxes"} <= reached


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Running]:
    """Ends after the windows that look at it: a page whose box went away complains."""
    demo = Demo(tmp_path)
    demo.start()
    page = Running(demo, password=PASSWORD)
    yield page
    page.close()
    demo.close()


def test_a_person_logs_in_and_sees_the_picture(locked: Running, visit: Any) -> None:
    page = visit(locked).open("/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector(".tile")
    until(page, PLAYING)
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Password").wait_for()


def test_a_camera_that_comes_back_with_another_stream_is_shown_on(playing: tuple[Demo, Running], visit: Any) -> None:
    demo, running = playing
    page = visit(running).open("/")
    until(page, PLAYING)
    assert page.evaluate(SKY) < 140
    demo.reconnect("street")
    until(page, f"{SKY} > 150")
    began = page.evaluate(GRAB)
    until(page, MOVED, began["t"])
    assert page.get_attribute(".tile[data-large]", "data-mode") == "mp4"


def test_boxes_are_in_step_with_the_picture(playing: tuple[Demo, Running], visit: Any) -> None:
    """The figure walks up to 8 pixels from one picture to the next; analysis looks at every third."""
    page = visit(playing[1], viewport={"width": 1280, "height": 800}).open("/")
    for layer in ("Trails", "Zones"):
        page.get_by_role("button", name=layer).click()
    until(page, f"{LARGE}.dataset.boxes === '2' && {LARGE}.querySelector('video').currentTime > 12")
    apart = sorted(abs(figure - box) for figure, box in page.evaluate(MIDDLES))
    assert apart[len(apart) // 2] < 6, apart
