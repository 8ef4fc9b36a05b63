"""Exports: the box offers its training data to whoever has the token for it: what there is, pages of it, pictures, receipts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path as Folder
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Query, Request
from pydantic import ValidationError
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from contracts.errors import StorageError, VedetteError
from contracts.shipment import DIGEST, MOST_LINES, NAME, Acknowledge, Code, Export, ExportList, Receipt, Refusal, ShipmentError
from contracts.wire import utc_from_ns
from dataset.offer import Offer
from dataset.receipts import Receipts
from device.clock import Clock
from device.web.exports_file import OpenFile, Slots

log = logging.getLogger(__name__)
STATUS: dict[Code, int] = {"unknown": 404, "gone": 410, "changed": 409, "foreign": 409, "range": 416, "busy": 503, "storage": 503}
AGAIN_S = 2  # after which one who was told to come again may
AT_ONCE = 4  # pages or receipts that are made at a time
BODY_S = 10.0  # how long an acknowledgement may take to come
Name = Annotated[str, Path(pattern=NAME)]
T = TypeVar("T")


def router(folders: Mapping[str, Folder], device_id: str, clock: Clock, downloads: int) -> APIRouter:
    """`folders`: what is offered, by name. The guard in front knows who may ask."""
    routes = APIRouter(prefix="/api/v1/exports")
    slots, desks = Slots(downloads), asyncio.Semaphore(AT_ONCE)
    offers = {name: Offer(folder, device_id, name) for name, folder in folders.items()}

    async def ask(work: Callable[[], T]) -> T:
        """Beside the event loop, a few at a time: a page is a few megabytes to read and to hash."""
        async with desks:
            return await asyncio.to_thread(work)

    @routes.get("", summary="Data sets that can be fetched, and who has acknowledged how much of them")
    async def exports() -> ExportList:
        return await ask(lambda: ExportList(device=device_id, exports=[_export(offer) for offer in offers.values()]))

    @routes.get("/{name}/records", summary="A page of the manifest: its head as JSON, then lines as they are", response_class=Response)
    async def records(
        name: Name, after: Annotated[int, Query(ge=0, lt=1 << 62)] = 0, limit: Annotated[int, Query(ge=1, le=MOST_LINES)] = MOST_LINES
    ) -> Response:
        try:
            offer = _known(offers, name)
            return Response(await ask(lambda: offer.page(after, limit)), media_type="application/x-ndjson")
        except VedetteError as error:
            return _refused(error)

    @routes.head("/{name}/objects/{digest}", include_in_schema=False)
    @routes.get("/{name}/objects/{digest}", summary="A picture; Range is served", response_class=Response)
    async def picture(name: Name, digest: Annotated[str, Path(pattern=DIGEST)]) -> Response:
        if not slots.take():
            return _refused(ShipmentError("busy", f"{downloads} pictures are being sent already; ask for fewer at once"))
        try:
            offer = _known(offers, name)
            handle = await asyncio.to_thread(offer.picture, digest)
            if handle is None:
                raise ShipmentError("gone", f"picture {digest}: is not on this box any more; what the manifest says later is why")
            return OpenFile(handle, "image/png", slots.give_back)
        except VedetteError as error:
            slots.give_back()
            return _refused(error)
        except BaseException:
            slots.give_back()
            raise

    @routes.post("/{name}/ack", summary="Everything of a range of lines is stored durably elsewhere")
    async def acknowledge(name: Name, request: Request) -> Response:
        try:
            body = await asyncio.wait_for(request.body(), BODY_S)
            said = Acknowledge.model_validate_json(body)
            offer = _known(offers, name)
            receipt: Receipt = await ask(lambda: Receipts(offer).take(said, utc_from_ns(clock.wall_ns())))
        except (ClientDisconnect, asyncio.TimeoutError):
            return Response(status_code=408, headers={"Connection": "close"})
        except (ValidationError, RecursionError):
            return _refused(ShipmentError("range", "the body is not an acknowledgement; see contracts/schemas/shipment-acknowledge.json"))
        except VedetteError as error:
            return _refused(error)
        log.info("training data acknowledged", extra={"export": name, "receiver": receipt.receiver, "lines": receipt.lines})
        return Response(receipt.model_dump_json(), media_type="application/json")

    return routes


def _known(offers: Mapping[str, Offer], name: str) -> Offer:
    if name not in offers:
        raise ShipmentError("unknown", f"there is no data set {name} on this box; GET /api/v1/exports names those there are")
    return offers[name]


def _export(offer: Offer) -> Export:
    """A data set that cannot be read is offered as an empty one; asking for its pages says why."""
    try:
        state = offer.state()
        return Export(name=offer.name, dataset=state.dataset, end=state.end, positions=Receipts(offer).positions())
    except VedetteError as error:
        log.warning("a data set cannot be offered", extra={"export": offer.name, "reason": str(error)})
        return Export(name=offer.name, dataset=None, end=0)


def _refused(error: VedetteError) -> Response:
    """Paths of this box are nobody else's business."""
    if isinstance(error, ShipmentError):
        code, detail = error.code, str(error)
    else:
        log.warning("training data could not be sent", extra={"reason": str(error)})
        code = "storage" if isinstance(error, StorageError) else "range"
        detail = "the box's disk refused; its log says why" if isinstance(error, StorageError) else "not understood"
    headers = {"Retry-After": str(AGAIN_S)} if STATUS[code] == 503 else None
    return JSONResponse(Refusal(detail=detail, code=code).model_dump(), STATUS[code], headers)
