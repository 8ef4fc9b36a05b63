"""Events as pages: those of all boxes with filters, and all of one with the pictures that were kept of it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from sqlalchemy import RowMapping, select
from starlette.responses import Response

from contracts.errors import StorageError
from trainer.store.blobs import checked
from trainer.store.database import Database
from trainer.store.tables import items
from trainer.web.device_rows import read_object
from trainer.web.event_rows import EventPage, Wanted, device_number, event_page, one_event, read_key
from trainer.web.parts import Parts
from trainer.web.pictures import picture_answer
from trainer.web.rendering import render

A_PAGE = 50
PICTURES = 24
Text = Annotated[str, Query(max_length=128)]


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/events")
    def events(
        request: Request, before: Text = "", device: Text = "", kind: Text = "", label: Text = "", camera: Text = "", until: Text = ""
    ) -> Response:
        number = device_number(parts.database, device) if device else None
        wanted = Wanted(number, kind, label, camera, _micros(until))
        nobody = device and number is None
        page = EventPage([], None) if nobody else event_page(parts.database, wanted, read_key(before), A_PAGE)
        chosen = {"device": device, "kind": kind, "label": label, "camera": camera, "until": until}
        return render(request, "events.html", here="events", page=page, chosen=chosen, first=not before)

    @routes.get("/events/{device}/{event}")
    def one(request: Request, device: str, event: str) -> Response:
        found = one_event(parts.database, device, event)
        if found is None:
            raise HTTPException(404, f"no event {event[:40]} of {device[:40]} came here")
        pictures = _pictures(parts.database, event)
        said = json.dumps(read_object(found["body"]), indent=1, ensure_ascii=False)
        return render(request, "event.html", here="events", event=found, pictures=pictures, said=said)

    @routes.get("/blobs/{digest}")
    def blob(request: Request, digest: str) -> Response:
        try:
            return picture_answer(parts.blobs.open(checked(digest)), digest, request)
        except StorageError as error:
            raise HTTPException(404, f"the picture {digest[:12]} is not in the store") from error

    return routes


def _pictures(database: Database, event: str) -> list[RowMapping]:
    query = select(items.c.sha256, items.c.reason, items.c.t_us).where(items.c.event == event).order_by(items.c.t_us).limit(PICTURES)
    with database.read() as connection:
        return list(connection.execute(query).mappings())


def _micros(text: str) -> int | None:
    """Of a time as a browser's field gives it, taken as UTC; None for what is none."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((read if read.tzinfo else read.replace(tzinfo=timezone.utc)).timestamp() * 1e6)
