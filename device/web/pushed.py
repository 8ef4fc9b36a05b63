"""Pushed: which model and configuration are in force, and what becomes of what was assigned, as a panel and as JSON."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from contracts.update import UpdateReport
from device.web.desk import Desk
from device.web.rendering import render
from device.web.sheet import Sheet

STATES = {"committed": "ok", "rejected": "failed"}
DOES = {
    "offered": "accepted, not begun", "downloading": "is fetched", "verified": "is here, as it was signed", "preflight": "is looked at",
    "building": "its engine is built", "selftest": "is tried by itself", "shadow": "looks on beside the one in force",
    "trial": "serves, and is watched", "committed": "in force", "rejected": "refused; the one before goes on",
}  # fmt: skip


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(prefix="/api/v1")

    @routes.get("/update", summary="What becomes of what was assigned to this box, as under up/update")
    def update() -> UpdateReport:
        report = desk.update()
        if report is None:
            raise HTTPException(404, "nothing is pushed to this box: it has no `update` in its configuration, or has not said anything yet")
        return report

    return routes


def pages(sheet: Sheet) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/health/pushed")
    def pushed() -> Response:
        """The panel alone, for a page that is open."""
        return render("health_pushed.html", pushed=view(sheet.desk))

    return routes


def view(desk: Desk) -> dict[str, Any]:
    """Of the panel; empty where nothing is ever pushed."""
    report = desk.update()
    if report is None:
        return {}
    about = [f"{report.name} {report.version}"] if report.model else []
    about += [f"configuration {report.config_rev}"] if report.config else []
    current = report.current
    return {
        "said": report,
        "state": STATES.get(report.state, "degraded") if report.rollout else "idle",
        "does": DOES[report.state] if report.rollout else "nothing was assigned yet",
        "about": " and ".join(about),
        "serves": f"{desk.called(current)} {current.removeprefix('sha256:')[:12]}".strip() if current else "the one it came with",
        "config": f"{report.config_current[:12]}" if report.config_current else "this box's own",
        "under_way": bool(report.rollout) and report.state not in STATES,
    }
