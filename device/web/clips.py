"""Clips: the page of them, what began together shown together, and one recording with all its cameras played in step."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Annotated, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import Response

from contracts.clip import Clip, Trigger
from device.web import files
from device.web.changing import clips_of
from device.web.desk import Desk, StoredClip, Wanted
from device.web.sheet import Sheet

A_PAGE = 24
Day = Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$", description="2026-11-22, UTC")]
Camera = Annotated[str, Query(max_length=100)]
Pinned = Literal["", "yes", "no"]
TRIGGERS = {"event": "events", "continuous": "continuous", "schedule": "schedule", "command": "command"}


class ClipView(BaseModel):
    """A clip with the address of its video and the type a browser is asked about."""

    clip: Clip
    url: str
    type: str
    pinned: bool = False


class ClipPage(BaseModel):
    clips: list[ClipView]
    before: AwareDatetime | None = Field(default=None, description="ask with this for the next page; null: that was all")


def view(stored: StoredClip) -> ClipView:
    url = f"/api/v1/clips/file/{quote(stored.video.removeprefix('clips/'))}"
    return viewed(stored.manifest, url, bool(getattr(stored, "pinned", False)))


def viewed(clip: Clip, url: str, pinned: bool = False) -> ClipView:
    type_ = f'{files.KINDS[f".{clip.container}"]}; codecs="{clip.codec_string or clip.codec}"'  # without codecs a browser says "maybe"
    return ClipView(clip=clip, url=url, type=type_, pinned=pinned)


def wanted(before: AwareDatetime | None, camera: str, day: str, pinned: Pinned, trigger: Trigger | Literal[""]) -> Wanted:
    kept = {"": None, "yes": True, "no": False}[pinned]
    return Wanted(before, camera or None, day or None, kept, trigger or None)


def found(desk: Desk, limit: int, which: Wanted) -> ClipPage:
    if desk.recordings is not None:
        clips, older = desk.recordings.page(limit, which)
        return ClipPage(clips=[view(clip) for clip in clips], before=older)
    every = desk.clips.clips(limit + 1, before=which.before, camera=which.camera)
    older = every[limit - 1].manifest.start if len(every) > limit else None
    return ClipPage(clips=[view(clip) for clip in every[:limit]], before=older)


def together(clips: Sequence[ClipView]) -> list[list[ClipView]]:
    """One card each; clips of several cameras that are of one recording and one segment share one."""
    cards: dict[Hashable, list[ClipView]] = {}
    for each in clips:
        key: Hashable = (each.clip.group, each.clip.segment) if each.clip.group else (each.clip.id, each.url)
        cards.setdefault(key, []).append(each)
    return [sorted(card, key=lambda each: each.clip.camera) for card in cards.values()]


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(prefix="/api/v1")

    @routes.get("/clips", summary="Clips that are kept, newest first")
    def clips(
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: AwareDatetime | None = None,
        camera: Camera = "",
        event_id: UUID | None = None,
        day: Day = "",
        pinned: Pinned = "",
        trigger: Trigger | Literal[""] = "",
    ) -> ClipPage:
        if event_id is not None:
            return ClipPage(clips=[view(clip) for clip in desk.clips.clips(limit, before=before, camera=camera or None, event_id=event_id)])
        return found(desk, limit, wanted(before, camera, day, pinned, trigger))

    return routes


def pages(sheet: Sheet) -> APIRouter:
    routes, desk = APIRouter(include_in_schema=False), sheet.desk

    @routes.get("/clips")
    def clips(
        camera: Camera = "",
        day: Day = "",
        pinned: Pinned = "",
        trigger: Trigger | Literal[""] = "",
        before: AwareDatetime | None = None,
    ) -> Response:
        page = found(desk, A_PAGE, wanted(before, camera, day, pinned, trigger))
        chosen = {"camera": camera, "day": day, "pinned": pinned, "trigger": trigger}
        return sheet(
            "clips.html", "clips", cards=together(page.clips), cameras=sorted(desk.rings), chosen=chosen, triggers=TRIGGERS,
            older=page.before.isoformat() if page.before else None, first=before is None, changes=desk.recordings is not None,
            sessions=desk.sessions is not None,
        )  # fmt: skip

    @routes.get("/recordings/{group}")
    def recording(group: UUID) -> Response:
        if desk.recordings is None:
            raise HTTPException(404, "recordings are not listed on this box")
        cards = together([view(clip) for clip in clips_of(desk, group)])
        cards.sort(key=lambda card: (card[0].clip.segment, card[0].clip.start))
        return sheet("recording.html", "clips", cards=cards, group=group, first=cards[0][0].clip)

    return routes
