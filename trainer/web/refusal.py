"""Refusal: what is not done, and what to do instead: a page for people, JSON for machines."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from trainer.web.rendering import render

TITLES = {
    400: "That cannot be read", 401: "Log in first", 403: "Not allowed", 404: "Nothing here", 405: "Not like this", 408: "Too slow",
    409: "That was not done", 411: "That cannot be read", 412: "Somebody was faster", 413: "Too much at once",
    421: "Not by this name", 422: "Something is not right", 428: "Not like this",
    429: "Not so fast", 500: "That went wrong here", 503: "Not now",
}  # fmt: skip


AWAY = "the store does not answer; the log of this program says why"  # where it lies is nothing for somebody nobody knows


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    why: str
    retry_after_s: int = 0


def wants_page(asked: HTTPConnection) -> bool:
    return "text/html" in asked.headers.get("accept", "") and not asked.scope["path"].startswith("/api/")


def answer(refusal: Refusal, asked: HTTPConnection) -> Response:
    headers = {"Retry-After": str(refusal.retry_after_s)} if refusal.retry_after_s else {}
    if wants_page(asked):
        if refusal.status == 401:
            return RedirectResponse(f"/login?next={quote(_place(asked))}", 303)
        title = TITLES.get(refusal.status, TITLES[400])
        page = render(Request(asked.scope), "lost.html", refusal.status, title=title, detail=refusal.why)
        page.headers.update(headers)
        return page
    return JSONResponse({"detail": refusal.why}, refusal.status, headers)


def _place(asked: HTTPConnection) -> str:
    """Where to go on after the login: back to the page, which is read again."""
    return str(asked.scope["path"]) + (f"?{asked.url.query}" if asked.url.query else "")
