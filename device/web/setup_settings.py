"""Settings: the steps of the first start, and the same ever after: for people who logged in, never for machines."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Request
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from pydantic import SecretStr
from starlette.responses import JSONResponse, RedirectResponse, Response

from contracts.errors import StorageError, VedetteError
from device.pipeline.strict import Strict
from device.web import words
from device.web.access import COOKIE, Access
from device.web.live import Live
from device.web.options import LEAST_PASSWORD
from device.web.setup import fault
from device.web.setup_owner import AreasGiven, BrokerGiven, CameraGiven, Owner, Tried
from device.web.sheet import Sheet

log = logging.getLogger(__name__)
API = "/api/v1/settings"
T = TypeVar("T")


class PasswordGiven(Strict):
    now: SecretStr
    new: SecretStr
    again: SecretStr


class ResetGiven(Strict):
    """Asked twice: the password, and the name of the box."""

    password: SecretStr
    box: str
    keep_recordings: bool = True


class Settings:
    """What both routers need."""

    def __init__(self, owner: Owner, access: Access, sheet: Sheet) -> None:
        self.owner, self.access, self.sheet = owner, access, sheet

    def person(self, request: Request) -> None:
        """403 for a machine's token, and on a page that is open to everybody on this machine."""
        if not self.access.locked:
            raise HTTPException(403, "this page has no password yet: set VEDETTE_PAGE__PASSWORD, then settings can be changed")
        if not self.access.sessions.valid(request.cookies.get(COOKIE, "")):
            raise HTTPException(403, "settings are changed by people who logged in")

    async def sure(self, request: Request, password: SecretStr) -> None:
        """The password once more, for what cannot be undone; guesses wait as they do at the door."""
        address = request.client.host if request.client else "?"
        if wait_s := self.access.failures.wait_s(address):
            raise HTTPException(429, f"too many wrong passwords; wait {wait_s} s", {"Retry-After": str(wait_s)})
        if not await self.access.login(password.get_secret_value()[:256], address):
            raise HTTPException(422, "that is not the password")


async def _done(work: Callable[[], T]) -> T:
    """What the owner asked for, off the event loop; a refusal with its reason and mend."""
    try:
        return await asyncio.to_thread(work)
    except StorageError as error:
        raise HTTPException(503, str(error)) from error
    except VedetteError as error:
        raise HTTPException(422, str(error)) from error


def router(shared: Settings, live: Live) -> APIRouter:
    routes = APIRouter(prefix=API, include_in_schema=False, dependencies=[Depends(shared.person)])
    owner = shared.owner

    @routes.get("")
    async def state() -> dict[str, Any]:
        return dict(await _done(owner.state))

    @routes.get("/cameras")
    async def local() -> Sequence[Any]:
        return await _done(owner.local_cameras)

    @routes.post("/camera/try")
    async def try_camera(given: CameraGiven) -> Tried:
        return await _done(partial(owner.try_camera, given))

    @routes.post("/camera")
    async def camera(given: CameraGiven) -> dict[str, Any]:
        await _done(partial(owner.save_camera, given))
        return await state()

    @routes.post("/camera/remove")
    async def remove(name: str = Body(embed=True)) -> dict[str, Any]:
        await _done(partial(owner.remove_camera, name))
        return await state()

    @routes.get("/picture")
    async def picture(camera: str) -> Response:
        found = await live.key_picture(camera) if camera in live.feeds else None
        found = found or await _done(partial(owner.picture, camera))
        return Response(found, media_type="image/jpeg") if found else Response(status_code=204)

    @routes.post("/areas")
    async def areas(given: AreasGiven, camera: str = Body()) -> dict[str, Any]:
        await _done(partial(owner.save_areas, camera, given))
        return await state()

    @routes.post("/profile")
    async def profile(name: str = Body(embed=True, max_length=200)) -> dict[str, Any]:
        await _done(partial(owner.save_profile, name))
        return await state()

    _broker(routes, owner, state)
    _whole(routes, shared)
    return routes


def _broker(routes: APIRouter, owner: Owner, state: Callable[[], Awaitable[dict[str, Any]]]) -> None:
    @routes.get("/brokers")
    async def brokers() -> Sequence[Any]:
        return await _done(owner.brokers)

    @routes.post("/broker/try")
    async def try_broker(given: BrokerGiven) -> Tried:
        return await _done(partial(owner.try_broker, given))

    @routes.post("/broker")
    async def broker(given: BrokerGiven) -> dict[str, Any]:
        await _done(partial(owner.save_broker, given))
        return await state()

    @routes.post("/broker/remove")
    async def remove() -> dict[str, Any]:
        await _done(partial(owner.save_broker, None))
        return await state()


def _whole(routes: APIRouter, shared: Settings) -> None:
    """The password, a new start, and back to how it came."""
    owner, access = shared.owner, shared.access

    @routes.post("/password")
    async def password(given: PasswordGiven, request: Request) -> Response:
        await shared.sure(request, given.now)
        if why := fault(given.new.get_secret_value(), given.again.get_secret_value()):
            raise HTTPException(422, why)
        access.claim(await _done(partial(owner.claim, given.new)))
        answer = JSONResponse({"said": "The new password counts. Whoever else was logged in is logged out."})
        answer.set_cookie(COOKIE, access.sessions.open(), httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/")
        return answer

    @routes.post("/restart")
    async def restart() -> dict[str, Any]:
        await _done(partial(owner.restart, access.sessions.kept()))
        return {"said": "The box begins anew."}

    @routes.post("/reset")
    async def reset(given: ResetGiven, request: Request) -> dict[str, Any]:
        await shared.sure(request, given.password)
        if given.box != shared.sheet.desk.device_id:
            raise HTTPException(422, f"type the name of this box, {shared.sheet.desk.device_id}, to show that you mean it")
        log.warning("reset to how it came, from the page", extra={"keep_recordings": given.keep_recordings})
        await _done(partial(owner.reset, given.keep_recordings))
        return {"said": "The box begins anew, as it came."}


def pages(shared: Settings) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/settings")
    async def settings() -> Response:
        if not shared.access.locked:
            return shared.sheet("setup_locked.html", "settings")
        return shared.sheet("setup_settings.html", "settings", least=LEAST_PASSWORD, cameras=words.cameras(shared.sheet.desk))

    @routes.get("/settings/{_rest:path}")
    def elsewhere(_rest: str) -> Response:
        return RedirectResponse("/settings", 303)

    return routes


def say_faults_plainly(app: FastAPI) -> None:
    """FastAPI's own answer to a body that does not fit says all that was in it, passwords too."""

    async def plain(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        if not request.url.path.startswith(API):
            return await request_validation_exception_handler(request, error)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        words = str(first["msg"]).removeprefix("Value error, ")
        return JSONResponse({"detail": f"{where}: {words}" if where else words}, 422)

    app.add_exception_handler(RequestValidationError, plain)
