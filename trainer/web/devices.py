"""Boxes as pages: which there are and how each is; what one said last, and what of it did not come."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response

from trainer.push.tended import untended
from trainer.web.device_rows import STATES, device_counts, device_page, device_sheet, model_names
from trainer.web.event_rows import Wanted, event_page
from trainer.web.fragments import fragment
from trainer.web.parts import Parts
from trainer.web.rendering import render

A_PAGE = 100
BOX_SHADES = {"committed": "ok", "rejected": "failed"}
SHADES = {"online": "ok", "lost": "failed", "offline": "", "": ""}
Name = Annotated[str, Query(max_length=40)]


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    def values(after: str, name: str, state: str) -> dict[str, Any]:
        found = device_page(parts.database, after, A_PAGE + 1, name, state)
        more = found[A_PAGE - 1].name if len(found) > A_PAGE else None
        names = model_names(parts.database, (row.model for row in found))
        chosen = {"name": name, "state": state}
        return {"names": names, "rows": found[:A_PAGE], "more": more, "chosen": chosen, "first": not after, "shades": SHADES}

    @routes.get("/devices")
    def devices(request: Request, after: Name = "", name: Name = "", state: Name = "") -> Response:
        told: dict[str, Any] = {"counts": device_counts(parts.database), "idle": untended(parts.database, parts.clock, ["ingest"])}
        return render(request, "devices.html", here="devices", states=STATES, **told, **values(after, name, state))

    @routes.get("/devices/rows")
    def rows(request: Request, after: Name = "", name: Name = "", state: Name = "") -> Response:
        return fragment(request, "device_rows.html", **values(after, name, state))

    @routes.get("/devices/{name}")
    def one(request: Request, name: str) -> Response:
        sheet = device_sheet(parts.database, name)
        if sheet is None:
            raise HTTPException(404, f"no box named {name[:40]} ever said anything here")
        newest = event_page(parts.database, Wanted(device=sheet.number), None, 20)
        said = sheet.update
        names = model_names(parts.database, [sheet.row.model, *([said.current, said.model] if said else [])])
        more: dict[str, Any] = {"names": names, "box_shades": BOX_SHADES, "shades": SHADES}
        return render(request, "device.html", here="devices", sheet=sheet, newest=newest.rows, **more)

    return routes
