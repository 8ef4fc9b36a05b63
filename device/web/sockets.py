"""Sockets: the two streams a browser listens to, the live picture of a camera and the events as they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Query, WebSocket
from starlette.websockets import WebSocketDisconnect

from device.web import words
from device.web.desk import Desk
from device.web.live import Form, Live
from device.web.reader import Reader, Wish
from device.web.trail import Trail
from device.web.viewer import Viewer

ANSWER_S = 10.0  # how long a browser may take to say what it can play
STILL_S = 1.0
POLICY, TRY_LATER = 1008, 1013  # close codes, RFC 6455 and its registry
After = Annotated[int, Query(ge=-1, lt=1 << 63)]  # what a database takes for a number
Word = Annotated[str, Query(max_length=200)]
FULL = "as many live pictures as page.max_viewers allows are open"


async def _until_gone(socket: WebSocket, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends or the browser is gone; what the browser says meanwhile is read and forgotten."""

    async def gone() -> None:
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass

    tasks = {asyncio.ensure_future(gone()), asyncio.ensure_future(work)}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            error = task.exception()
            if error is not None and not isinstance(error, (WebSocketDisconnect, RuntimeError)):
                raise error  # RuntimeError: starlette's word for sending on a socket that has just closed
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def router(desk: Desk, live: Live, trail: Trail, max_listeners: int) -> APIRouter:
    routes = APIRouter(prefix="/api/v1")

    @routes.websocket("/live/{camera:path}")
    async def watch(socket: WebSocket, camera: str) -> None:
        """Text: what is coming (JSON with `type`); binary: MP4 fragments or JPEG pictures."""
        if camera not in live.feeds:
            await socket.close(POLICY, "no such camera")
            return
        await socket.accept()
        if live.full():
            await socket.close(TRY_LATER, FULL)
            return
        try:
            form = await _agree(socket, desk, live, camera)
        except (WebSocketDisconnect, TimeoutError, asyncio.TimeoutError, ValueError, KeyError, TypeError, RecursionError):
            return
        if live.full():  # by now
            await socket.close(TRY_LATER, FULL)
            return
        await _show(socket, live, camera, form)

    @routes.websocket("/events/stream")
    async def stream(
        socket: WebSocket,
        after: After = -1,
        camera: Word | None = None,
        kind: Word | None = None,
        label: Word | None = None,
        status: bool = True,
    ) -> None:
        """Events by number, from `after` on or from now on, and between them the status (or only a heartbeat)."""
        await socket.accept()
        if trail.readers >= max_listeners:
            await socket.close(TRY_LATER, "as many listen as page.max_listeners allows")
            return
        trail.readers += 1
        try:
            beat = (lambda: words.status(desk)) if status else (lambda: {"type": "heartbeat"})
            reader = Reader(trail, Wish(camera, kind, label), socket.send_text, beat, desk.clock)
            await _until_gone(socket, reader.run(after))
        except asyncio.TimeoutError:
            return  # the connection ends with this; there is nobody who would read why
        finally:
            trail.readers -= 1

    return routes


async def _agree(socket: WebSocket, desk: Desk, live: Live, camera: str) -> Form:
    """Wait for a picture, name its codec, and hear whether the browser plays that."""
    while desk.rings[camera].last_key() is None:
        await socket.send_json({"type": "waiting"})
        await asyncio.sleep(STILL_S)
    codec = live.feeds[camera].codec()
    await socket.send_json({"type": "hello", "camera": camera, "codec": codec, "zones": _zones(desk, camera)})
    text = await asyncio.wait_for(socket.receive_text(), ANSWER_S)
    wanted = json.loads(text)["play"]
    return "mp4" if wanted == "mp4" and codec else "jpeg"


def _zones(desk: Desk, camera: str) -> dict[str, list[list[float]]]:
    return {name: [[float(x), float(y)] for x, y in corners] for name, corners in desk.zones.get(camera, {}).items()}


async def _show(socket: WebSocket, live: Live, camera: str, form: Form) -> None:
    viewer = Viewer()
    live.join(camera, viewer, form)
    stills = asyncio.create_task(_stills(live, camera, viewer)) if form == "jpeg" else None
    try:
        await _until_gone(socket, _send(socket, viewer))
    finally:
        live.leave(camera, viewer)
        if stills is not None:
            stills.cancel()


async def _send(socket: WebSocket, viewer: Viewer) -> None:
    while True:
        message = await viewer.next()
        await (socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message))


async def _stills(live: Live, camera: str, viewer: Viewer) -> None:
    """Where analysis gives no pictures (nothing moves), the newest key frame every second."""
    feed, seen = live.feeds[camera], -1
    while True:
        if feed.jpeg_seq == seen or seen < 0:
            picture = await live.key_picture(camera)
            if picture is not None:
                feed.still(viewer, None, picture)
        seen = feed.jpeg_seq
        await asyncio.sleep(STILL_S)
