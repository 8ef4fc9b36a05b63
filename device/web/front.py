"""Front: the port of a page with TLS: who does not speak it is sent to where it is spoken, at the same port."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from typing import cast

log = logging.getLogger(__name__)
HELLO = b"\x16"  # how TLS begins (RFC 8446, 5.1)
LARGEST_HEAD = 8 << 10
REST_S = 1.0  # when the process has no file descriptor left
REQUEST = re.compile(rb"(GET|HEAD) (/[!-~]*) HTTP/1\.[01]\r\n")
HOST = re.compile(rb"\r\nhost:[ \t]*([A-Za-z0-9._:\[\]-]{1,260})[ \t]*\r\n", re.IGNORECASE)
Factory = Callable[[], asyncio.BaseProtocol]


class Front:
    """In the place of asyncio's server. `plainly`: visitors from this machine need no TLS, their words leave it nowhere. Of more than
    `most` that say nothing the oldest is shown out, and each after `patience_s`."""

    def __init__(
        self, factory: Factory, listening: socket.socket, context: ssl.SSLContext, *, plainly: bool, most: int, patience_s: float
    ) -> None:
        self._factory, self._listening, self._context = factory, listening, context
        self._plainly, self._most, self._patience_s = plainly, most, patience_s
        self._met: dict[asyncio.Task[None], None] = {}  # the oldest first; who gives way is not one of them any more
        listening.setblocking(False)
        self._accepting = asyncio.create_task(self._accept())

    def close(self) -> None:
        self._accepting.cancel()
        for task in list(self._met):
            task.cancel()

    async def wait_closed(self) -> None:
        await asyncio.gather(self._accepting, *self._met, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                visitor, _ = await loop.sock_accept(self._listening)
            except OSError:
                await asyncio.sleep(REST_S)
                continue
            if len(self._met) >= self._most:
                oldest = next(iter(self._met))
                del self._met[oldest]
                oldest.cancel()
            task = loop.create_task(self._meet(visitor))
            self._met[task] = None
            task.add_done_callback(partial(self._over, visitor))
            await asyncio.sleep(0)  # in a crowd the next one is there already, and nobody else would have a turn

    def _over(self, visitor: socket.socket, task: asyncio.Task[None]) -> None:
        """One that was shown out before it was looked at has nobody else who closes it."""
        self._met.pop(task, None)
        if task.cancelled():
            visitor.close()
        elif error := task.exception():
            visitor.close()
            log.error("a visitor could not be met", exc_info=error)

    async def _meet(self, visitor: socket.socket) -> None:
        """Its first byte is looked at and left where it is."""
        try:
            first = await asyncio.wait_for(_first(visitor), self._patience_s)
            if first:
                await self._let_in(visitor, first == HELLO)
                return
        except (OSError, asyncio.TimeoutError):  # ssl.SSLError is an OSError
            pass
        visitor.close()

    async def _let_in(self, visitor: socket.socket, tls: bool) -> None:
        loop = asyncio.get_running_loop()
        if tls:
            await loop.connect_accepted_socket(self._factory, visitor, ssl=self._context, ssl_handshake_timeout=self._patience_s)
        elif self._plainly and _from_here(visitor):
            await loop.connect_accepted_socket(self._factory, visitor)
        else:
            await self._send_elsewhere(visitor)

    async def _send_elsewhere(self, visitor: socket.socket) -> None:
        """To its end, so that it is one of those that are met and gives way like them."""
        told = Elsewhere(self._patience_s)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: told, visitor)
        try:
            await told.over.wait()
        finally:
            told.abort()


class Elsewhere(asyncio.Protocol):
    """One request heard, and told where to ask again; for this time only, for the page may be plain again tomorrow. Who sends
    something here, or a token, is refused: it was in clear already, and nobody shall take that for working."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s, self._head = patience_s, b""
        self.over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._end = asyncio.get_running_loop().call_later(self._patience_s, self.abort)  # its head never ended

    def data_received(self, data: bytes) -> None:
        self._head += data[:LARGEST_HEAD]
        if b"\r\n\r\n" not in self._head and len(self._head) < LARGEST_HEAD:
            return
        head = self._head.partition(b"\r\n\r\n")[0] + b"\r\n"
        asked, host = REQUEST.match(self._head), HOST.search(head)
        if asked and host and b"\r\nauthorization:" not in head.lower():
            self._answer(b"307 Temporary Redirect", b"Location: https://" + host[1] + asked[2] + b"\r\n")
        else:
            self._answer(b"426 Upgrade Required", b"Upgrade: TLS/1.2, HTTP/1.1\r\n")

    def _answer(self, status: bytes, more: bytes) -> None:
        body = b'{"detail":"this page speaks HTTPS: write https:// before its address"}'
        head = b"Content-Type: application/json\r\nCache-Control: no-store\r\nConnection: close\r\n"
        self._transport.write(b"HTTP/1.1 %b\r\n%b%bContent-Length: %d\r\n\r\n%b" % (status, more, head, len(body), body))
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.cancel()
        self.over.set()


async def _first(visitor: socket.socket) -> bytes:
    """Empty: it has gone."""
    loop, there = asyncio.get_running_loop(), asyncio.Event()
    visitor.setblocking(False)
    loop.add_reader(visitor.fileno(), there.set)
    try:
        await there.wait()
    finally:
        with suppress(OSError, ValueError):
            loop.remove_reader(visitor.fileno())
    return visitor.recv(1, socket.MSG_PEEK)


def _from_here(visitor: socket.socket) -> bool:
    try:
        address = ip_address(visitor.getpeername()[0].partition("%")[0])
    except (OSError, ValueError):
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
