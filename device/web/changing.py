"""Changing: recordings pinned, let go and removed by their owner; the guard has seen that it is asked from a page of ours."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, HTTPException, Path, Query
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from contracts.errors import StorageError
from device.web.desk import Desk, KeptClip, Recordings
from device.web.login import onward

log = logging.getLogger(__name__)
Deed = Literal["pin", "unpin", "remove"]
Back = Annotated[str, Query(max_length=500)]
SessionName = Annotated[str, Path(pattern=r"^session-\d{4}-\d{2}-\d{2}_\d{3,6}$")]


class Changed(BaseModel):
    id: str
    done: Deed
    freed_bytes: int = 0


def hands(desk: Desk) -> Recordings:
    if desk.recordings is None:
        raise HTTPException(404, "the recordings of this box cannot be changed here")
    return desk.recordings


def change(desk: Desk, clips: Sequence[UUID], deed: Deed) -> int:
    """The bytes that became free. 404 for what is not there, 409 with the reason for what may not be."""
    recordings, freed, known = hands(desk), 0, False
    try:
        for clip in clips:
            done = recordings.remove(clip) if deed == "remove" else recordings.pin(clip, deed == "pin")
            known, freed = known or done > 0, freed + (done if deed == "remove" else 0)
    except StorageError as error:
        raise HTTPException(409, str(error)) from error
    if not known:
        raise HTTPException(404, "there is no such clip on this box (any more)")
    log.info("changed by hand", extra={"clips": [str(clip) for clip in clips], "done": deed, "bytes": freed})
    return freed


def change_session(desk: Desk, session_id: str, deed: Deed) -> None:
    try:
        if desk.sessions is None or not desk.sessions.pin(session_id, deed == "pin"):
            raise HTTPException(404, f"there is no {session_id} on this box (any more)")
    except StorageError as error:
        raise HTTPException(409, str(error)) from error
    log.info("changed by hand", extra={"session": session_id, "done": deed})


def clips_of(desk: Desk, group: UUID) -> Sequence[KeptClip]:
    found = hands(desk).group(group)
    if not found:
        raise HTTPException(404, f"no clip of recording {group} is kept on this box")
    return found


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(prefix="/api/v1")

    @routes.post("/clips/{clip}/pin", summary="Keep a clip for ever")
    def pin(clip: UUID) -> Changed:
        change(desk, [clip], "pin")
        return Changed(id=str(clip), done="pin")

    @routes.post("/clips/{clip}/unpin", summary="Let retention take it again")
    def unpin(clip: UUID) -> Changed:
        change(desk, [clip], "unpin")
        return Changed(id=str(clip), done="unpin")

    @routes.post("/clips/{clip}/remove", summary="Remove a clip now; one that is pinned is refused")
    def remove(clip: UUID) -> Changed:
        return Changed(id=str(clip), done="remove", freed_bytes=change(desk, [clip], "remove"))

    @routes.post("/sessions/{session_id}/{deed}", summary="Keep a session for ever (pin), or no longer (unpin)")
    def session(session_id: SessionName, deed: Literal["pin", "unpin"]) -> Changed:
        change_session(desk, session_id, deed)
        return Changed(id=session_id, done=deed)

    return routes


def pages(desk: Desk) -> APIRouter:
    """The same for forms: back to the page they are on."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/clips/{clip}/{deed}")
    def clip(clip: UUID, deed: Deed, back: Back = "/clips") -> Response:
        change(desk, [clip], deed)
        return RedirectResponse(onward(back), 303)

    @routes.post("/recordings/{group}/{deed}")
    def recording(group: UUID, deed: Deed, back: Back = "/clips") -> Response:
        change(desk, list(dict.fromkeys(each.manifest.id for each in clips_of(desk, group))), deed)
        return RedirectResponse(onward(back), 303)

    @routes.post("/sessions/{session_id}/{deed}")
    def session(session_id: SessionName, deed: Literal["pin", "unpin"], back: Back = "/sessions") -> Response:
        change_session(desk, session_id, deed)
        return RedirectResponse(onward(back), 303)

    return routes
