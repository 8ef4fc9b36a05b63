"""Somebody at the labelling page: a real browser window with a login, hands, and an ear for complaints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.device.web.visitor import until
from tests.trainer.web.pages import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WAIT_MS = 15_000
# what a browser writes down by itself of requests that were refused or not answered; the page's own handling of them is what is tested
NETWORK = re.compile(r"Failed to load resource: (net::ERR_|the server responded with a status of (401|403|404|409|412|422|503))")


class Person:
    def __init__(self, browser: Browser, base: str, name: str = "lea", **options: Any) -> None:
        self.base, self.name = base, name
        self.complaints: list[str] = []
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
        self.context.add_init_script("addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective))")
        self.page = self.window()
        self.login()

    def window(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda m: m.type in {"error", "warning"} and not NETWORK.match(m.text) and self.complaints.append(m.text))
        page.on("pageerror", lambda e: self.complaints.append(str(e)))
        return page

    def login(self) -> None:
        """As another tab of the same browser does it."""
        answer = self.context.request.post(f"{self.base}/api/v1/session", data={"name": self.name, "password": PASSWORD})
        assert answer.ok, answer.text()

    def open(self, item: str = "", query: str = "") -> Person:
        self.page.goto(f"{self.base}/label{'/' if item else ''}{item}{query}")
        self.ready(item)
        return self

    def ready(self, item: str = "") -> None:
        self.page.wait_for_selector(f"#label[data-state=ready]{f'[data-item={item!r}]' if item else ''}")

    def until(self, expression: str, arg: object = None) -> None:
        until(self.page, expression, arg)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def saved(self, state: str = "saved") -> None:
        self.page.wait_for_selector(f"#label[data-saved={state}]", state="attached")

    def fact(self, name: str) -> str:
        return str(self.page.get_attribute("#label", f"data-{name}"))

    def said(self) -> str:
        """By the live regions."""
        return str(self.page.evaluate("document.getElementById('said-1').textContent + document.getElementById('said-2').textContent"))

    def at(self, x: float, y: float, width: int = 640, height: int = 400) -> tuple[float, float]:
        """Where on the screen a point of the whole picture is."""
        stage = self.page.locator("#stage").bounding_box()
        assert stage is not None
        scale = min(stage["width"] / width, stage["height"] / height)
        left, top = (stage["width"] - width * scale) / 2, (stage["height"] - height * scale) / 2
        return stage["x"] + left + x * scale, stage["y"] + top + y * scale

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """With the mouse, in pixels of the picture."""
        mouse = self.page.mouse
        mouse.move(*self.at(*start))
        mouse.down()
        mouse.move(*self.at((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), steps=3)
        mouse.move(*self.at(*end), steps=3)
        mouse.up()

    def kept(self) -> list[dict[str, Any]]:
        """What this browser keeps that was not sent."""
        found = "Object.keys(localStorage).filter(key => key.startsWith('vedette.label.work')).map(key => JSON.parse(localStorage[key]))"
        return list(self.page.evaluate(found))

    def close(self) -> None:
        self.context.close()
