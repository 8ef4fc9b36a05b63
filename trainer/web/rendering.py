"""Rendering: templates into pages; everything is escaped, and no page is kept by a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from trainer.web import words
from trainer.web.static_files import STATIC
from trainer.web.visitor import known

ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters |= {
    "moment": words.moment, "digest": words.short_digest, "size": words.size, "span": words.span, "figure": words.figure,
}  # fmt: skip
ENVIRONMENT.globals |= {"static": STATIC.url, "query": words.query}


def render(request: Request, template: str, status_code: int = 200, **values: Any) -> HTMLResponse:
    """`here` among the values marks the page in the navigation."""
    person = known(request)
    given = {"here": "", "error": "", "person": person, "csrf": person.csrf if person else "", **values}
    return HTMLResponse(ENVIRONMENT.get_template(template).render(**given), status_code)
