"""PageServer: the page on its own thread; it listens from start(), answers in work(), and ends with close()."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from websockets.exceptions import InvalidState

from contracts.errors import ConfigError, StorageError
from device.pipeline.protocols import Tick
from device.web import tls
from device.web.desk import Desk
from device.web.front import Factory, Front
from device.web.options import Options
from device.web.site import build
from serving.addresses import is_loopback
from serving.door import BACKLOG, HANDSHAKE_S, Door

if TYPE_CHECKING:
    from device.web.certificate import OwnCertificate  # it imports what makes certificates, which not every box has to load

log = logging.getLogger(__name__)
TICK_S = 1.0
LOOK_NS = 3600 * 1_000_000_000  # how often it is seen whether the certificate ends soon
FAREWELL_S = 2  # how long open connections may take to end
MAX_MESSAGE_BYTES = 4096  # the longest thing a browser has to say over a WebSocket


class PageServer:
    """`own`: the certificate named by the options is one that the box makes, and makes again before it ends."""

    def __init__(self, desk: Desk, options: Options | None = None, own: OwnCertificate | None = None) -> None:
        self._desk, self._options, self._own = desk, options or Options(), own
        self._looked_ns = desk.clock.mono_ns()  # whether it ends soon
        self._socket: socket.socket | None = None
        self._error: BaseException | None = None
        self._door = Door(desk.clock.mono_ns, self._options.max_connections)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()  # to end
        self._server = uvicorn.Server(
            uvicorn.Config(
                build(desk, self._options, self._fail),
                http=cast(Any, self._door),  # uvicorn only calls it
                backlog=BACKLOG,
                ws="websockets-sansio",
                loop="asyncio",
                lifespan="on",
                log_config=None,
                log_level="warning",  # below that uvicorn writes down every address asked for
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=self._options.max_connections + BACKLOG,  # those that are about to be shown out do not count
                timeout_graceful_shutdown=FAREWELL_S,
                ws_max_size=MAX_MESSAGE_BYTES,
                ws_per_message_deflate=False,  # video does not get smaller
                h11_max_incomplete_event_size=16 << 10,
                ssl_certfile=self._options.tls_cert,
                ssl_keyfile=self._options.tls_key,
            )
        )
        self._server.main_loop = self._until_told  # type: ignore[method-assign]

    def start(self) -> None:
        """Take the port; ConfigError when it cannot be had, or the certificate cannot be used."""
        known = self._own.made() if self._own else None
        tls.check(self._options)
        host, port = self._options.host.strip("[]"), self._options.port
        try:
            family, kind, proto, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            self._socket = socket.socket(family, kind, proto)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(where)
            self._socket.listen(BACKLOG)
        except OSError as error:
            self._let_go()
            raise ConfigError(_mend(host, port, error)) from error
        log.info("page listens", extra={"address": self.address, **({"fingerprint": known.fingerprint} if known else {})})
        self._desk.board.part("page", "ok", f"listening on {self.address}", self._desk.clock.wall_ns())

    @property
    def address(self) -> str:
        """What to type into a browser, e.g. http://127.0.0.1:8088; only after start()."""
        if self._socket is None:
            raise RuntimeError("the page has no address before start()")
        host, port = self._socket.getsockname()[:2]
        if not is_loopback(host) and host in {"0.0.0.0", "::"}:  # noqa: S104 - read, not bound
            host = socket.gethostname()
        scheme = "https" if self._options.tls_cert else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def work(self, tick: Tick) -> None:
        """Worker: answers until close(); raises what went wrong in one of the page's own threads."""
        if self._socket is None:
            raise RuntimeError("the page works only after start()")
        try:
            asyncio.run(self._serve(tick, self._socket))
        finally:
            self._let_go()
        if self._error is not None:
            raise self._error

    async def _serve(self, tick: Tick, listening: socket.socket) -> None:
        if self._options.tls_cert is not None:
            loop = asyncio.get_running_loop()
            loop.create_server = self._front  # type: ignore[method-assign, assignment]
        ticking = asyncio.create_task(self._tick(tick))
        try:
            await self._server.serve(sockets=[listening])
        except InvalidState:  # uvicorn, stopping, closes a WebSocket whose other end is closing it at that moment
            if not self._server.should_exit:
                raise
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking

    async def _until_told(self) -> None:
        """In the place of uvicorn's own loop, which wakes up ten times a second to see whether it is to end."""
        self._loop = asyncio.get_running_loop()
        while not await self._server.on_tick(0):
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._told.wait(), TICK_S)

    async def _tick(self, tick: Tick) -> None:
        while True:
            tick()
            self._door.sweep()
            await self._renew()
            await asyncio.sleep(TICK_S)

    async def _renew(self) -> None:
        """Who connects from then on gets the new one."""
        now_ns, context = self._desk.clock.mono_ns(), self._server.config.ssl
        if self._own is None or context is None or now_ns - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = now_ns
        try:
            if await asyncio.to_thread(self._own.renewed):
                context.load_cert_chain(self._own.path)
        except (StorageError, OSError) as error:
            log.warning("the page's certificate could not be renewed", extra={"reason": str(error)})

    async def _front(self, factory: Factory, *, sock: socket.socket, ssl: ssl.SSLContext, backlog: int) -> Front:
        """For uvicorn, which would open a server of asyncio's: that gives who says nothing a minute of a file descriptor, and who
        speaks plain HTTP no answer."""
        most = max(1, self._options.max_connections // 2)
        return Front(factory, sock, ssl, plainly=self._own is not None, most=most, patience_s=HANDSHAKE_S)

    def close(self) -> None:
        """From any thread; work() returns soon after."""
        self._server.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._told.set)

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self.close()

    def _let_go(self) -> None:
        if self._socket is not None:
            self._socket.close()


def _mend(host: str, port: int, error: OSError) -> str:
    where = f"page: port {port} on {host}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken by another program; stop it, or set page.port to a free one (0 takes any)"
    if error.errno == errno.EACCES:
        return f"{where} needs more rights than this program has; set page.port to 1024 or above"
    return f"{where} cannot be listened on ({error.strerror or error}); set page.host to an address of this machine"
