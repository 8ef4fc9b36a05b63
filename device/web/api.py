"""The REST API under /api/v1: what the page shows, for machines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel
from starlette.responses import FileResponse, Response

from contracts.event import Event
from device.web import files, jpeg, words
from device.web.annotated import next_annotated
from device.web.desk import Desk, History
from device.web.live import Live
from device.web.trail import Trail
from device.web.trends import Trends

ANNOTATED_QUALITY = 90
PICTURE_TURN_S = 0.1
HEALTH_NS = 1_500_000_000  # the same answer for that long, however many ask
Limit = Annotated[int, Query(ge=1, le=200)]
Number = Annotated[int, Query(ge=0, lt=1 << 63)]  # what a database takes for one
Word = Annotated[str, Query(max_length=200)]
Kept = {"Cache-Control": "private, max-age=31536000, immutable"}


class EventPage(BaseModel):
    events: list[Event]
    before: int | None = None  # ask with this for the next page; null: that was all


def page_of_events(
    history: History, limit: int, before: int | None = None, *, camera: str | None = None, label: str | None = None, kind: str | None = None
) -> EventPage:
    """One more is asked for than is shown: whether there is a next page is known, not guessed."""
    found = history.recent(limit + 1, before, camera=camera, label=label, kind=kind)
    more = found[limit - 1].number if len(found) > limit else None
    return EventPage(events=[past.event for past in found[:limit]], before=more)


def find_event(desk: Desk, event_id: UUID) -> Event:
    found = desk.history.find(event_id)
    if found is None:
        raise HTTPException(404, f"no event {event_id} is kept on this box")
    return found


def once_in(desk: Desk, ask: Callable[[], BaseModel]) -> Callable[[], BaseModel]:
    """Health counts from one report to the next, so it is not asked anew for every visitor."""
    last: list[tuple[int, BaseModel]] = []

    def answer() -> BaseModel:
        now = desk.clock.mono_ns()
        if not last or now - last[0][0] > HEALTH_NS:
            last[:] = [(now, ask())]
        return last[0][1]

    return answer


def _picture(desk: Desk, event_id: UUID) -> Path | None:
    event = desk.history.find(event_id)
    return files.readable(desk.data, event.snapshot) if event and event.snapshot else None


def _without_picture(event: Event) -> Response:
    """204 where none is kept of any event: that is no fault, and browsers do not complain of it."""
    if event.snapshot is None:
        return Response(status_code=204)
    raise HTTPException(404, "this event has no picture yet")


@lru_cache(maxsize=256)
def _thumbnail(path: Path, _mtime_ns: int, width: int) -> bytes | None:
    return jpeg.of_file(path.read_bytes(), width, 80)


def router(desk: Desk, live: Live, trail: Trail, trends: Trends) -> APIRouter:
    routes = APIRouter(prefix="/api/v1")
    health = once_in(desk, desk.health)

    @routes.get("/info", summary="What this box is and how it is, in words")
    def info() -> dict[str, Any]:
        return words.status(desk) | {"seq": trail.seq}

    @routes.get("/cameras", summary="The cameras and their state")
    def cameras() -> list[dict[str, Any]]:
        return words.cameras(desk)

    @routes.get("/zones", summary="Zones of each camera: corners in 0 to 1 of the picture")
    def zones() -> dict[str, dict[str, list[tuple[float, float]]]]:
        return {camera: {name: [(x, y) for x, y in corners] for name, corners in named.items()} for camera, named in desk.zones.items()}

    @routes.get("/health", summary="Figures of every camera, stage and part")
    def current_health() -> dict[str, Any]:
        return health().model_dump(mode="json")

    @routes.get("/health/trends", summary="The last ten minutes as series")
    async def health_trends(after: int = 0) -> dict[str, Any]:
        return trends.series(after)

    @routes.get("/events", summary="Events that are kept, newest first")
    def events(
        limit: Limit = 50,
        before: Number | None = None,
        camera: Word | None = None,
        label: Word | None = None,
        kind: Word | None = None,
    ) -> EventPage:
        return page_of_events(desk.history, limit, before, camera=camera, label=label, kind=kind)

    @routes.get("/events/{event_id}", summary="The latest message of one event")
    def event(event_id: UUID) -> Event:
        return find_event(desk, event_id)

    @routes.get("/events/{event_id}/picture.jpg", summary="Its picture, smaller if asked", response_class=Response)
    async def event_picture(
        event_id: UUID, width: Annotated[int | None, Query(ge=64, le=1920)] = None, wait_s: Annotated[float, Query(ge=0, le=5)] = 0
    ) -> Response:
        until_ns = desk.clock.mono_ns() + int(wait_s * 1e9)
        while (path := await asyncio.to_thread(_picture, desk, event_id)) is None and desk.clock.mono_ns() < until_ns:
            await asyncio.sleep(PICTURE_TURN_S)  # event and picture are written beside the page, a moment after it was told
        if path is None:
            return _without_picture(await asyncio.to_thread(find_event, desk, event_id))
        if width is None:
            return FileResponse(path, media_type=files.KINDS[path.suffix])
        small = await asyncio.to_thread(_thumbnail, path, path.stat().st_mtime_ns, width)
        if small is None:
            raise HTTPException(404, "this event's picture cannot be read")
        return Response(small, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=60"})

    @routes.get("/clips/file/{path:path}", summary="A file of the clips folder; Range is served", response_class=FileResponse)
    def clip_file(path: str) -> FileResponse:
        found = files.readable(desk.data, f"clips/{path}")
        if found is None:
            raise HTTPException(404, "there is no such clip")
        return FileResponse(found, media_type=files.KINDS[found.suffix], headers=Kept if found.suffix != ".json" else None)

    @routes.get("/snapshot/{camera:path}.jpg", summary="The newest key frame; with boxes, the next one analysed", response_class=Response)
    async def snapshot(camera: str, boxes: bool = False) -> Response:
        if camera not in live.feeds:
            raise HTTPException(404, f"there is no camera {camera}")
        picture = await asyncio.to_thread(next_annotated, desk.scenes, camera, desk.clock, ANNOTATED_QUALITY) if boxes else None
        picture = picture or await live.key_picture(camera)
        if picture is None:
            raise HTTPException(503, f"camera {camera} has no picture yet")
        return Response(picture, media_type="image/jpeg")

    return routes
