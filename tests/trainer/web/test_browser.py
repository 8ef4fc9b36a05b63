"""A person looks at the trainer's page: real Chromium, wide and narrow, light and dark, nothing in the console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.device.web.conftest import ARGS, CHROMIUM, PHONE, needs_chromium
from tests.device.web.visitor import Visitor, until
from tests.trainer.web import worlds
from tests.trainer.web.pages import PASSWORD, Running, parts_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = needs_chromium
PAGES = (
    "/devices", "/devices/yard-1", "/events", "/sets", "/sets/street", "/runs", f"/runs/{worlds.RUN}", "/models",
    f"/models/{worlds.CANDIDATE}", "/jobs", "/jobs/new/gate", "/users", "/audit", "/me", "/nothing",
)  # fmt: skip


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    parts = parts_in(tmp_path_factory.mktemp("trainer"))
    worlds.fill(parts)
    page = Running(parts)
    yield page
    page.close()
    parts.database.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield browser
        browser.close()


def enter(chromium: Browser, page: Running, name: str = "ada", **options: Any) -> Visitor:
    """Logged in by the form, and on the first page."""
    visitor = Visitor(chromium, page.base, **options)
    shown = visitor.open("/")
    shown.fill("#name", name)
    shown.fill("#password", PASSWORD)
    shown.press("#password", "Enter")
    shown.wait_for_selector("nav.nav")
    return visitor


@pytest.mark.parametrize(("size", "colours"), [({"width": 1280, "height": 800}, "light"), (PHONE, "dark")])
def test_every_page_fits_and_complains_of_nothing(chromium: Browser, full: Running, size: dict[str, int], colours: Any) -> None:
    visitor = enter(chromium, full, viewport=size, color_scheme=colours)
    for path in PAGES:
        page = visitor.open(path)
        page.wait_for_selector("h1")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    expected = [line for line in visitor.complaints if "404" not in line]  # of /nothing, which is asked for
    visitor.close()
    assert expected == []


def test_times_are_told_in_the_visitors_own_zone(chromium: Browser, full: Running) -> None:
    visitor = enter(chromium, full, "vera", timezone_id="Asia/Tokyo", locale="en-GB")
    page = visitor.open("/devices")
    told = page.locator("time").first
    assert "UTC" not in told.inner_text()
    assert "UTC" in (told.get_attribute("title") or "")
    visitor.close()
    assert visitor.complaints == []


def test_pictures_come_with_their_boxes_drawn(chromium: Browser, full: Running) -> None:
    visitor = enter(chromium, full, "vera")
    page = visitor.open("/sets/street")
    until(page, "[...document.querySelectorAll('.picture image')].every(i => i.getBBox().width > 0)")
    loaded = "fetch(document.querySelector('.picture image').href.baseVal).then(r => r.blob()).then(createImageBitmap).then(b => b.width)"
    assert page.evaluate(loaded) == 64
    assert page.locator(".picture rect.machine").count() == 24
    visitor.close()
    assert visitor.complaints == []


def test_a_job_moves_before_ones_eyes_and_is_cancelled_by_a_button(chromium: Browser, full: Running) -> None:
    jobs = full.parts.jobs
    job = jobs.ask("dataset_hash", {"set": "street", "threads": None}, "ada")
    assert jobs.claim("somebody")
    visitor = enter(chromium, full)
    page = visitor.open(f"/jobs/{job.id}")
    jobs.beat(job.id, "somebody", 0.4, "pictures: 40 of 100")
    page.get_by_text("pictures: 40 of 100").wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("(ending)").wait_for()
    assert jobs.beat(job.id, "somebody", 0.5, "") is True
    jobs.end(job.id, "somebody", "cancelled", "cancelled")
    page.locator(".state", has_text="cancelled").first.wait_for()
    visitor.open("/jobs")
    assert page.locator("tbody tr").count() == 1
    visitor.close()
    assert visitor.complaints == []


def test_without_scripts_everything_is_there_and_works(chromium: Browser, full: Running) -> None:
    visitor = Visitor(chromium, full.base, java_script_enabled=False)
    page = visitor.open("/")
    page.fill("#name", "ada")
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.goto(full.base + "/sets/street")
    page.click("text=Compute root")
    assert "/jobs/" in page.url
    assert page.locator("text=waiting").count()
    page.click("text=Cancel")
    assert page.locator("text=cancelled").count()
    page.click("text=Log out")
    assert page.url.endswith("/login")
    visitor.close()


def test_the_colours_that_were_chosen_are_kept(chromium: Browser, full: Running, tmp_path: Path) -> None:
    visitor = enter(chromium, full, "vera", color_scheme="light")
    page = visitor.page
    page.click("#theme")
    page.click("#theme")
    visitor.open("/events")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    visitor.close()
    assert visitor.complaints == []
