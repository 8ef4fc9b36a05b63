"""PageServer: takes the port, answers until told to stop, and says in words why it cannot."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, cast

import uvicorn

from contracts.errors import ConfigError
from serving.addresses import is_loopback
from serving.door import BACKLOG, HANDSHAKE_S, Door
from trainer.web.options import Options
from trainer.web.parts import Parts
from trainer.web.site import create_app

TICK_S = 1.0
FAREWELL_S = 3  # how long open connections may take to end


class PageServer:
    def __init__(self, parts: Parts, options: Options | None = None) -> None:
        self._options = options or Options()
        self._socket: socket.socket | None = None
        self._door = Door(parts.clock.mono_ns, self._options.max_connections)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()
        self._stop = threading.Event()
        self._server = uvicorn.Server(
            uvicorn.Config(
                create_app(parts, self._options),
                http=cast(Any, self._door),  # uvicorn only calls it
                ws="none",
                backlog=BACKLOG,
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="warning",  # below that uvicorn writes down every address asked for
                access_log=False,
                server_header=False,
                proxy_headers=self._options.behind_proxy is not None,
                forwarded_allow_ips=self._options.behind_proxy or "",
                limit_concurrency=self._options.max_connections + BACKLOG,
                timeout_graceful_shutdown=FAREWELL_S,
                h11_max_incomplete_event_size=16 << 10,
                ssl_certfile=self._options.tls_cert,
                ssl_keyfile=self._options.tls_key,
            )
        )
        self._server.main_loop = self._until_told  # type: ignore[method-assign]

    def start(self) -> None:
        """Take the port; ConfigError when it cannot be had, or the certificate cannot be used."""
        check_tls(self._options)
        host, port = self._options.host.strip("[]"), self._options.port
        try:
            family, kind, proto, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            self._socket = self._door.listening(family, kind, proto, tls=self._options.tls_cert is not None)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(where)
            self._socket.listen(BACKLOG)
        except OSError as error:
            self._let_go()
            raise ConfigError(_mend(host, port, error)) from error

    @property
    def address(self) -> str:
        """What to type into a browser; only after start()."""
        if self._socket is None:
            raise RuntimeError("the page has no address before start()")
        host, port = self._socket.getsockname()[:2]
        if not is_loopback(host) and host in {"0.0.0.0", "::"}:  # noqa: S104 - read, not bound
            host = socket.gethostname()
        scheme = "https" if self._options.tls_cert else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def work(self) -> None:
        """Answers until close()."""
        if self._socket is None:
            raise RuntimeError("the page works only after start()")
        try:
            asyncio.run(self._serve(self._socket))
        finally:
            self._let_go()

    async def _serve(self, listening: socket.socket) -> None:
        if self._options.tls_cert is not None:
            hurry_handshakes(asyncio.get_running_loop())
        sweeping = asyncio.create_task(self._sweep())
        try:
            await self._server.serve(sockets=[listening])
        finally:
            sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await sweeping

    async def _until_told(self) -> None:
        """In the place of uvicorn's own loop, which wakes up ten times a second to see whether it is to end."""
        self._loop = asyncio.get_running_loop()
        while not self._stop.is_set() and not await self._server.on_tick(0):
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._told.wait(), TICK_S)

    async def _sweep(self) -> None:
        while True:
            self._door.sweep()
            await asyncio.sleep(TICK_S)

    def close(self) -> None:
        """From any thread; work() returns soon after."""
        self._stop.set()
        self._server.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._told.set)

    def _let_go(self) -> None:
        if self._socket is not None:
            self._socket.close()


def hurry_handshakes(loop: asyncio.AbstractEventLoop) -> None:
    """uvicorn has no option for it, and asyncio gives who says nothing a minute of a file descriptor."""
    create: Callable[..., Any] = loop.create_server
    loop.create_server = partial(create, ssl_handshake_timeout=HANDSHAKE_S)  # type: ignore[method-assign]


def check_tls(options: Options) -> None:
    """ConfigError for what cannot be used; nothing where the page is plain HTTP."""
    if options.tls_cert is None or options.tls_key is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(options.tls_cert, options.tls_key, password="")
    except OSError as error:  # ssl.SSLError is one
        why = getattr(error, "reason", None) or error.strerror or str(error)
        files = f"--tls-cert {options.tls_cert} and --tls-key {options.tls_key}"
        raise ConfigError(f"{files}: cannot be used ({why}); give a PEM certificate and its key, readable by this user") from error


def _mend(host: str, port: int, error: OSError) -> str:
    where = f"page: port {port} on {host}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken by another program; stop it, or give --port a free one (0 takes any)"
    if error.errno == errno.EACCES:
        return f"{where} needs more rights than this program has; give --port 1024 or above"
    return f"{where} cannot be listened on ({error.strerror or error}); give --host an address of this machine"
