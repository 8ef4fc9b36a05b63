"""The trainer killed between two keystrokes, answers lost on the way, pages loaded again, logins that end: nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.trainer.web.static.label.conftest import CHROMIUM, Come
from tests.trainer.web.static.label.scenes import Scene, street
from tests.trainer.web.static.label.served import Desk, Served

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium at /usr/bin/chromium")]
Serve = Callable[[list[Scene]], Served]


def test_the_trainer_is_killed_between_two_keystrokes_and_nothing_is_lost(come: Come, serve: Serve) -> None:
    served = serve([street(n) for n in range(8)])
    lea = come(served).open()
    first = lea.fact("item")
    lea.press("n", "ArrowRight")
    lea.saved()
    served.kill()
    lea.press("ArrowRight", "ArrowDown", "2")
    lea.page.locator("#offline").wait_for()
    assert "kept in this browser" in lea.page.inner_text("#offline")
    assert "Offline" in lea.page.inner_text("#saved")
    lea.press("ArrowDown")  # goes on while nobody answers
    assert lea.kept()[0]["labels"]["boxes"][-1]["category"] == "car"
    lea.press("Enter", "Enter")  # approved; the next picture was read ahead
    lea.until("document.getElementById('label').dataset.item !== arg && document.getElementById('label').dataset.state === 'ready'", first)
    second = lea.fact("item")
    lea.press("ArrowDown", "3")
    assert len(lea.kept()) == 2
    box = next(work["labels"]["boxes"][-1] for work in lea.kept() if work["item"] == first)
    served.start()
    lea.saved()  # by itself
    assert lea.page.locator("#offline").is_hidden()
    assert lea.kept() == []
    desk = Desk(served)
    found = desk.item(first)
    assert (found["state"], found["labels"]["answer"]) == ("done", "boxes")
    assert found["labels"]["boxes"][-1] == {**box, "box": box["box"]}
    assert sorted(each["category"] for each in desk.said(second)["boxes"]) in (["bicycle", "car"], ["bicycle", "person"])
    desk.close()


@pytest.mark.soak  # the one before it is the same once
def test_the_trainer_is_killed_again_and_again_while_somebody_draws(come: Come, serve: Serve) -> None:
    served = serve([street(0)])
    lea = come(served).open()
    item = lea.fact("item")
    for number in range(3):
        lea.drag((20 + 60 * number, 20), (60 + 60 * number, 60))
        if number % 2:
            lea.saved()  # once with everything acknowledged, else in the middle of it
        served.kill()
        lea.press("ArrowRight" if number == 1 else "Alt+ArrowRight")
        served.start()
    lea.saved()
    desk = Desk(served)
    assert len(desk.said(item)["boxes"]) == 5
    assert len({tuple(box["box"]) for box in desk.said(item)["boxes"]}) == 5
    assert lea.fact("marks") == "5"
    desk.close()


def test_a_page_loaded_again_with_an_unsent_draft_has_it_and_sends_it(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer).open(item)
    lea.page.route("**/draft", lambda route: route.abort())
    lea.drag((50, 40), (150, 120))
    lea.page.reload()
    lea.ready(item)
    assert lea.fact("marks") == "3"
    lea.page.locator("#offline").wait_for()
    assert len(lea.kept()) == 1
    lea.page.unroute("**/draft")
    lea.page.get_by_role("button", name="Try now").click()
    lea.saved()
    assert len(desk.said(item)["boxes"]) == 3
    assert lea.kept() == []


def test_a_tab_that_was_closed_leaves_its_work_to_the_next(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer).open(item)
    lea.page.route("**/draft", lambda route: route.abort())
    lea.drag((50, 40), (150, 120))
    lea.page.locator("#offline").wait_for()
    lea.page.close()
    lea.page = lea.window()
    lea.open(item)
    lea.saved()
    assert len(desk.said(item)["boxes"]) == 3
    assert lea.fact("marks") == "3"


@pytest.mark.parametrize("what", ["draft", "answer"])
def test_what_arrived_and_was_not_acknowledged_is_no_conflict(come: Come, trainer: Served, desk: Desk, item: str, what: str) -> None:
    """The trainer has written it, and is gone before it says so."""
    lea = come(trainer).open(item)
    lost: list[str] = []

    def lose(route: Route) -> None:
        if not lost:
            lost.append(route.request.url)
            route.fetch()
            route.abort()
        else:
            route.continue_()

    drafts: list[str] = []
    lea.page.on("response", lambda response: drafts.append(response.url) if response.ok and response.url.endswith("/draft") else None)
    lea.page.route(f"**/{what}", lose)
    lea.drag((50, 40), (150, 120))
    if what == "answer":
        lea.press("Enter")
        lea.until("document.getElementById('label').dataset.item !== arg", item)
    lea.until("!Object.keys(localStorage).some(key => key.startsWith('vedette.label.work'))")
    lea.saved()
    assert lost
    assert not lea.page.locator("#faster").is_visible()
    found = desk.item(item)
    assert (found["state"], len(desk.said(item)["boxes"])) == (("done", 3) if what == "answer" else ("open", 3))
    assert found["version"] <= (2 + len(drafts) if what == "answer" else 3), "an answer that came twice is one"


def test_a_login_that_ends_is_said_and_another_one_sends_what_waited(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer).open(item)
    lea.context.clear_cookies()
    lea.drag((50, 40), (150, 120))
    lea.page.locator("#out").wait_for()
    assert len(lea.kept()) == 1
    lea.login()
    lea.saved()  # with the token of the new login
    assert lea.page.locator("#out").is_hidden()
    assert len(desk.said(item)["boxes"]) == 3


def test_the_work_of_one_person_is_not_sent_in_the_name_of_another(come: Come, trainer: Served, desk: Desk, item: str) -> None:
    lea = come(trainer).open(item)
    lea.page.route("**/draft", lambda route: route.abort())
    lea.drag((50, 40), (150, 120))
    lea.page.locator("#offline").wait_for()
    lea.context.clear_cookies()
    lea.name = "ada"
    lea.login()
    lea.page.unroute("**/draft")
    lea.page.get_by_role("button", name="Try now").click()
    lea.page.locator("#refused, #out").locator("visible=true").wait_for()
    lea.open(item)
    assert lea.fact("marks") == "2"
    assert desk.item(item)["version"] == 1
    assert len(lea.kept()) == 1
    lea.context.clear_cookies()
    lea.name = "lea"
    lea.login()
    lea.open(item)
    lea.saved()
    assert len(desk.said(item)["boxes"]) == 3
