"""Server: the repository over HTTPS; a box shows its certificate where that is asked for."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import uvicorn
from pydantic import BaseModel, ConfigDict, Field, model_validator
from uvicorn.protocols.http.h11_impl import H11Protocol

from contracts.errors import ConfigError
from serving.addresses import is_loopback
from serving.door import BACKLOG, Door
from trainer.clock import Clock
from trainer.push.files import create_app
from trainer.push.place import Place
from trainer.push.revoked import Revoked
from trainer.web.server import hurry_handshakes

TICK_S = 1.0
FAREWELL_S = 3


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(default=8443, ge=0, le=65535, description="TCP port; 0 takes a free one")
    tls_cert: Path | None = Field(default=None, description="certificate with its chain, PEM")
    tls_key: Path | None = Field(default=None, description="its key, PEM, without a passphrase")
    client_ca: Path | None = Field(default=None, description="authority of the boxes, PEM: only who shows a certificate of it is answered")
    crl: Path | None = Field(default=None, description="certificates of boxes that count no more, PEM; read anew when it changes")
    write_s: float = Field(default=30.0, gt=0, le=600, description="seconds a box may take none of an answer before it is cut off")
    max_connections: int = Field(default=256, ge=8, le=4096, description="connections at a time")

    @model_validator(mode="after")
    def _whole(self) -> Options:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("--tls-cert and --tls-key belong together; give both, or none")
        if self.tls_cert is None and (self.client_ca is not None or not is_loopback(self.host)):
            raise ValueError("give --tls-cert and --tls-key; without them only this machine is served, on 127.0.0.1")
        if self.crl is not None and self.client_ca is None:
            raise ValueError("--crl says which certificates of --client-ca count no more; give that too")
        return self


class FileServer:
    """`start`, then `work` until `close` from any thread."""

    def __init__(self, place: Place, clock: Clock, options: Options) -> None:
        self._options = options
        self._door = Door(clock.mono_ns, options.max_connections)
        self._revoked: Revoked | None = None
        self._config = uvicorn.Config(
            create_app(place, options.write_s),
            http=cast(Any, self._met),  # uvicorn only calls it
            ws="none",
            backlog=BACKLOG,
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=options.max_connections + BACKLOG,
            timeout_graceful_shutdown=FAREWELL_S,
            h11_max_incomplete_event_size=16 << 10,
            ssl_certfile=options.tls_cert,
            ssl_keyfile=options.tls_key,
            ssl_ca_certs=None if options.client_ca is None else str(options.client_ca),
            ssl_cert_reqs=ssl.CERT_NONE if options.client_ca is None else ssl.CERT_REQUIRED,
        )
        self._server = uvicorn.Server(self._config)
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Take the port; ConfigError when it cannot be had, or a certificate cannot be used."""
        if self._options.crl is not None and self._options.client_ca is not None:
            self._revoked = Revoked(self._options.crl, self._options.client_ca)
        try:
            self._config.load()
            if self._config.ssl is not None:
                self._config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
            host = self._options.host.strip("[]")
            family, kind, proto, _, where = socket.getaddrinfo(host, self._options.port, type=socket.SOCK_STREAM)[0]
            self._socket = self._door.listening(family, kind, proto, tls=self._config.ssl is not None)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(where)
            self._socket.listen(BACKLOG)
        except OSError as error:  # ssl.SSLError is one
            if self._socket is not None:
                self._socket.close()
            said = getattr(error, "reason", None) or error.strerror or str(error)
            raise ConfigError(f"push serve: {said}; give a free --port, an address of this machine, and PEM files that fit") from error

    @property
    def address(self) -> str:
        """For `update.url` of a box, where it reaches this machine by that name."""
        if self._socket is None:
            raise RuntimeError("there is no address before start()")
        host, port = self._socket.getsockname()[:2]
        scheme = "https" if self._options.tls_cert else "http"
        return f"{scheme}://[{host}]:{port}/tuf" if ":" in host else f"{scheme}://{host}:{port}/tuf"

    def work(self) -> None:
        """Answers until close()."""
        if self._socket is None:
            raise RuntimeError("the server works only after start()")
        try:
            asyncio.run(self._serve(self._socket))
        finally:
            self._socket.close()

    async def _serve(self, listening: socket.socket) -> None:
        if self._config.ssl is not None:
            hurry_handshakes(asyncio.get_running_loop())
        sweeping = asyncio.create_task(self._sweep())
        try:
            await self._server.serve([listening])
        finally:
            sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await sweeping

    def _met(self, **arguments: Any) -> H11Protocol:
        """A certificate that was revoked is hung up on before anything is read of it, however TLS was agreed on (a session that is gone on
        with is not looked at by OpenSSL again)."""
        protocol = self._door(**arguments)
        revoked, met = self._revoked, protocol.connection_made
        if revoked is None:
            return protocol

        def connection_made(transport: asyncio.Transport) -> None:
            met(transport)
            if revoked.has(transport):
                transport.abort()

        protocol.connection_made = connection_made  # type: ignore[method-assign]
        return protocol

    async def _sweep(self) -> None:
        """Those that ask nothing are shown out, and those whose certificate was revoked meanwhile."""
        while True:
            self._door.sweep()
            if self._revoked is not None and self._revoked.look():
                for each in list(self._server.server_state.connections):
                    if self._revoked.has(each.transport):
                        each.transport.abort()
            await asyncio.sleep(TICK_S)

    def close(self) -> None:
        self._server.should_exit = True
