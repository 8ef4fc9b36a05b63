"""Review: the queue of pictures worth labelling over REST: lists, drafts, answers, pictures, figures; for the page and for programs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from contracts.errors import ProtocolError
from trainer.review.desk import Desk
from trainer.review.labels import Decision, Draft, read
from trainer.review.listing import Wanted, listed, one, picture_path, standing_document
from trainer.review.refusals import Closed, Misused, Stale, Unknown
from trainer.review.settling import Settling
from trainer.review.stats import statistics
from trainer.web.parts import Parts
from trainer.web.visitor import visitor

ETAG = re.compile(r'"v(\d{1,9})"')
FOR_EVER = "private, max-age=31536000, immutable"
IfMatch = Annotated[str, Header(max_length=64)]
Key = Annotated[str, Header(max_length=128, alias="Idempotency-Key")]
Handler = Callable[[], Awaitable[Response]]


class NoVersion(ProtocolError):
    """What changes an item names the version it was made of."""


def router_of(parts: Parts) -> APIRouter:
    """All of /api/v1/review. Roles, CSRF and sizes are the guard's."""
    router, sets = APIRouter(prefix="/api/v1/review"), parts.home.sets
    desk, settling = Desk(parts.database, sets, parts.clock), Settling(parts.database, sets)

    @router.get("/items")
    async def items(
        state: Annotated[str, Query(max_length=16)] = "open", reason: Annotated[str, Query(max_length=64)] = "",
        set: Annotated[str, Query(max_length=80)] = "", limit: int = 50, after: Annotated[str, Query(max_length=80)] = "",
    ) -> Response:  # fmt: skip
        return await _answered(lambda: _json(listed, parts.database, Wanted(state, reason, set, limit, after)))

    @router.get("/stats")
    async def stats() -> Response:
        return await _answered(lambda: _json(statistics, parts.database, sets))

    @router.post("/next")
    async def following(request: Request) -> Response:
        who = visitor(request).name
        return await _answered(lambda: _json(lambda: {"next": desk.next(who)}))

    @router.get("/images/{sha256}")
    async def image(sha256: str) -> Response:
        async def send() -> Response:
            path = await run_in_threadpool(picture_path, parts.database, sets, sha256)
            return FileResponse(path, media_type="image/png", headers={"Cache-Control": FOR_EVER, "ETag": f'"{sha256}"'})

        return await _answered(send)

    @router.get("/items/{item}")
    async def item(item: str) -> Response:
        async def send() -> Response:
            found = await run_in_threadpool(one, parts.database, sets, item)
            return JSONResponse(found, headers={"ETag": _etag(found["version"])})

        return await _answered(send)

    @router.put("/items/{item}/draft")
    async def draft(item: str, request: Request, if_match: IfMatch = "") -> Response:
        async def send() -> Response:
            said = read(Draft, await request.body())
            version = await run_in_threadpool(desk.draft, item, _version(if_match), said, visitor(request).name)
            return JSONResponse({"version": version}, headers={"ETag": _etag(version)})

        return await _answered(send)

    @router.post("/items/{item}/answer")
    async def answer(item: str, request: Request, if_match: IfMatch = "", key: Key = "") -> Response:
        async def send() -> Response:
            said = read(Decision, await request.body())
            done = await run_in_threadpool(desk.answer, item, _version(if_match), said, visitor(request).name, key)
            content = {"version": done.version, "next": done.next}
            return JSONResponse(content, headers={"ETag": _etag(done.version)}, background=BackgroundTask(settling.settle))

        return await _answered(send)

    @router.post("/items/{item}/reopen")
    async def reopen(item: str, request: Request, if_match: IfMatch = "") -> Response:
        async def send() -> Response:
            version = await run_in_threadpool(desk.reopen, item, visitor(request).name, _version(if_match) if if_match else None)
            return JSONResponse({"version": version}, headers={"ETag": _etag(version)}, background=BackgroundTask(settling.settle))

        return await _answered(send)

    return router


async def _json(work: Callable[..., dict[str, Any]], *arguments: object) -> Response:
    return JSONResponse(await run_in_threadpool(work, *arguments))


async def _answered(handler: Handler) -> Response:
    """What was refused, in the words of HTTP."""
    try:
        return await handler()
    except Stale as error:
        return JSONResponse({"detail": str(error), **standing_document(error.now)}, 412, {"ETag": _etag(error.now.version)})
    except NoVersion as error:
        return JSONResponse({"detail": str(error)}, 428)
    except Unknown as error:
        return JSONResponse({"detail": str(error)}, 404)
    except Closed as error:
        return JSONResponse({"detail": str(error)}, 409)
    except (Misused, ProtocolError) as error:
        return JSONResponse({"detail": str(error)}, 422)


def _version(if_match: str) -> int:
    if not if_match:
        raise NoVersion('say which version was changed: If-Match: "v3", as the item\'s ETag has it')
    found = ETAG.fullmatch(if_match.strip())
    if found is None:
        raise ProtocolError(f'If-Match {if_match[:40]!r}: is no ETag of an item; send it back as it came, "v3"')
    return int(found[1])


def _etag(version: int) -> str:
    return f'"v{version}"'
