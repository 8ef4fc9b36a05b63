"""Files: what boxes fetch, as ASGI: one range at a time, with ETag and If-Range; no link is followed, nothing else is answered."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.errors import ProtocolError
from contracts.files import inside
from contracts.update import MAX_TARGET_BYTES
from trainer.push.place import Place
from trainer.push.reading import MAX_BYTES
from trainer.web.headers import ReaderGone

PIECE = 256 << 10
LONGEST_PATH = 320
METADATA = re.compile(r"(timestamp|\d{1,9}\.(root|snapshot|targets))\.json")
TARGET = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*/){0,5}[0-9a-f]{64}\.[A-Za-z0-9][A-Za-z0-9._-]*")
RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
HASH = 64
WRITE_S = 30.0


@dataclass(frozen=True, slots=True)
class Opened:
    """The file is closed at the latest when nobody has it any more: an answer may be given up before its first piece."""

    file: BinaryIO
    size: int
    tag: str


def create_app(place: Place, write_s: float = WRITE_S) -> ASGIApp:
    async def metadata(request: Request) -> Response:
        name = request.path_params["name"]
        found = METADATA.fullmatch(name)
        if not found:
            return _missing()
        return await _answer(request, place, f"metadata/{name}", MAX_BYTES[found[2] or "timestamp"])

    async def target(request: Request) -> Response:
        name = request.path_params["name"]
        if len(name) > LONGEST_PATH or not TARGET.fullmatch(name):
            return _missing()
        return await _answer(request, place, f"targets/{name}", MAX_TARGET_BYTES)

    methods = ["GET", "HEAD"]
    routes = [
        Route("/tuf/metadata/{name}", metadata, methods=methods),
        Route("/tuf/targets/{name:path}", target, methods=methods),
        Route("/healthz", _health, methods=methods),
    ]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # a box follows none

    async def patient(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, _within(send, scope, write_s))

    return patient


def _within(send: Send, scope: Scope, write_s: float) -> Send:
    """Who takes nothing for so long is hung up on: connections are few."""

    async def sender(message: Message) -> None:
        try:
            await asyncio.wait_for(send(message), write_s)
        except asyncio.TimeoutError as error:
            scope.get("state", {}).get("hang_up", lambda: None)()
            raise ReaderGone(f"{scope['path'][:200]}: nobody read the answer for {write_s} s") from error

    return sender


async def _health(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _answer(request: Request, place: Place, name: str, most: int) -> Response:
    opened = await run_in_threadpool(_opened, place, name, most)
    if opened is None:
        return _missing()
    headers = {"ETag": opened.tag, "Accept-Ranges": "bytes", "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if opened.tag in [each.strip() for each in request.headers.get("if-none-match", "").split(",")]:
        opened.file.close()
        return Response(status_code=304, headers=headers)
    begin, end, status = _span(request, opened)
    if status == 416:
        opened.file.close()
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{opened.size}"})
    if status == 206:
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{opened.size}"
    headers["Content-Length"] = str(end - begin)
    if request.method == "HEAD":
        opened.file.close()
        return Response(status_code=status, headers=headers, media_type="application/octet-stream")
    pieces = _pieces(opened.file, begin, end)
    return StreamingResponse(pieces, status, headers, media_type="application/octet-stream")


def _opened(place: Place, name: str, most: int) -> Opened | None:
    """None: it is not there, or is nothing that was released."""
    try:
        path = inside(place.repository, name)
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ProtocolError, ValueError):
        return None
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_size > most:
        os.close(handle)
        return None
    file, named = cast(BinaryIO, os.fdopen(handle, "rb", buffering=0)), path.name.partition(".")[0]
    if len(named) != HASH:  # metadata are small, and what they are called says nothing of what they are
        named = hashlib.sha256(os.pread(handle, most, 0)).hexdigest()
    return Opened(file, found.st_size, f'"{named}"')


def _span(request: Request, opened: Opened) -> tuple[int, int, int]:
    """What is asked for, and how it is answered. Several ranges, or those of another file, are answered with the whole."""
    whole = 0, opened.size, 200
    asked = RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if asked is None or not (asked[1] or asked[2]) or request.headers.get("if-range", opened.tag) != opened.tag:
        return whole
    if not asked[1]:
        begin, end = max(0, opened.size - int(asked[2])), opened.size
    else:
        begin, end = int(asked[1]), min(int(asked[2]) + 1 if asked[2] else opened.size, opened.size)
    return (begin, end, 206) if begin < end else (0, 0, 416)


async def _pieces(file: BinaryIO, begin: int, end: int) -> AsyncIterator[bytes]:
    with file:
        while begin < end:
            piece = await run_in_threadpool(os.pread, file.fileno(), min(PIECE, end - begin), begin)
            if not piece:
                raise EOFError("the file became shorter while it was sent")
            begin += len(piece)
            yield piece


def _missing() -> Response:
    return PlainTextResponse("there is nothing here\n", 404)
