"""An open file as an answer: a part at a time, read beside the event loop; whoever takes too long over a part is let go."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from device.web.exports_range import Unsatisfiable, part, unchanged

log = logging.getLogger(__name__)
CHUNK = 256 << 10  # bytes
PATIENCE_S = 30.0  # for one chunk: at least 8 KB a second
HANG_UP_S = 0.05  # until asyncio has told everybody that the connection is gone


class Slots:
    """So many at a time, and who comes then is told to come again. Used in the event loop only."""

    def __init__(self, most: int) -> None:
        self._free = most

    def take(self) -> bool:
        if not self._free:
            return False
        self._free -= 1
        return True

    def give_back(self) -> None:
        self._free += 1


class OpenFile(Response):
    """Takes the descriptor over and closes it, whatever happens. Content never changes under its name, so it may be kept for ever."""

    def __init__(self, handle: int, media_type: str, done: Callable[[], None]) -> None:
        super().__init__(media_type=media_type)
        self._handle, self._done = handle, done
        found = os.fstat(handle)
        self._size = found.st_size
        self.etag = f'"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(Headers(scope=scope), scope["method"], send)
            return
        except (asyncio.TimeoutError, EOFError, OSError) as error:
            log.warning("a download is cut off", extra={"reason": str(error) or f"nothing was read for {PATIENCE_S:g} s"})
        finally:
            os.close(self._handle)
            self._done()
        scope["state"]["hang_up"]()  # half is not the whole: the connection is cut, not ended
        await asyncio.sleep(HANG_UP_S)

    async def _answer(self, asked: Headers, method: str, send: Send) -> None:
        if unchanged(asked, self.etag):
            await self._begin(send, 304, None, {})
            await send({"type": "http.response.body"})
            return
        try:
            found = part(asked, self._size, self.etag) if method == "GET" else None
        except Unsatisfiable:
            await self._begin(send, 416, 0, {"content-range": f"bytes */{self._size}"})
            await send({"type": "http.response.body"})
            return
        first, end = found or (0, self._size)
        more = {"content-range": f"bytes {first}-{end - 1}/{self._size}"} if found else {}
        await self._begin(send, 206 if found else 200, end - first, more)
        await self._body(send, first, first if method == "HEAD" else end)

    async def _begin(self, send: Send, status: int, length: int | None, more: dict[str, str]) -> None:
        headers = {
            "etag": self.etag,
            "accept-ranges": "bytes",
            "cache-control": "private, max-age=31536000, immutable",
            **({"content-length": str(length), "content-type": self.media_type or ""} if length is not None else {}),
            **more,
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})

    async def _body(self, send: Send, at: int, end: int) -> None:
        while at < end:
            data = await asyncio.to_thread(os.pread, self._handle, min(CHUNK, end - at), at)
            if not data:
                raise EOFError("the file became shorter while it was sent")
            at += len(data)
            message: Message = {"type": "http.response.body", "body": data, "more_body": True}
            await asyncio.wait_for(send(message), PATIENCE_S)
        await send({"type": "http.response.body"})
