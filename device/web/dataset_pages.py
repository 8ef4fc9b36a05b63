"""The data set's pages: a grid of pictures with their boxes, filtered; and one picture with all that was said of it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, HTTPException
from starlette.responses import Response

from contracts.errors import StorageError
from dataset.facets import Kind
from device.web.dataset import A_PAGE, Gallery, ImageId, Number, chosen_by
from device.web.sheet import Sheet

FILTERS: dict[Kind, str] = {
    "class": "All classes",
    "source": "All sources",
    "verified": "Verified or not",
    "camera": "All cameras",
    "day": "All days",
    "reason": "All reasons",
    "near": "Near-duplicates too",
}
SAID = {"verified": {"yes": "verified", "no": "not verified"}, "near": {"yes": "near-duplicates", "no": "no near-duplicates"}}
REASONS = {
    "event_first": "the first picture of an event",
    "event_best": "the best picture of an event",
    "event_last": "the last picture of an event",
    "uncertain": "the detector was not sure of a box",
    "background": "nothing was found in it",
    "schedule": "one picture every so often",
    "manual": "somebody asked for it",
}
CLASSES = 12  # bars of the class balance; more are in the API


def pages(sheet: Sheet, gallery: Gallery | None) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    which = Depends(chosen_by)

    def there() -> Gallery:
        if gallery is None:
            raise HTTPException(404, "this box has no place for training data")
        return gallery

    @routes.get("/dataset")
    def dataset(before: Number = None, chosen: dict[Kind, str] = which) -> Response:
        overview = there().overview()
        page = there().page(chosen, before, A_PAGE)
        balance = overview.choices.get("class", [])
        values: dict[str, Any] = {
            "overview": overview,
            "pictures": page.pictures,
            "older": page.older,
            "first": before is None,
            "chosen": chosen,
            "filters": FILTERS,
            "said": SAID,
            "balance": balance[:CLASSES],
            "most": max((each.boxes for each in balance), default=0),
            "classes": len(balance),
        }
        return sheet("dataset.html", "dataset", **values)

    @routes.get("/dataset/{image_id}")
    def picture(image_id: ImageId) -> Response:
        found = there().picture(image_id)
        try:
            older, newer = there().browse.beside(found.number)
            near = there().browse.near(image_id)
        except StorageError as error:
            raise HTTPException(503, str(error)) from error
        return sheet("picture.html", "dataset", seen=found, older=older, newer=newer, near=near, reasons=REASONS)

    return routes
