"""One person labels: by keys alone, with the mouse, by fingers; what comes out is with the trainer, to the pixel."""

from __future__ import annotations

import pytest

from tests.trainer.web.static.label.conftest import CHROMIUM, Come
from tests.trainer.web.static.label.served import Desk, Served

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium at /usr/bin/chromium")]
# which part of a line on the screen, given in CSS pixels of the stage, is drawn in a bright colour
DRAWN = """(() => {
  const canvas = document.querySelectorAll("#stage canvas")[1];
  const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(canvas, 0, 0);
  const [x, y1, y2] = arg.map(Math.round);
  const pixels = pen.getImageData(x - 1, y1, 3, y2 - y1).data;
  let rows = 0;
  for (let y = 0; y < y2 - y1; y += 1) {
    for (let n = 0; n < 3; n += 1) {
      const at = (y * 3 + n) * 4;
      if (pixels[at + 3] > 200 && Math.max(pixels[at], pixels[at + 1], pixels[at + 2]) > 150) { rows += 1; break; }
    }
  }
  return rows / (y2 - y1);
})()"""


def test_a_box_is_drawn_moved_resized_relabelled_undone_and_approved_by_keys(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer).open(item)
    assert lea.page.evaluate("document.activeElement.id") == "stage"
    lea.press("n", "ArrowRight")  # begins in the middle
    assert lea.fact("mode") == "box"
    lea.press(*["ArrowDown"] * 3, *["Shift+ArrowRight"] * 2, "Alt+ArrowLeft", "3")
    lea.saved()
    made = desk.said(item)["boxes"][-1]
    assert (made["category"], made["source"]) == ("bicycle", "person")
    lea.press("Shift+ArrowDown", "Control+z")  # what was undone is as before
    lea.saved()
    lea.press("Control+z", "Control+z")
    lea.until("document.querySelectorAll('#boxes .who').length === 3")
    lea.press("Control+Shift+z", "Control+Shift+z")
    lea.saved()
    assert desk.said(item)["boxes"][-1] == made
    lea.press("Enter")
    assert lea.fact("mode") == "review"
    assert desk.item(item)["state"] == "open"
    lea.press("Enter")
    lea.until("document.getElementById('label').dataset.item !== arg", item)
    found = desk.item(item)
    assert (found["state"], found["labels"]["answer"]) == ("done", "boxes")
    assert {box["source"] for box in found["labels"]["boxes"]} == {"person"}  # approving accepts the machine's
    assert found["labels"]["boxes"][-1] == made
    assert found["labels"]["exhaustive_for"] == ["person", "car", "bicycle"]
    lea.ready()
    assert item not in lea.page.url


def test_a_box_is_drawn_moved_and_resized_with_the_mouse_to_the_pixel(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer).open(item)
    lea.drag((50, 40), (150, 120))
    lea.saved()
    x, y, w, h = desk.said(item)["boxes"][-1]["box"]
    assert [x, y, w, h] == pytest.approx([50, 40, 100, 80], abs=1)
    lea.drag((100, 80), (130, 100))  # it is chosen: from its middle it is moved
    lea.drag((180, 140), (220, 190))  # from its corner it is resized
    lea.saved()
    assert desk.said(item)["boxes"][-1]["box"] == pytest.approx([80, 60, 140, 130], abs=1.5)
    lea.drag((500, 20), (900, -300))  # beyond the picture
    lea.saved()
    assert desk.said(item)["boxes"][-1]["box"] == pytest.approx([500, 0, 140, 20], abs=1)
    lea.page.get_by_role("button", name="Undo").click()
    lea.saved()
    assert len(desk.said(item)["boxes"]) == 3
    lea.page.mouse.click(*lea.at(140, 110))
    lea.press("d")
    lea.saved()
    assert len(desk.said(item)["boxes"]) == 2


def test_a_machines_box_is_dashed_until_a_person_accepts_it(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer).open(item)
    assert lea.page.locator("#boxes .machine").count() == 2
    x, y, _, h = desk.said(item)["boxes"][0]["box"]
    stage = lea.page.locator("#stage").bounding_box()
    assert stage is not None
    (left, top), (_, bottom) = lea.at(x, y + h / 3), lea.at(x, y + h - 6)
    line = [left - stage["x"], top - stage["y"], bottom - stage["y"]]
    lea.until(f"0.4 < {DRAWN} && {DRAWN} < 0.8", line)
    lea.press("ArrowDown", "y", "ArrowDown", "y", "Escape", "Escape")
    lea.until("document.querySelectorAll('#boxes .machine').length === 0")
    lea.until(f"{DRAWN} === 1", line)
    assert "by a person" in str(lea.page.get_attribute("#boxes button", "aria-label"))


@pytest.mark.parametrize(("key", "state", "answer"), [("0", "done", "nothing"), ("u", "unsure", "unsure"), ("s", "skipped", "skip")])
def test_other_answers_are_one_key(come: Come, trainer: Served, desk: Desk, item: str, key: str, state: str, answer: str) -> None:
    lea = come(trainer).open(item)
    lea.press(key)
    lea.until("document.getElementById('label').dataset.item !== arg", item)
    found = desk.item(item)
    assert (found["state"], found["labels"]["answer"]) == (state, answer)
    assert len(found["labels"]["boxes"]) == (0 if answer == "nothing" else 2)


def test_nothing_here_throws_no_persons_box_away_and_approve_needs_a_box(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer).open(item)
    lea.press("ArrowDown", "y", "0")
    lea.page.get_by_text("There is a box of a person here").first.wait_for()
    lea.press("d", "ArrowDown", "d", "Enter")
    lea.page.get_by_text("There is no box to approve").first.wait_for()
    lea.saved()
    assert desk.item(item)["state"] == "open"


def test_an_answered_picture_is_closed_until_it_is_opened_again(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer).open(item)
    lea.press("a")
    lea.until("document.getElementById('label').dataset.item !== arg", item)
    lea.open(item)
    lea.page.locator("#closed").wait_for()
    lea.press("ArrowDown", "Delete", "n")
    assert lea.fact("marks") == "2"
    assert "open it again" in lea.said()
    lea.press("o")
    lea.page.locator("#closed").wait_for(state="hidden")
    lea.press("ArrowDown", "Delete")
    lea.saved()
    assert (desk.item(item)["state"], len(desk.said(item)["boxes"])) == ("open", 1)


def test_regions_to_ignore_and_claims_about_classes_are_kept(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer).open(item)
    lea.press("i", "ArrowUp", "Enter")
    lea.page.get_by_label("Every bicycle is marked").uncheck()
    lea.saved()
    said = desk.said(item)
    assert len(said["ignore"]) == 1
    assert said["exhaustive_for"] == ["person", "car"]
    assert "all of person, car is marked" in lea.page.inner_text("#claim")
    lea.open(item)
    assert lea.fact("marks") == "3"
    assert not lea.page.get_by_label("Every bicycle is marked").is_checked()


def test_boxes_of_the_cameras_picture_before_are_copied(come: Come, trainer: Served, desk: Desk, unused: list[str]) -> None:
    waiting = [found for each in desk.ids() if (found := desk.item(each))["version"] == 1 or found["camera"] == "yard"]
    first, second = sorted((each for each in waiting if each["camera"] == "yard"), key=lambda each: each["t"])[:2]
    lea = come(trainer).open(first["id"])
    lea.drag((20, 20), (70, 60))
    lea.press("Enter")
    lea.until("document.getElementById('label').dataset.item !== arg", first["id"])
    lea.open(second["id"])
    lea.press("c")
    lea.until("document.getElementById('label').dataset.marks === '5'")
    lea.saved()
    copied = desk.said(second["id"])["boxes"][-3:]
    assert [box["box"] for box in copied] == [box["box"] for box in desk.item(first["id"])["labels"]["boxes"]]
    assert {box["source"] for box in copied} == {"person"}
    lea.press("Control+z")
    lea.until("document.getElementById('label').dataset.marks === '2'")


def test_seconds_of_work_come_to_the_trainer(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer).open(item)
    before = desk.http.get("/api/v1/review/stats").json()["people"].get("lea", {"answers": 0, "seconds": 0})
    lea.until("!document.getElementById('pace').textContent.startsWith('0 s')")
    lea.press("Enter")
    lea.until("document.getElementById('label').dataset.item !== arg", item)
    after = desk.http.get("/api/v1/review/stats").json()["people"]["lea"]
    assert after["answers"] == before["answers"] + 1
    assert 0.4 < after["seconds"] - before["seconds"] < 60


def test_who_may_only_look_changes_nothing(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    vera = come(trainer, "vera").open(item)
    assert vera.page.get_by_role("button", name="Approve").is_disabled()
    vera.press("ArrowDown", "d", "n", "Enter")
    vera.drag((50, 40), (150, 120))
    vera.until("[...document.querySelectorAll('#said-1, #said-2')].some(each => each.textContent.includes(arg))", "not change anything")
    assert vera.fact("marks") == "2"
    assert desk.item(item)["version"] == 1
