"""A browser window, what it complained of, and waiting that the page's policy allows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WAIT_MS = 20_000


class Visitor:
    """A browser window, and everything it complained of or asked other hosts for."""

    def __init__(self, browser: Browser, base: str, **options: Any) -> None:
        self.base, self.complaints = base, []
        context = browser.new_context(**options)
        context.add_init_script("addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective, e.blockedURI))")
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", lambda m: m.type in {"error", "warning"} and self.complaints.append(m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("request", lambda r: r.url.startswith((base, "blob:")) or self.complaints.append(f"asked {r.url}"))

    def open(self, path: str) -> Page:
        self.page.goto(self.base + path)
        return self.page

    def close(self) -> None:
        self.page.context.close()


def until(page: Page, expression: str, arg: object = None) -> None:
    """Playwright's own waiting evaluates strings in the page, which the page's policy forbids, as it should."""
    page.evaluate(
        f"""arg => new Promise((done, fail) => {{
          const began = performance.now();
          const look = () => {{
            if ({expression}) done();
            else if (performance.now() - began > {WAIT_MS}) fail(new Error({json.dumps("never: " + expression)}));
            else setTimeout(look, 50);
          }};
          look();
        }})""",
        arg,
    )
