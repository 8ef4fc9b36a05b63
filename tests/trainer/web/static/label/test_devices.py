"""Fingers, sharp screens, pictures of twelve million pixels with hundreds of boxes, keyboards alone, and ears instead of eyes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.trainer.web.static.label.conftest import CHROMIUM, Come
from tests.trainer.web.static.label.person import Person
from tests.trainer.web.static.label.scenes import Scene, large
from tests.trainer.web.static.label.served import Desk, Served

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium at /usr/bin/chromium")]
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
# what is drawn from now on, and how long frames take
WATCH = """() => {
  window.seen = { pictures: 0, strokes: 0, frames: [] };
  const pen = CanvasRenderingContext2D.prototype, { drawImage, stroke } = pen;
  const staged = (pen) => pen.canvas.parentElement?.id === "stage";
  pen.drawImage = function (...given) { window.seen.pictures += staged(this); return drawImage.apply(this, given); };
  pen.stroke = function (...given) { window.seen.strokes += 1; return stroke.apply(this, given); };
  let last = performance.now();
  const frame = (now) => { window.seen.frames.push(now - last); last = now; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
}"""
NAMELESS = """() => [...document.querySelectorAll("main button, main select, main input, main a, dialog button")]
  .filter((each) => each.checkVisibility())
  .filter((each) => !(each.getAttribute("aria-label") || each.innerText.trim() || each.closest("label")?.innerText.trim()))
  .map((each) => each.outerHTML)"""


class Fingers:
    """Real touch events, with as many fingers as one likes."""

    def __init__(self, person: Person) -> None:
        self._session = person.context.new_cdp_session(person.page)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        given = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": given})


def test_one_finger_draws_and_two_zoom(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer, **PHONE).open(item)
    touch = Fingers(lea).touch
    start, half, end = lea.at(60, 40), lea.at(120, 80), lea.at(200, 140)
    touch("touchStart", start)
    touch("touchMove", half)
    touch("touchMove", end)
    touch("touchEnd")
    lea.saved()
    assert desk.said(item)["boxes"][-1]["box"] == pytest.approx([60, 40, 140, 100], abs=2)
    before = float(str(lea.page.get_attribute("#stage", "data-scale")))
    middle = lea.at(320, 200)
    touch("touchStart", (middle[0] - 20, middle[1]), (middle[0] + 20, middle[1]))
    for far in (40, 60, 90):
        touch("touchMove", (middle[0] - far, middle[1]), (middle[0] + far, middle[1]))
    touch("touchEnd")
    lea.until("Number(document.getElementById('stage').dataset.scale) > arg * 2", before)
    assert lea.fact("marks") == "3"  # and draw nothing
    assert lea.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    lea.page.get_by_role("button", name="Approve").tap()
    lea.until("document.getElementById('label').dataset.item !== arg", item)
    assert desk.item(item)["state"] == "done"


def test_a_sharp_screen_is_drawn_with_all_its_pixels(come: Come, trainer: Served, item: str) -> None:
    lea = come(trainer, **PHONE).open(item)
    sizes = "[...document.querySelectorAll('#stage canvas')].map(canvas => canvas.width / document.getElementById('stage').clientWidth)"
    assert lea.page.evaluate(sizes) == [2, 2, 2]


def test_a_large_picture_with_five_hundred_boxes_draws_only_what_changes(come: Come, serve: Callable[[list[Scene]], Served]) -> None:
    served = serve([large(1)])
    lea = come(served).open()
    item = lea.fact("item")
    assert lea.fact("marks") == "500"
    assert lea.page.locator("#boxes li").count() == 500
    lea.press("ArrowDown")
    lea.until("document.querySelector('#boxes [aria-current]')")
    lea.page.evaluate(WATCH)
    x, y, w, h = desk_box(served, item, 0)
    mouse = lea.page.mouse
    mouse.move(*lea.at(x + w / 2, y + h / 2, 4000, 3000))
    mouse.down()
    for step in range(30):
        mouse.move(*lea.at(x + w / 2 + 30 * step, y + h / 2 + 20 * step, 4000, 3000))
    drawn = lea.page.evaluate("window.seen")
    mouse.up()
    assert drawn["pictures"] == 0  # the picture stays as it is while a box is moved
    assert 0 < drawn["strokes"] < 40 * 30  # and so do the 499 others
    lea.saved()
    assert desk_box(served, item, 0)[:2] == pytest.approx([x + 870, y + 580], abs=15)
    lea.page.evaluate("window.seen.frames = []")
    for _ in range(10):
        mouse.wheel(0, -120)
    lea.until("Number(document.getElementById('stage').dataset.scale) > 0.4")
    lea.press("Control+z", "f", *["ArrowDown"] * 5, "d")
    lea.until("document.getElementById('label').dataset.marks === '499'")
    lea.saved()


def desk_box(served: Served, item: str, number: int) -> list[float]:
    desk = Desk(served)
    found = desk.said(item)["boxes"][number]["box"]
    desk.close()
    return list(found)


def test_the_keys_are_shown_and_can_be_changed(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer).open(item)
    lea.press("?")
    dialog = lea.page.get_by_role("dialog", name="Keys")
    dialog.wait_for()
    assert dialog.locator("tbody tr").count() > 30
    dialog.get_by_role("button", name="Skip: of no use, next picture: S; change this key").click()
    lea.press("q")
    dialog.get_by_role("button", name="Skip: of no use, next picture: Q; change this key").wait_for()
    lea.press("Escape")
    dialog.wait_for(state="hidden")
    lea.open(item)  # it is remembered
    assert lea.page.inner_text(".answers [data-act=skip] kbd") == "Q"
    lea.press("s")
    assert desk.item(item)["state"] == "open"
    lea.press("q")
    lea.until("document.getElementById('label').dataset.item !== arg", item)
    assert desk.item(item)["state"] == "skipped"


def test_a_class_is_chosen_by_a_part_of_its_name(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer).open(item)
    lea.press("ArrowDown", "l")
    lea.page.get_by_role("dialog", name="Class").wait_for()
    lea.page.keyboard.type("cyc")
    lea.press("Enter")
    lea.saved()
    lea.until("[...document.querySelectorAll('#boxes .name')].some(name => name.textContent === 'bicycle')")
    assert "bicycle" in {box["category"] for box in desk.said(item)["boxes"]}


def test_everything_has_a_name_and_is_reached_by_tab_and_what_happens_is_said(come: Come, trainer: Served, item: str) -> None:
    lea = come(trainer).open(item)
    assert lea.page.evaluate(NAMELESS) == []
    reached = set()
    for _ in range(60):
        lea.press("Tab")
        reached.add(lea.page.evaluate("document.activeElement.dataset.act ?? document.activeElement.name ?? document.activeElement.id"))
    assert {"newBox", "newIgnore", "approve", "nothing", "unsure", "skip", "ahead", "help", "state"} <= reached
    lea.page.locator("#stage").focus()
    lea.press("ArrowDown")
    told = "['said-1', 'said-2'].map(id => document.getElementById(id).textContent).join('')"
    lea.until(f"/1 of 2: person, by the machine, not accepted; left/.test({told})")
    assert lea.page.evaluate("getComputedStyle(document.getElementById('stage')).outlineStyle") == "solid"
    assert lea.page.get_attribute("#stage", "aria-label") in ("yard: 2 marks", "gate: 2 marks")


def test_the_queue_says_why_and_how_much_is_left_and_is_walked_by_keys(come: Come, trainer: Served, desk: Desk) -> None:
    lea = come(trainer).open()
    lea.until("/^[0-9]+ left$/.test(document.getElementById('left').textContent)")
    assert lea.page.inner_text("#left") == f"{len(desk.ids())} left"
    assert lea.page.locator("#strip [aria-current] b").text_content() in ("track gap", "low confidence", "refused transition", "uniform")
    first = lea.fact("item")
    lea.press("j")
    lea.until("document.getElementById('label').dataset.item !== arg && document.getElementById('label').dataset.state === 'ready'", first)
    lea.press("k")
    lea.ready(first)
    lea.page.go_back()
    lea.until("document.getElementById('label').dataset.item !== arg", first)
    with lea.page.expect_navigation():
        lea.page.select_option("[name=reason]", "uniform")
    lea.ready()
    reasons = "[...document.querySelectorAll('#strip b')].map(each => each.textContent)"
    lea.until(f"{reasons}.length && {reasons}.every(each => each === 'uniform')")
