"""People as pages, for admins: who may come in with which role; and the audit of who did what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from contracts.errors import ConfigError
from trainer.accounts.roles import ROLES
from trainer.web.body import form_of
from trainer.web.parts import Parts
from trainer.web.rendering import render
from trainer.web.visitor import actor

A_PAGE = 100
Text = Annotated[str, Query(max_length=64)]


def router(parts: Parts) -> APIRouter:
    routes, users = APIRouter(include_in_schema=False), parts.accounts.users

    def shown(request: Request, error: str = "") -> Response:
        return render(request, "users.html", 422 if error else 200, here="users", users=users.all(), roles=ROLES, error=error)

    async def changed(request: Request, change: Callable[[dict[str, str]], None]) -> Response:
        form = form_of(await request.body())
        try:
            await run_in_threadpool(change, form)
        except ConfigError as error:
            return await run_in_threadpool(shown, request, str(error))
        return RedirectResponse("/users", 303)

    @routes.get("/users")
    def people(request: Request) -> Response:
        return shown(request)

    @routes.post("/users")
    async def add(request: Request) -> Response:
        by = actor(request)
        return await changed(
            request, lambda form: users.add(form.get("name", ""), form.get("role", ""), form.get("password", "")[:257], by)
        )

    @routes.post("/users/{name}/role")
    async def role(request: Request, name: str) -> Response:
        by = actor(request)
        return await changed(request, lambda form: users.change_role(name, form.get("role", ""), by))

    @routes.post("/users/{name}/password")
    async def password(request: Request, name: str) -> Response:
        by = actor(request)
        return await changed(request, lambda form: users.change_password(name, form.get("password", "")[:257], by))

    @routes.post("/users/{name}/remove")
    async def remove(request: Request, name: str) -> Response:
        by = actor(request)
        return await changed(request, lambda _: users.remove(name, by))

    @routes.get("/audit")
    def audit(
        request: Request, before: Annotated[int | None, Query(ge=0, lt=1 << 62)] = None, who: Text = "", action: Text = ""
    ) -> Response:
        deeds = parts.accounts.audit.page(before, A_PAGE + 1, who, action)
        older = deeds[A_PAGE - 1].number if len(deeds) > A_PAGE else None
        chosen = {"who": who, "action": action}
        return render(request, "audit.html", here="audit", deeds=deeds[:A_PAGE], older=older, chosen=chosen, first=before is None)

    return routes
