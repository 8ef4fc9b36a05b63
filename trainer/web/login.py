"""Login: the form, its counterpart for programs, the way out, and one's own password."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from contracts.errors import ConfigError
from trainer.accounts.accounts import TooMany
from trainer.web.body import form_of
from trainer.web.guard import COOKIE
from trainer.web.parts import Parts
from trainer.web.rendering import render
from trainer.web.visitor import actor, address, known, visitor


class Credentials(BaseModel):
    name: str = Field(max_length=64)
    password: str = Field(max_length=256)


def onward(path: str) -> str:
    """Only a path of this site: nothing that a browser could read as another host."""
    plain = path.startswith("/") and not path.startswith("//") and not set(path) & set("\\\r\n\t")
    return path if plain else "/"


def with_cookie(request: Request, response: Response, cookie: str) -> Response:
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", secure=secure, path="/")
    return response


def router(parts: Parts) -> APIRouter:
    routes, accounts = APIRouter(), parts.accounts

    @routes.get("/login", include_in_schema=False)
    async def ask(request: Request, next: str = "/") -> Response:
        return RedirectResponse(onward(next), 303) if known(request) else render(request, "login.html", next=onward(next))

    @routes.post("/login", include_in_schema=False)
    async def enter(request: Request) -> Response:
        form = form_of(await request.body())
        target = onward(form.get("next", "/"))
        name, password = form.get("name", "")[:65], form.get("password", "")[:257]
        found = await run_in_threadpool(accounts.enter, name, password, address(request))
        if isinstance(found, TooMany):
            said = f"Too many wrong guesses. Try again in {found.wait_s} s."
            page = render(request, "login.html", 429, next=target, error=said)
            page.headers["Retry-After"] = str(found.wait_s)
            return page
        if found is None:
            return render(request, "login.html", 401, next=target, error="That is not a name with its password.")
        return with_cookie(request, RedirectResponse(target, 303), found)

    @routes.post("/api/v1/session", summary="Log in: the answer sets the session's cookie and gives the token for X-CSRF-Token")
    async def enter_by_program(request: Request, given: Credentials) -> Response:
        found = await run_in_threadpool(accounts.enter, given.name, given.password, address(request))
        if isinstance(found, TooMany):
            return JSONResponse({"detail": f"too many wrong guesses; wait {found.wait_s} s"}, 429, {"Retry-After": str(found.wait_s)})
        person = await run_in_threadpool(accounts.logins.person, found) if found else None
        if found is None or person is None:
            return JSONResponse({"detail": "that is not a name with its password"}, 401)
        return with_cookie(request, JSONResponse({"name": person.name, "role": person.role, "csrf": person.csrf}), found)

    @routes.post("/logout", include_in_schema=False)
    def leave(request: Request) -> Response:
        accounts.leave(visitor(request), address(request))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", path="/")
        return answer

    @routes.get("/me", include_in_schema=False)
    def me(request: Request) -> Response:
        return render(request, "me.html")

    @routes.post("/me", include_in_schema=False)
    async def change(request: Request) -> Response:
        form = form_of(await request.body())
        try:
            await run_in_threadpool(_change, parts, request, form)
        except ConfigError as error:
            return render(request, "me.html", 422, error=str(error))
        return RedirectResponse("/login", 303)

    return routes


def _change(parts: Parts, request: Request, form: dict[str, str]) -> None:
    person = visitor(request)
    if form.get("new", "") != form.get("again", ""):
        raise ConfigError("the two new passwords differ; type them again")
    parts.accounts.confirm(person, form.get("password", "")[:257], address(request))
    parts.accounts.users.change_password(person.name, form.get("new", "")[:257], actor(request))
