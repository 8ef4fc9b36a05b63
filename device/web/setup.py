"""Setup: the page of a box that nobody owns yet: who knows its one-time code gives it a password, and is its owner."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from pydantic import SecretStr
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response

from contracts.errors import VedetteError
from device.web.access import COOKIE, Access
from device.web.login import BODY_S
from device.web.options import LEAST_PASSWORD
from device.web.rendering import render
from device.web.setup_owner import Owner

log = logging.getLogger(__name__)
LONGEST = 200  # characters of a password or a code
SETTINGS = "/settings"


def router(owner: Owner, access: Access) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/setup")
    def ask() -> Response:
        return _page() if owner.unclaimed else RedirectResponse(SETTINGS, 303)

    @routes.post("/setup")
    async def claim(request: Request) -> Response:
        if not owner.unclaimed:
            return RedirectResponse(SETTINGS, 303)
        address = request.client.host if request.client else "?"
        try:
            body = await asyncio.wait_for(request.body(), BODY_S)
        except (ClientDisconnect, asyncio.TimeoutError):
            return Response(status_code=408, headers={"Connection": "close"})
        form = {key: values[0][: LONGEST + 1] for key, values in parse_qs(body.decode("utf-8", "replace")).items()}
        if wait_s := access.failures.wait_s(address):
            page = _page(429, f"Too many wrong codes. Try again in {wait_s} s.")
            page.headers["Retry-After"] = str(wait_s)
            return page
        if not owner.code_fits(form.get("code", "")):
            access.failures.wrong(address)
            log.warning("a wrong setup code", extra={"address": address})
            return _page(401, "That is not the code of this box.")
        access.failures.right(address)
        if why := fault(form.get("password", ""), form.get("again", "")):
            return _page(422, why)
        return await _claimed(request, owner, access, SecretStr(form["password"]), form["code"])

    return routes


async def _claimed(request: Request, owner: Owner, access: Access, password: SecretStr, code: str) -> Response:
    try:
        kept = await asyncio.to_thread(owner.claim, password, code)
    except VedetteError as error:
        log.error("the box could not be claimed: %s", error)
        return _page(409, f"The password could not be kept: {error}")
    access.claim(kept)
    log.info("this box has an owner now", extra={"address": request.client.host if request.client else "?"})
    answer = RedirectResponse(f"{SETTINGS}#camera", 303)
    let_in(request, answer, access)
    return answer


def let_in(request: Request, answer: Response, access: Access) -> None:
    cookie = access.sessions.open()
    answer.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/")


def fault(password: str, again: str) -> str:
    """What is wrong with a new password; empty: nothing."""
    if len(password) < LEAST_PASSWORD:
        return f"The password is shorter than {LEAST_PASSWORD} characters."
    if len(password) > LONGEST:
        return f"The password is longer than {LONGEST} characters."
    return "" if password == again else "The two passwords are not the same."


def _page(status_code: int = 200, error: str = "") -> Response:
    """Nothing that was typed is said again."""
    return render("setup.html", status_code, error=error, least=LEAST_PASSWORD)
