"""Two labellers on one picture: who is late is told who was faster, sees both, and chooses; nothing of either is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.trainer.web.static.label.conftest import CHROMIUM, Come
from tests.trainer.web.static.label.person import Person
from tests.trainer.web.static.label.served import Desk, Served

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium at /usr/bin/chromium")]
ADAS, LEAS = ((30, 30), (90, 80)), ((400, 40), (470, 100))


def both_draw(come: Come, trainer: Served, desk: Desk, item: str) -> tuple[Person, list[Any], list[Any]]:
    """Both have the picture open; ada's box arrives first. Lea, the boxes of ada, and those of lea."""
    lea, ada = come(trainer, "lea").open(item), come(trainer, "ada").open(item)
    ada.drag(*ADAS)
    ada.saved()
    theirs = desk.said(item)["boxes"]
    lea.drag(*LEAS)
    lea.page.locator("#faster").wait_for()
    mine = [work["labels"]["boxes"] for work in lea.kept()]
    assert len(mine) == 1  # kept in the browser for as long as it is not decided
    return lea, theirs, mine[0]


def places(boxes: list[Any]) -> list[Any]:
    return sorted(box["box"] for box in boxes)


def test_the_second_is_told_who_was_faster_and_by_how_much(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea, _, _ = both_draw(come, trainer, desk, item)
    assert lea.page.inner_text("#faster-title") == "ada was faster"
    assert "Theirs has 3 boxes, yours 3" in lea.page.inner_text("#faster-text")
    assert "ada changed it" in lea.said()
    assert lea.fact("saved") == "faster"
    assert lea.page.evaluate("document.activeElement.dataset.act") == "seeBoth"


def test_theirs_are_taken_and_undo_brings_mine_back(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea, theirs, mine = both_draw(come, trainer, desk, item)
    version = desk.item(item)["version"]
    lea.page.get_by_role("button", name="Take theirs").first.click()
    lea.saved()
    assert desk.item(item)["version"] == version  # nothing of lea's was sent
    assert lea.kept() == []
    assert "undo brings yours back" in lea.said()
    lea.press("Control+z")
    lea.saved()
    lea.until("!document.getElementById('faster').open")
    assert places(desk.said(item)["boxes"]) == places(mine) != places(theirs)


def test_mine_are_kept_on_top_of_theirs(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea, _, mine = both_draw(come, trainer, desk, item)
    lea.page.get_by_role("button", name="Keep mine").first.click()
    lea.saved()
    assert places(desk.said(item)["boxes"]) == places(mine)
    assert desk.item(item)["version"] == 3  # both of them are versions that the trainer keeps
    lea.drag((200, 20), (250, 60))
    lea.saved()
    assert len(desk.said(item)["boxes"]) == 4


def test_both_are_seen_and_all_of_both_is_kept_by_keys_alone(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea, theirs, mine = both_draw(come, trainer, desk, item)
    lea.press("Enter")  # "See both" has the focus
    lea.page.locator("#both").wait_for()
    magenta = """(() => {
      const canvas = document.querySelectorAll("#stage canvas")[1];
      const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
      pen.drawImage(canvas, 0, 0);
      const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
      let found = 0;
      for (let n = 0; n < pixels.length; n += 4) {
        const [red, green, blue, solid] = pixels.subarray(n, n + 4);
        if (red > 230 && green < 110 && blue > 190 && solid > 230) found += 1;
      }
      return found;
    })()"""
    lea.until(f"{magenta} > 100")
    lea.press("Tab", "Tab")
    assert lea.page.evaluate("document.activeElement.dataset.act") == "keepBoth"
    lea.press("Enter")
    lea.saved()
    assert places(desk.said(item)["boxes"]) == sorted([*places(mine), *[box for box in places(theirs) if box not in places(mine)]])
    assert len(desk.said(item)["boxes"]) > len(mine)
    lea.until(f"{magenta} === 0")


def test_an_answer_that_comes_second_is_asked_about_and_goes_over_the_first(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea, ada = come(trainer, "lea").open(item), come(trainer, "ada").open(item)
    ada.press("ArrowDown", "d", "Enter")
    ada.until("document.getElementById('label').dataset.item !== arg", item)
    assert desk.item(item)["state"] == "done"
    lea.press("Enter")
    lea.page.locator("#faster").wait_for()
    assert lea.fact("item") == item  # it does not go on as if nothing had been
    lea.page.get_by_role("button", name="Keep mine").first.click()
    lea.saved()
    found = desk.item(item)
    assert (found["state"], len(found["labels"]["boxes"])) == ("done", 2)


def test_who_is_late_on_a_picture_that_was_left_behind_is_called_back(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    """The answer takes its time on the way, and the next picture does not wait for it."""
    lea, ada = come(trainer, "lea").open(item), come(trainer, "ada").open(item)
    ada.drag(*ADAS)
    ada.saved()
    held: list[Route] = []
    lea.page.route("**/answer", lambda route: held.append(route))
    lea.press("Enter")
    lea.until("document.getElementById('label').dataset.item !== arg", item)
    lea.ready()
    held[0].continue_()
    lea.page.locator("#elsewhere").wait_for()
    lea.page.get_by_role("button", name="Look").click()
    lea.ready(item)
    lea.page.locator("#faster").wait_for()
    lea.page.get_by_role("button", name="Take theirs").first.click()
    lea.saved()
    assert (desk.item(item)["state"], lea.fact("marks")) == ("open", "3")


def test_escape_decides_nothing_and_a_reload_asks_again(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea, theirs, mine = both_draw(come, trainer, desk, item)
    lea.press("Escape")
    lea.page.locator("#both").wait_for()
    lea.open(item)
    lea.page.locator("#faster").wait_for()
    assert places(desk.said(item)["boxes"]) == places(theirs)
    assert places(lea.kept()[0]["labels"]["boxes"]) == places(mine)
    lea.page.get_by_role("button", name="Keep mine").first.click()
    lea.saved()
    assert places(desk.said(item)["boxes"]) == places(mine)


def test_two_people_begin_with_two_pictures(come: Come, trainer: Served) -> None:
    lea, ada = come(trainer, "lea").open(), come(trainer, "ada").open()
    assert lea.fact("item") != ada.fact("item")
