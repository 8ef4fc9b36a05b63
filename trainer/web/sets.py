"""Data sets as pages: what is in them, their roots and splits, their pictures with the boxes that hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response

from contracts.errors import StorageError
from dataset.browse import Browse
from dataset.browse import Page as BrowsePage
from dataset.layout import Layout, checked, open_regular
from trainer.home import Home, named
from trainer.web.parts import Parts
from trainer.web.pictures import picture_answer
from trainer.web.rendering import render
from trainer.web.set_rows import Splits, names_in, set_row

A_PAGE, PICTURES = 50, 24
Name = Annotated[str, Query(max_length=80)]


def router(parts: Parts) -> APIRouter:
    routes, home, splits = APIRouter(include_in_schema=False), parts.home, Splits(parts.home)

    @routes.get("/sets")
    def sets(request: Request, after: Name = "") -> Response:
        names = names_in(home.sets, "", after, A_PAGE + 1)
        rows = [set_row(home, name) for name in names[:A_PAGE]]
        more = names[A_PAGE - 1] if len(names) > A_PAGE else None
        known = [splits.row(name) for name in names_in(home.splits, ".json")]
        return render(request, "sets.html", here="sets", rows=rows, more=more, splits=known, first=not after)

    @routes.get("/sets/{name}")
    def one(request: Request, name: str, before: Annotated[int | None, Query(ge=0, lt=1 << 62)] = None) -> Response:
        _folder(home, name)
        row = set_row(home, name)
        page = Browse(home.sets / name, home.path / "none").page({}, before, PICTURES) if row.native else BrowsePage([])
        return render(request, "set.html", here="sets", row=row, page=page, first=before is None)

    @routes.get("/sets/{name}/pictures/{image}")
    def picture(request: Request, name: str, image: str) -> Response:
        try:
            path = Layout(_folder(home, name)).image(checked(image))
            return picture_answer(os.fdopen(open_regular(path), "rb"), image, request)
        except StorageError as error:
            raise HTTPException(404, f"data set {name} has no picture {image[:12]} (any more)") from error

    return routes


def _folder(home: Home, name: str) -> Path:
    folder = named(home.sets, name)
    if not folder.is_dir():
        raise HTTPException(404, f"there is no data set {name[:80]} in the home")
    return folder
