"""Sheet: a page with what every page has: the strip with the state of the box, and where its stream of events goes on."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from device.web import words
from device.web.access import Access
from device.web.desk import Desk
from device.web.rendering import render
from device.web.trail import Trail


class Sheet:
    def __init__(self, desk: Desk, access: Access, trail: Trail) -> None:
        self.desk, self._access, self.trail = desk, access, trail

    def __call__(self, template: str, here: str, seq: int | None = None, status_code: int = 200, **values: Any) -> Response:
        """`seq`: the journal's number before the page's events were read; the page's stream goes on from there, nothing falls between."""
        mark = self.trail.seq if seq is None else seq
        status = words.status(self.desk)
        known = {"locked": self._access.locked, "settings": self.desk.owner is not None and self._access.locked}
        return render(template, status_code, here=here, status=status, mark=mark, **known, **values)
