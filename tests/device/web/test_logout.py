"""Logging out in one tab, with another one open: real Chromium."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.device.web.conftest import PASSWORD, Running, needs_chromium
from tests.device.web.demo import Demo
from tests.device.web.visitor import Visitor, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LOGIN = re.compile(r"/login(\?next=.*)?$")
pytestmark = needs_chromium


def test_the_other_tab_shows_nothing_more_and_asks_for_the_password(tmp_path: Path, chromium: Browser) -> None:
    demo = Demo(tmp_path, ("street",))
    demo.start()
    running = Running(demo, password=PASSWORD)
    try:
        visitor = Visitor(chromium, running.base)
        page = visitor.open("/")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{running.base}/")
        until(page, "document.querySelectorAll('canvas').length > 0")
        other = page.context.new_page()
        other.goto(running.base + "/events")
        other.locator("form[action='/logout'] button").first.click()
        other.wait_for_url(LOGIN)
        page.wait_for_url(LOGIN)  # by itself
        assert page.locator("canvas").count() == 0
        visitor.close()
        refused = "status of 401"  # a picture that was on its way when the session ended
        assert [said for said in visitor.complaints if refused not in said] == []
    finally:
        running.close()
        demo.close()
    assert running.error is None
