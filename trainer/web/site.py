"""Site: the trainer's page put together: pages, API, static files, errors in words, and the guard in front of them all."""

from __future__ import annotations

import logging

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from contracts.errors import ConfigError, ProtocolError, StorageError, VedetteError
from trainer.web import (
    devices,
    drift,
    events,
    jobs_api,
    jobs_page,
    login,
    models,
    people,
    review_api,
    rollouts,
    rollouts_api,
    runs,
    sets,
    static_files,
)
from trainer.web.guard import Guard
from trainer.web.options import Options
from trainer.web.parts import Parts
from trainer.web.refusal import AWAY, Refusal, answer
from trainer.web.rendering import render
from trainer.web.visitor import known

log = logging.getLogger(__name__)
MOST_FAULTS = 5


def create_app(parts: Parts, options: Options | None = None) -> ASGIApp:
    app = FastAPI(
        title="Vedette trainer",
        summary="What boxes saw, data sets, labels, runs, models, jobs",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,  # which would lead to whatever host was asked for
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},  # nothing leaves by a side door
    )
    app.include_router(static_files.router())
    for part in (login, devices, events, sets, runs, models, rollouts, rollouts_api, drift, jobs_api, jobs_page, people):
        app.include_router(part.router(parts))
    app.include_router(review_api.router_of(parts))
    app.include_router(_general(parts))
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _misunderstood)
    app.add_exception_handler(VedetteError, _failed)
    app.add_exception_handler(Exception, _broken)
    return Guard(app, options or Options(), parts)


def _general(parts: Parts) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def home() -> Response:
        return RedirectResponse("/devices", 303)

    @routes.get("/label")
    @routes.get("/label/{item}")
    def label(request: Request, item: str = "") -> Response:
        return render(request, "label.html", here="label", item=item)

    @routes.get("/healthz")
    def healthz() -> Response:
        """For a supervisor: whether the store answers."""
        parts.accounts.users.count()
        return JSONResponse({"status": "ok"})

    @routes.get("/favicon.ico")
    def icon() -> Response:
        return RedirectResponse(static_files.STATIC.url("icon.svg"), 307)

    return routes


async def _refused(request: Request, error: Exception) -> Response:
    status, detail = getattr(error, "status_code", 404), getattr(error, "detail", "")
    said = {404: f"there is no {request.url.path[:200]} here", 405: f"{request.method} is not answered here"}
    why = said.get(status, str(detail)) if detail in {"Not Found", "Method Not Allowed"} else str(detail)
    response = answer(Refusal(status, why), request)
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def _misunderstood(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    words = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults[:MOST_FAULTS])
    return answer(Refusal(422, words[:1000] or "it cannot be read"), request)


async def _failed(request: Request, error: Exception) -> Response:
    """Ours: the message says what to do."""
    kinds: tuple[tuple[type[Exception], int], ...] = ((ConfigError, 422), (ProtocolError, 422), (StorageError, 503))
    status = next((status for kind, status in kinds if isinstance(error, kind)), 500)
    said = str(error)
    if known(request) is None and status in {500, 503}:
        log.warning("page failed for somebody nobody knows: %s", error)
        said = AWAY
    return answer(Refusal(status, said, 5 if status == 503 else 0), request)


async def _broken(request: Request, error: Exception) -> Response:
    log.error("page failed", extra={"path": request.url.path[:200]}, exc_info=error)
    return answer(Refusal(500, "a fault of this program; its log says more, and the page may work when it is loaded again"), request)
