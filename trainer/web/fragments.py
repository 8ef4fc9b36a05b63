"""Fragments: the part of a page that changes, asked for again while somebody looks; the same twice costs nothing."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from trainer.web.rendering import render


def fragment(request: Request, template: str, *, over: bool = False, **values: Any) -> Response:
    """`over`: it changes no more, and need not be asked for again."""
    made = render(request, template, **values)
    tag = f'"{sha256(bytes(made.body)).hexdigest()[:20]}"'
    headers = {"ETag": tag, "Cache-Control": "no-store", **({"X-Over": "1"} if over else {})}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    made.headers.update(headers)
    return made
