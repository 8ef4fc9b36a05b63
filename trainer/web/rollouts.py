"""Rollouts as pages: which there are, what every box says as it happens; paused, resumed, approved and stopped by buttons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from contracts.errors import ConfigError
from trainer.push.rollout import ACTIVE, FROM, Rollout, Rollouts
from trainer.push.tended import untended
from trainer.web import rollout_form
from trainer.web.body import form_of
from trainer.web.fragments import fragment
from trainer.web.parts import Parts
from trainer.web.rendering import render
from trainer.web.visitor import actor, visitor

A_PAGE = 200
SHADES = {
    "running": "degraded",
    "waiting": "degraded",
    "paused": "",
    "halted": "failed",
    "stopping": "failed",
    "stopped": "failed",
    "done": "ok",
}
BOX_SHADES = {"committed": "ok", "rejected": "failed", "": ""}
AIMS = {"": "later", "new": "", "off": "called off", "back": "back", "left": "left"}
STOPPED = ("stopping", "stopped")
After = Annotated[str, Query(pattern=r"^(\d{1,6}\.[a-z0-9-]{3,40})?$")]


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    rollouts = Rollouts(parts.database, parts.clock)

    def values(found: Rollout, after: str) -> dict[str, Any]:
        rows = rollouts.boxes(found.name, after, A_PAGE + 1)
        last = rows[A_PAGE - 1] if len(rows) > A_PAGE else None
        more = f"{last['wave']}.{last['device']}" if last else None
        shades = {"shades": SHADES, "box_shades": BOX_SHADES, "aims": AIMS}
        return {
            "rollout": found,
            "counts": rollouts.counted(found.name),
            "rows": rows[:A_PAGE],
            "more": more,
            "after": after,
            "first": not after,
            "idle": untended(parts.database, parts.clock) if found.state in ACTIVE else [],
            **shades,
        }

    def one_of(name: str) -> Rollout:
        try:
            return rollouts.get(name)
        except ConfigError as error:
            raise HTTPException(404, str(error)) from error

    def decided(name: str, what: str, request: Request, why: str) -> None:
        if what == "stop":
            rollouts.stop(name, why, actor(request))
        else:
            rollouts.decide(name, what, actor(request))

    def shown(request: Request, typed: Mapping[str, str], error: str = "") -> Response:
        begin = rollout_form.choices(parts, typed) if visitor(request).may("admin") else {}
        listed = rollouts.listed()
        idle = untended(parts.database, parts.clock) if any(found.state in ACTIVE for found, _ in listed) else []
        said = {"listed": listed, "shades": SHADES, "begin": begin, "error": error, "idle": idle}
        return render(request, "rollouts.html", 422 if error else 200, here="rollouts", **said)

    @routes.get("/rollouts")
    def every(request: Request) -> Response:
        return shown(request, {})

    @routes.post("/rollouts")
    async def begin(request: Request) -> Response:
        typed = form_of(await request.body())
        try:
            found = await run_in_threadpool(rollout_form.begin, parts, rollouts, typed, actor(request))
        except ConfigError as error:
            return await run_in_threadpool(shown, request, typed, str(error))
        return RedirectResponse(f"/rollouts/{found.name}", 303)

    @routes.get("/rollouts/-/rows")
    def rows(request: Request) -> Response:
        return fragment(request, "rollout_rows.html", listed=rollouts.listed(), shades=SHADES)

    @routes.get("/rollouts/{name}")
    def one(request: Request, name: str, after: After = "") -> Response:
        found = one_of(name)
        may = [what for what, states in FROM.items() if found.state in states]
        return render(request, "rollout.html", here="rollouts", may=may, stopped=found.state in STOPPED, **values(found, after))

    @routes.get("/rollouts/{name}/now")
    def now(request: Request, name: str, after: After = "") -> Response:
        return fragment(request, "rollout_now.html", **values(one_of(name), after))

    @routes.post("/rollouts/{name}/{what}")
    async def decide(request: Request, name: str, what: str) -> Response:
        if what not in {*FROM, "stop"}:
            raise HTTPException(404, f"a rollout cannot be told to {what[:40]}")
        found = await run_in_threadpool(one_of, name)
        why = form_of(await request.body()).get("why", "").strip()[:500] or "no reason was given"
        await run_in_threadpool(decided, found.name, what, request, why)
        return RedirectResponse(f"/rollouts/{found.name}", 303)

    return routes
