"""Storage: what fills the disk, how long it lasts, what was removed and why, and what is pinned; the page and its part of the API."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from contracts.removal import Removal
from contracts.storage import StorageReport
from device.web import fill, removals
from device.web.desk import Desk, DiskFacts, Wanted
from device.web.sheet import Sheet

A_PAGE = 25
PINNED = 100  # clips that are shown as pinned
Place = Annotated[str | None, Query(max_length=24, description="`older` of the page before")]


class PartView(BaseModel):
    name: str
    state: str
    reason: str


class DiskView(BaseModel):
    id: str = Field(description="of the disk; empty: it has none yet")
    fault: str = Field(description="why it is not sure to be this box's, and what to do; empty: it is")
    untrusted: str = Field(description="why the list of clips is not believed yet; empty: it is")
    broken_manifests: int


class StorageView(BaseModel):
    """What fills the disk and how long it lasts."""

    report: StorageReport
    disk: DiskView | None = None
    recorded: dict[str, float | None] = Field(description="by camera: share kept of what was to be recorded; null: only events are")
    parts: list[PartView] = Field(description="those that write to the disk and are not well")


class RemovalsView(BaseModel):
    removals: list[Removal] = Field(description="newest first")
    older: str | None = Field(default=None, description="ask with this as `before` for the next page; null: that was all")
    unreadable: int = Field(default=0, description="lines of the log that are none of ours")


def disk_of(desk: Desk) -> DiskFacts | None:
    return desk.recordings.disk() if desk.recordings else None


def listed(desk: Desk, limit: int, before: str | None) -> removals.RemovalPage:
    place = removals.place_of(before) if before else None
    if before and place is None:
        raise HTTPException(422, f"before: {before!r} is not the `older` of a page")
    return removals.page(desk.data, limit, place)


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(prefix="/api/v1/storage")

    @routes.get("", summary="What fills the disk, and how long it will last")
    def storage() -> StorageView:
        report = desk.storage()
        if report is None:
            raise HTTPException(503, "nobody looks after the disk of this box")
        disk = disk_of(desk)
        view = DiskView(id=disk.id, fault=disk.fault, untrusted=disk.untrusted, broken_manifests=disk.broken) if disk else None
        parts = [PartView(**each) for each in fill.faults(desk)]
        return StorageView(report=report, disk=view, recorded=dict(fill.recorded(desk)), parts=parts)

    @routes.get("/removals", summary="What was removed, when, by which rule and figures; newest first")
    def removed(limit: Annotated[int, Query(ge=1, le=200)] = 50, before: Place = None) -> RemovalsView:
        page = listed(desk, limit, before)
        return RemovalsView(removals=page.removals, older=page.older, unreadable=page.unreadable)

    return routes


def pages(sheet: Sheet) -> APIRouter:
    routes, desk = APIRouter(include_in_schema=False), sheet.desk

    @routes.get("/storage")
    def storage(before: Place = None) -> Response:
        report, wrong = desk.storage(), fill.faults(desk)
        if report is None:
            raise HTTPException(404, "nobody looks after the disk of this box")
        values: dict[str, Any] = {
            "report": report,
            "verdict": fill.verdict(report, wrong),
            "wrong": wrong,
            "bar": fill.bar(report),
            "marks": fill.marks(report),
            "rows": [fill.row(name, shelf) for name, shelf in report.shelves.items()],
            "recorded": fill.recorded(desk),
            "disk": disk_of(desk),
            "removed": listed(desk, A_PAGE, before),
            "newest": before is None,
            "pinned": desk.recordings.page(PINNED, Wanted(pinned=True))[0] if desk.recordings else [],
            "rules": fill.RULES,
            "shelf_names": fill.NAMES,
        }
        return sheet("storage.html", "storage", **values)

    return routes
