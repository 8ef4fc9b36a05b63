"""Runs as pages: what was trained of what, how it goes, its curves, its exports and its report."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import FileResponse, Response

from contracts.run import EpochLine, Run
from trainer.web.curves import Curve, Points, curve
from trainer.web.fragments import fragment
from trainer.web.parts import Parts
from trainer.web.rendering import render
from trainer.web.run_rows import exported_of, progress_of, report_of, run_ids, run_of

A_PAGE = 40
MOST_CLASSES = 8  # curves of classes in one picture
SHADES = {"done": "ok", "failed": "failed", "running": "degraded", "queued": "", "stopped": ""}
SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # it was written by another program: it may do nothing
Before = Annotated[str, Query(pattern="^$|^[0-9A-Z]{26}$")]


def router(parts: Parts) -> APIRouter:
    routes, home = APIRouter(include_in_schema=False), parts.home

    @routes.get("/runs")
    def runs(request: Request, before: Before = "") -> Response:
        ids = run_ids(home, before, A_PAGE + 1)
        rows = [(name, run_of(home, name)) for name in ids[:A_PAGE]]
        older = ids[A_PAGE - 1] if len(ids) > A_PAGE else None
        return render(request, "runs.html", here="runs", rows=rows, older=older, first=not before, shades=SHADES)

    def values(name: str) -> dict[str, Any]:
        run = run_of(home, name)
        if run is None:
            raise HTTPException(404, f"there is no run {name[:40]} in the home")
        progress = progress_of(home, name)
        last = progress[-1] if progress else None
        return {"run": run, "last": last, "curves": curves_of(progress), "shades": SHADES, "exported": exported_of(home, name)}

    @routes.get("/runs/{name}")
    def one(request: Request, name: str) -> Response:
        found = values(name)
        config = json.dumps(found["run"].config, indent=1, ensure_ascii=False)
        return render(request, "run.html", here="runs", report=report_of(home, name) is not None, config=config, **found)

    @routes.get("/runs/{name}/now")
    def now(request: Request, name: str) -> Response:
        found = values(name)
        return fragment(request, "run_now.html", over=_over(found["run"]), **found)

    @routes.get("/runs/{name}/report")
    def report(name: str) -> Response:
        path = report_of(home, name)
        if path is None:
            raise HTTPException(404, f"run {name[:40]} has no report yet")
        return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": SANDBOX})

    return routes


def _over(run: Run) -> bool:
    return run.state not in {"queued", "running"}


def curves_of(progress: list[EpochLine]) -> list[Curve]:
    parts = list(progress[-1].loss) if progress else []
    classes = sorted({name for line in progress for name in line.classes})[:MOST_CLASSES]
    told: list[tuple[str, dict[str, Points]]] = [
        ("Loss", {part: [(line.epoch, line.loss.get(part)) for line in progress] for part in parts}),
        ("On val", {"AP50": [(line.epoch, line.ap50) for line in progress], "AP": [(line.epoch, line.ap) for line in progress]}),
        ("AP50 of each class", {name: [(line.epoch, line.classes.get(name)) for line in progress] for name in classes}),
        ("Learning rate", {"rate": [(line.epoch, line.rate) for line in progress]}),
    ]
    return [made for title, series in told if (made := curve(title, series))]
