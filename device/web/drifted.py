"""Drifted: what the model and the cameras show, this hour beside the last day, as a table, as JSON and for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, HTTPException
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from starlette.responses import Response

from contracts.drift import LEVELS, SCORES, DriftNow, DriftWindow
from device.web.desk import Desk
from device.web.sheet import Sheet
from device.web.words import short_digest


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(prefix="/api/v1")

    @routes.get("/drift", summary="What the model saw this hour and in the last day, as histograms")
    def drift() -> DriftNow:
        now = desk.drift()
        if now is None:
            raise HTTPException(404, "drift is off on this box: `drift` is null in its configuration")
        return now

    return routes


def pages(sheet: Sheet) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/drift")
    def drift() -> Response:
        now = sheet.desk.drift()
        return sheet("drift.html", "health", rows=rows(now) if now else [], off=now is None, dated=now is None or now.dated)

    return routes


def rows(now: DriftNow) -> list[dict[str, Any]]:
    """One of each camera and model, with its classes."""
    hours = {(each.camera, each.model): each for each in now.hour}
    return [_row(day, hours.get((day.camera, day.model))) for day in now.day]


def _row(day: DriftWindow, hour: DriftWindow | None) -> dict[str, Any]:
    both = (hour, day)
    return {
        "camera": day.camera,
        "model": short_digest(day.model),
        "frames": [each.frames if each else 0 for each in both],
        "brightness": [_brightness(each) for each in both],
        "sharpness": [_sharpness(each) for each in both],
        "classes": [
            {"label": label, "rate": [_rate(each, label) for each in both], "score": [_score(each, label) for each in both]}
            for label in day.classes
        ],
    }


def _rate(window: DriftWindow | None, label: str) -> float | None:
    """Boxes in a picture."""
    if window is None or not window.answered:
        return None
    return sum(window.classes[label].scores) / window.answered if label in window.classes else 0.0


def _score(window: DriftWindow | None, label: str) -> float | None:
    return _mean(window.classes[label].scores, 1 / SCORES) if window is not None and label in window.classes else None


def _brightness(window: DriftWindow | None) -> float | None:
    """From 0 to 1."""
    return _mean(window.pictures.brightness, 1 / LEVELS) if window is not None and window.pictures else None


def _sharpness(window: DriftWindow | None) -> float | None:
    """Base-2 logarithm of the variance of the Laplacian."""
    return _mean(window.pictures.sharpness, 1) if window is not None and window.pictures else None


def _mean(bins: Sequence[int], width: float) -> float | None:
    """Each as if it lay in the middle of its bin."""
    total = sum(bins)
    return sum(count * (number + 0.5) * width for number, count in enumerate(bins)) / total if total else None


def metrics(desk: Desk) -> Iterator[Metric]:
    """Of the last day, which moves slowly enough for an alarm and is the same for however many ask."""
    now = desk.drift()
    if now is None:
        return
    seen = GaugeMetricFamily("vedette_drift_class", "What a model saw in the last 24 hours", labels=["camera", "model", "label", "what"])
    looks = GaugeMetricFamily("vedette_drift_picture", "What pictures looked like in the last 24 hours", labels=["camera", "model", "what"])
    for day in now.day:
        looks.add_metric([day.camera, day.model, "frames"], day.frames)
        for what, value in (("brightness", _brightness(day)), ("sharpness", _sharpness(day))):
            if value is not None:
                looks.add_metric([day.camera, day.model, what], value)
        for label in day.classes:
            for what, value in (("boxes_per_frame", _rate(day, label)), ("score", _score(day, label))):
                if value is not None:
                    seen.add_metric([day.camera, day.model, label, what], value)
    yield from (seen, looks)
