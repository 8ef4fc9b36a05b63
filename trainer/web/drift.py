"""Drift as pages and over REST: the moments to retrain in words, every measure with its last week, and the pictures to label first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response

from trainer.drift.listing import MOST, Wanted, listed, to_label
from trainer.web.curves import Curve, curve
from trainer.web.fragments import fragment
from trainer.web.parts import Parts
from trainer.web.rendering import render

A_PAGE = 100
SHADES = {"drift": "failed", "ok": "ok", "learning": "degraded", "few": ""}
STATES = ("drift", "ok", "few", "learning")
SPARK_WIDTH, SPARK_HEIGHT, HIGHEST = 160, 26, 3.0  # of a line: bounds above the bound that are drawn
Device = Annotated[str | None, Query(max_length=40, pattern="^[a-z0-9-]*$")]
Digest = Annotated[str, Query(max_length=71, pattern="^(sha256:[0-9a-f]{64})?$")]
State = Annotated[str, Query(pattern="^(drift|ok|few|learning)?$")]
After = Annotated[str, Query(max_length=600)]


def router(parts: Parts) -> APIRouter:
    routes = APIRouter()

    def page(device: str | None, model: str, state: str, after: str) -> dict[str, Any]:
        found = listed(parts.database, Wanted(device, model, state, A_PAGE, after))
        rows = [{**row, "spark": spark(row["line"])} for row in found["standing"]]
        chosen = {"model": model, "state": state, "device": device or ""}
        return {"calls": found["calls"], "rows": rows, "more": found["next"], "chosen": chosen, "shades": SHADES, "first": not after}

    @routes.get("/drift", include_in_schema=False)
    def every(request: Request, device: Device = None, model: Digest = "", state: State = "", after: After = "") -> Response:
        return render(request, "drift.html", here="drift", states=STATES, **page(device or None, model, state, after))

    @routes.get("/drift/-/rows", include_in_schema=False)
    def rows(request: Request, device: Device = None, model: Digest = "", state: State = "") -> Response:
        return fragment(request, "drift_rows.html", **page(device or None, model, state, ""))

    @routes.get("/drift/{device}", include_in_schema=False)
    def one(request: Request, device: str) -> Response:
        found = listed(parts.database, Wanted(device, "", "", MOST))
        if not found["standing"]:
            raise HTTPException(404, f"box {device[:40]} told of no hour yet")
        of_model = [row for row in found["standing"] if row["state"] == "drift" and row["since"]]
        since = min((row["since"] for row in of_model), default=None)
        pictures = to_label(parts.database, device, _hour(since))
        calls = [call for call in found["calls"] if device in call["devices"]]
        drawn = [(row, week(row)) for row in found["standing"]]
        return render(request, "drift_box.html", here="drift", device=device, rows=drawn, calls=calls, pictures=pictures, shades=SHADES)

    @routes.get("/api/v1/drift", summary="How drift stands, what drifts first, and the moments to retrain that stand")
    def drift(
        device: Device = None, model: Digest = "", state: State = "", after: After = "", limit: Annotated[int, Query(ge=1, le=MOST)] = 100
    ) -> dict[str, Any]:
        return listed(parts.database, Wanted(device, model, state, limit, after))

    return routes


def spark(line: list[float | None]) -> str:
    """Points of a polyline; 1 is the bound and lies at a third."""
    kept = [(number, min(HIGHEST, value)) for number, value in enumerate(line) if value is not None]
    across = SPARK_WIDTH / max(1, len(line) - 1)
    return " ".join(f"{number * across:.1f},{SPARK_HEIGHT * (1 - value / HIGHEST):.1f}" for number, value in kept)


def week(row: dict[str, Any]) -> Curve | None:
    """In hours before now."""
    line = row["line"]
    points = [(number - len(line), value) for number, value in enumerate(line)]
    bound = [(-len(line), 1.0), (-1, 1.0)]
    where = f"{row['camera'] or 'all cameras'}: {row['name']}"
    return curve(where, {"times the bound": points, "bound": bound}) if any(value is not None for value in line) else None


def _hour(since: str | None) -> int | None:
    return None if since is None else int(datetime.fromisoformat(since.replace("Z", "+00:00")).timestamp() // 3600)
