"""Login: the form that asks for the password, and the way out again."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response

from device.web.access import COOKIE, Access
from device.web.rendering import render

BODY_S = 10  # how long the form may take to come


def onward(path: str) -> str:
    """Only a path of this site: nothing that a browser could read as another host."""
    plain = path.startswith("/") and not path.startswith("//") and not set(path) & set("\\\r\n\t")
    return path if plain else "/"


def router(access: Access) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/login")
    def ask(next: str = "/") -> Response:
        return render("login.html", next=onward(next)) if access.locked else RedirectResponse("/", 303)

    @routes.post("/login")
    async def enter(request: Request) -> Response:
        address = request.client.host if request.client else "?"
        try:
            body = await asyncio.wait_for(request.body(), BODY_S)
        except (ClientDisconnect, asyncio.TimeoutError):
            return Response(status_code=408, headers={"Connection": "close"})
        form = parse_qs(body.decode("utf-8", "replace"))
        target = onward(form.get("next", ["/"])[0])
        if wait_s := access.failures.wait_s(address):
            page = render("login.html", 429, next=target, error=f"Too many wrong guesses. Try again in {wait_s} s.")
            page.headers["Retry-After"] = str(wait_s)
            return page
        if not await access.login(form.get("password", [""])[0], address):
            return render("login.html", 401, next=target, error="That is not the password.")
        answer = RedirectResponse(target, 303)
        answer.set_cookie(COOKIE, access.sessions.open(), httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/")
        return answer

    @routes.post("/logout")
    async def leave(request: Request) -> Response:  # in the event loop, where the sessions are
        access.sessions.close(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", path="/")
        return answer

    return routes
