"""Sessions: the sittings that are kept, their takes with the clips of all cameras in step, key frames, and what is missing."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, Response

from contracts.session import SessionManifest
from contracts.takes import TakeManifest
from device.web import files
from device.web.changing import SessionName
from device.web.clips import ClipView, viewed
from device.web.desk import Desk, KeptSession, Sessions
from device.web.sheet import Sheet

A_PAGE = 24
KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}
Before = Annotated[str | None, Query(pattern=r"^session-\d{4}-\d{2}-\d{2}_\d{3,6}$")]


class SessionView(BaseModel):
    session: SessionManifest
    pinned: bool


class SessionPage(BaseModel):
    sessions: list[SessionView]
    before: str | None = Field(default=None, description="ask with this for the next page; null: that was all")


class TakeView(BaseModel):
    name: str
    take: TakeManifest | None = Field(description="null: it is not finished")
    missing: list[str] = Field(description="files it names that are not there, or have another size")
    clips: list[ClipView]


class SessionDetail(SessionView):
    takes: list[TakeView]


def album(desk: Desk) -> Sessions[Any]:
    if desk.sessions is None:
        raise HTTPException(404, "no sessions are recorded on this box; see the guide of sessions")
    return desk.sessions


def listed(desk: Desk, limit: int, before: str | None) -> SessionPage:
    found = album(desk).sessions(limit + 1, before)
    older = found[limit - 1].manifest.session_id if len(found) > limit else None
    return SessionPage(sessions=[SessionView(session=each.manifest, pinned=each.pinned) for each in found[:limit]], before=older)


def detail(desk: Desk, session_id: str) -> SessionDetail:
    found: KeptSession | None = album(desk).find(session_id)
    if found is None:
        raise HTTPException(404, f"there is no {session_id} on this box (any more)")
    takes = []
    for take in album(desk).takes(found):
        place = f"/api/v1/sessions/{session_id}/file/{quote(take.name)}"
        clips = [viewed(clip, f"{place}/{quote(clip.file)}") for clip in take.manifest.clips] if take.manifest else []
        takes.append(TakeView(name=take.name, take=take.manifest, missing=list(take.missing), clips=clips))
    return SessionDetail(session=found.manifest, pinned=found.pinned, takes=takes)


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(prefix="/api/v1/sessions")

    @routes.get("", summary="Sessions that are kept, newest first")
    def sessions(limit: Annotated[int, Query(ge=1, le=200)] = 50, before: Before = None) -> SessionPage:
        return listed(desk, limit, before)

    @routes.get("/{session_id}", summary="One session with its takes")
    def session(session_id: SessionName) -> SessionDetail:
        return detail(desk, session_id)

    @routes.get("/{session_id}/file/{path:path}", summary="A file of it; Range is served", response_class=FileResponse)
    def file(session_id: SessionName, path: str) -> FileResponse:
        found = files.readable(album(desk).root, f"{session_id}/{path}")
        if found is None:
            raise HTTPException(404, "there is no such file")
        return FileResponse(found, media_type=files.KINDS[found.suffix], headers=KEPT if found.suffix != ".json" else None)

    return routes


def pages(sheet: Sheet) -> APIRouter:
    routes, desk = APIRouter(include_in_schema=False), sheet.desk

    @routes.get("/sessions")
    def sessions(before: Before = None) -> Response:
        page = listed(desk, A_PAGE, before)
        return sheet("sessions.html", "clips", sessions=page.sessions, older=page.before, first=before is None)

    @routes.get("/sessions/{session_id}")
    def session(session_id: SessionName) -> Response:
        return sheet("session.html", "clips", detail=detail(desk, session_id))

    return routes
