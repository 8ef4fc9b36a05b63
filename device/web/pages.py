"""Pages: the HTML a visitor sees, rendered here; the scripts only add what moves."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Query, Request
from prometheus_client import CollectorRegistry
from starlette.responses import JSONResponse, RedirectResponse, Response

from contracts.errors import StorageError
from device.web import metrics, words
from device.web.api import Number, find_event, page_of_events
from device.web.clips import view
from device.web.guard import welcome
from device.web.pushed import view as view_of_pushed
from device.web.rendering import render
from device.web.sheet import Sheet

A_PAGE = 40
TITLES = {404: "Nothing here", 409: "That was not done", 503: "Not now"}


async def lost(request: Request, error: Exception) -> Response:
    """For people in HTML, for machines in JSON: what is not there, cannot be had now, or may not be done."""
    detail, code = getattr(error, "detail", "not found"), getattr(error, "status_code", 404)
    if isinstance(error, StorageError):
        detail, code = str(error), 503
    if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/"):
        return render("lost.html", code, detail=detail, title=TITLES.get(code, TITLES[404]))
    return JSONResponse({"detail": detail}, code, getattr(error, "headers", None))


def router(shown: Sheet, app: FastAPI) -> APIRouter:
    routes, desk, trail = APIRouter(include_in_schema=False), shown.desk, shown.trail
    registry: CollectorRegistry = metrics.registry(desk)

    @routes.get("/")
    def live() -> Response:
        seq, events = trail.seq, page_of_events(desk.history, 12).events
        return shown("live.html", "live", seq, events=events, cameras=words.cameras(desk))

    @routes.get("/events")
    def events(
        before: Number | None = None,
        camera: Annotated[str, Query(max_length=100)] = "",
        label: Annotated[str, Query(max_length=100)] = "",
        kind: Annotated[str, Query(max_length=100)] = "",
    ) -> Response:
        seq = trail.seq
        page = page_of_events(desk.history, A_PAGE, before, camera=camera or None, label=label or None, kind=kind or None)
        known = [past.event for past in desk.history.recent(400)]
        choices = {
            "camera": sorted({*desk.rings, *(e.camera for e in known)}),
            "label": sorted({e.label for e in known if e.label}),
            "kind": sorted({e.kind for e in known}),
        }
        chosen = {"camera": camera, "label": label, "kind": kind}
        return shown(
            "events.html", "events", seq, events=page.events, older=page.before, choices=choices, chosen=chosen, first=before is None
        )

    @routes.get("/events/{event_id}")
    def event(event_id: UUID) -> Response:
        found = find_event(desk, event_id)
        clips = [view(stored) for stored in desk.clips.clips(4, event_id=event_id)]
        return shown("event.html", "events", event=found, clips=clips)

    @routes.get("/health")
    def health() -> Response:
        values: dict[str, Any] = {"cameras": words.cameras(desk), "parts": words.parts(desk), "troubles": words.troubles(desk)}
        values |= {"alerts": words.alerts(desk), "pushed": view_of_pushed(desk)}
        return shown("health.html", "health", storage=words.storage(desk.storage()), **values)

    @routes.get("/api/v1/docs")
    def docs() -> Response:
        return shown("api.html", "api", schema=app.openapi())

    @routes.get("/healthz")
    def healthz(request: Request) -> Response:
        """For a supervisor: 200 or 503. Why is said only to those who may know."""
        troubles = words.troubles(desk)
        answer: dict[str, Any] = {"status": "failing" if troubles else "ok"}
        if welcome(request):
            answer["reasons"] = troubles
        return JSONResponse(answer, 503 if troubles else 200)

    @routes.get("/metrics")
    def prometheus() -> Response:
        return Response(metrics.text(registry), media_type=metrics.CONTENT_TYPE)

    @routes.get("/favicon.ico")
    def icon() -> Response:
        return RedirectResponse("/static/icon.svg", 301)

    return routes
