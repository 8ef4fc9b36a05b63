"""Rendering: templates into pages; everything is escaped, and no page is kept by a browser."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from device.web import titles, words


def moment(value: datetime) -> Markup:
    """A time the browser turns into the visitor's own zone; without scripts it is UTC and says so."""
    utc = value.astimezone(timezone.utc)
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(timespec="milliseconds"), utc.strftime("%Y-%m-%d %H:%M:%S UTC"))


ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters |= {"moment": moment, "digest": words.short_digest, "size": words.size, "span": words.span}
ENVIRONMENT.globals |= {"titled": titles.title, "details": titles.details}
ENVIRONMENT.globals |= {"query": words.query, "lasted": words.lasted, "error": "", "status": None}
ENVIRONMENT.globals |= {"locked": False, "settings": False, "mark": None}


def render(template: str, status_code: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(ENVIRONMENT.get_template(template).render(**values), status_code)
