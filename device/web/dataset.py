"""Dataset: the training data looked at on the page: pictures with what is said of them, why each was kept, and what there is of what."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from contracts.dataset import IMAGE_ID, AnnotationFile
from contracts.errors import HardwareError, StorageError, VedetteError
from dataset.browse import Browse, Page, Seen
from dataset.facets import Kind
from dataset.offer import Offer
from dataset.picture import pixels
from device.web import jpeg
from device.web.desk import Desk
from device.web.exports_file import OpenFile, Slots
from device.web.exports_range import unchanged
from device.web.follow import Follow

NAME = "dataset"  # of the exports
A_PAGE = 48
AT_ONCE = 2  # pictures made smaller at a time
SENT = 8  # whole pictures sent at a time
SMALL = 512  # smaller pictures remembered, about 20 kB each
LARGEST = 64 << 20  # bytes of a picture's file
QUALITY = 82
Word = Annotated[str, Query(max_length=128)]
Yes = Literal["", "yes", "no"]
ImageId = Annotated[str, Path(pattern=IMAGE_ID)]
Number = Annotated[int | None, Query(ge=0, lt=1 << 62)]


class ChoiceView(BaseModel):
    value: str
    pictures: int
    boxes: int = Field(description="of a class: boxes that hold now")


class OverviewView(BaseModel):
    exporting: bool = Field(description="pictures are being kept now (export.enabled)")
    exists: bool
    pictures: int
    lines_read: int = Field(description="of the manifest; the figures are of these")
    lines: int
    trouble: str = Field(description="why it is behind; empty: it is not, or not for long")
    choices: dict[Kind, list[ChoiceView]]


class PictureView(BaseModel):
    number: int
    bytes: int
    about: AnnotationFile


class PicturePage(BaseModel):
    pictures: list[PictureView]
    before: int | None = Field(default=None, description="ask with this for the next page; null: that was all")


class Gallery:
    """What the routes share. Nothing of it writes to the data set."""

    def __init__(self, desk: Desk, browse: Browse, follow: Follow, offer: Offer) -> None:
        self.desk, self.browse, self.follow, self._offer = desk, browse, follow, offer
        self._slots, self._turn = Slots(SENT), asyncio.Semaphore(AT_ONCE)
        self._small: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    def overview(self) -> OverviewView:
        self.follow.now()
        try:
            found = self.browse.overview()
        except StorageError as error:
            raise HTTPException(503, str(error)) from error
        choices = {
            kind: [ChoiceView(value=c.value, pictures=c.pictures, boxes=c.boxes) for c in every] for kind, every in found.choices.items()
        }
        return OverviewView(
            exporting=self.desk.exporting, exists=self.browse.exists(), pictures=found.pictures, lines_read=found.read, lines=found.lines,
            trouble=self.follow.trouble, choices=choices,
        )  # fmt: skip

    def page(self, which: Mapping[Kind, str], before: int | None, limit: int) -> Page:
        try:
            return self.browse.page({kind: value for kind, value in which.items() if value}, before, limit)
        except StorageError as error:
            raise HTTPException(503, str(error)) from error

    def picture(self, image_id: str) -> Seen:
        try:
            found = self.browse.picture(image_id)
        except StorageError as error:
            raise HTTPException(503, str(error)) from error
        if found is None:
            raise HTTPException(404, "this picture is not in the data set (any more)")
        return found

    async def image(self, asked: Request, image_id: str, width: int | None) -> Response:
        """As it is, or smaller as JPEG. What a name means never changes, so a browser keeps it."""
        headers = {"Cache-Control": "private, max-age=31536000, immutable", "ETag": f'"{image_id}-{width or 0}"'}
        if width is not None and unchanged(asked.headers, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        if width is not None:
            return Response(await self._smaller(image_id, width), media_type="image/jpeg", headers=headers)
        if not self._slots.take():
            raise HTTPException(503, "enough pictures are being sent already; ask again soon", {"Retry-After": "1"})
        try:
            return OpenFile(await asyncio.to_thread(self._opened, image_id), "image/png", self._slots.give_back)
        except BaseException:
            self._slots.give_back()
            raise

    def _opened(self, image_id: str) -> int:
        try:
            handle = self._offer.picture(image_id)
        except VedetteError as error:
            raise HTTPException(404, "this picture cannot be read; see the log") from error
        if handle is None:
            raise HTTPException(404, "this picture's file is not there (any more)")
        return handle

    async def _smaller(self, image_id: str, width: int) -> bytes:
        known = self._small.get((image_id, width))
        if known is None:
            async with self._turn:
                known = await asyncio.to_thread(self._made, image_id, width)
        self._small[image_id, width] = known
        while len(self._small) > SMALL:
            self._small.popitem(last=False)
        return known

    def _made(self, image_id: str, width: int) -> bytes:
        with os.fdopen(self._opened(image_id), "rb") as file:
            data = file.read(LARGEST + 1)
        try:
            if len(data) > LARGEST:
                raise HardwareError(f"{image_id}: more than {LARGEST} bytes")
            return jpeg.encoded(jpeg.shrunk(pixels(data, image_id), width), QUALITY)
        except (HardwareError, ValueError) as error:
            raise HTTPException(404, "this picture is damaged; `vedette dataset check` says more") from error


def open_gallery(desk: Desk, failed: Callable[[BaseException], None]) -> Gallery | None:
    """None: this box has no place for training data."""
    root = desk.exports.get(NAME)
    if root is None:
        return None
    browse = Browse(root, desk.data / "browse.sqlite")
    return Gallery(desk, browse, Follow(browse, desk.clock, failed), Offer(root, desk.device_id, NAME))


def chosen_by(
    class_: Annotated[str, Query(alias="class", max_length=128)] = "",
    source: Word = "",
    verified: Yes = "",
    camera: Word = "",
    day: Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = "",
    reason: Word = "",
    near: Yes = "",
) -> dict[Kind, str]:
    """Filters: only pictures of which all that is given is said; `near`: whether it looks nearly like an earlier one."""
    return {"class": class_, "source": source, "verified": verified, "camera": camera, "day": day, "reason": reason, "near": near}


def router(gallery: Gallery) -> APIRouter:
    routes = APIRouter(prefix="/api/v1/dataset")
    which = Depends(chosen_by)

    @routes.get("", summary="How many pictures, and of what: classes, cameras, days, reasons")
    def overview() -> OverviewView:
        return gallery.overview()

    @routes.get("/pictures", summary="Pictures with what is said of them, newest first")
    def pictures(
        limit: Annotated[int, Query(ge=1, le=200)] = A_PAGE, before: Number = None, chosen: dict[Kind, str] = which
    ) -> PicturePage:
        gallery.follow.now()
        page = gallery.page(chosen, before, limit)
        return PicturePage(pictures=[PictureView(number=s.number, bytes=s.bytes, about=s.about) for s in page.pictures], before=page.older)

    @routes.get("/pictures/{image_id}", summary="Everything that is said of one picture, and why it was kept")
    def picture(image_id: ImageId) -> PictureView:
        found = gallery.picture(image_id)
        return PictureView(number=found.number, bytes=found.bytes, about=found.about)

    @routes.get("/pictures/{image_id}/image", summary="The picture as PNG; with a width, smaller as JPEG", response_class=Response)
    async def image(request: Request, image_id: ImageId, width: Annotated[int | None, Query(ge=64, le=1920)] = None) -> Response:
        return await gallery.image(request, image_id, width)

    return routes
