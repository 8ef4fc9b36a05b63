"""Pages: the HTML a visitor sees, rendered here; the scripts only add what moves."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Query, Request
from prometheus_client import CollectorRegistry
from pydantic import AwareDatetime
from starlette.responses import JSONResponse, RedirectResponse, Response

from device.web import metrics, words
from device.web.api import Number, find_event, page_of_events, view
from device.web.desk import Desk
from device.web.guard import welcome
from device.web.options import Options
from device.web.rendering import render
from device.web.trail import Trail

A_PAGE = 40
CLIPS_A_PAGE = 24


async def lost(request: Request, error: Exception) -> Response:
    """404 for people in HTML, for machines in JSON."""
    detail = getattr(error, "detail", "not found")
    if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/"):
        return render("lost.html", 404, detail=detail)
    return JSONResponse({"detail": detail}, 404)


def router(desk: Desk, app: FastAPI, options: Options, trail: Trail) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    registry: CollectorRegistry = metrics.registry(desk)

    def shown(template: str, here: str, seq: int | None = None, **values: Any) -> Response:
        """`seq`: the trail's number before the page's events were read; the page's stream goes on from there, so nothing falls between."""
        mark = {"run": trail.run, "seq": trail.seq if seq is None else seq}
        return render(template, here=here, status=words.status(desk), locked=options.locked, mark=mark, **values)

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

    @routes.get("/clips")
    def clips(camera: Annotated[str, Query(max_length=100)] = "", before: AwareDatetime | None = None) -> Response:
        found = desk.clips.clips(CLIPS_A_PAGE + 1, before=before, camera=camera or None)
        here, more = found[:CLIPS_A_PAGE], len(found) > CLIPS_A_PAGE
        older = here[-1].manifest.start.isoformat() if more else None
        return shown("clips.html", "clips", clips=[view(stored) for stored in here], cameras=sorted(desk.rings), chosen=camera, older=older)

    @routes.get("/health")
    def health() -> Response:
        return shown("health.html", "health", cameras=words.cameras(desk), parts=words.parts(desk), troubles=words.troubles(desk))

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
