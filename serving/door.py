"""Door: connections before they ask anything. Few of them, and not for long: a box has other uses for its file descriptors."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from serving.listening import Listening

REQUEST_NS = 10_000_000_000  # how long a connection may take to ask something whole
HANDSHAKE_S = 10  # and how long before that to agree on TLS
BACKLOG = 64  # connections that are let in at a time, before any of them can be shown out


class Door:
    """uvicorn calls it for each new connection. Of too many that ask nothing the oldest gives way, and `sweep` ends them by time.

    uvicorn by itself lets in as many as there are file descriptors, and waits for what they ask for ever.
    """

    def __init__(self, mono_ns: Callable[[], int], max_connections: int) -> None:
        self._mono_ns, self._most_idle = mono_ns, max_connections // 2
        self._most_shaking = self._most_idle + BACKLOG
        self._since: dict[H11Protocol, int] = {}  # since when each has asked nothing, the oldest first
        self._open: set[Any] = set()  # uvicorn's own: all that are connected, WebSockets too

    def __call__(self, **arguments: Any) -> H11Protocol:
        idle = self._idle()
        for protocol in idle[: max(0, len(idle) + 1 - self._most_idle)]:
            self._show_out(protocol)
        made = H11Protocol(**arguments)
        self._open = made.connections
        made.app_state = {**made.app_state, "hang_up": partial(_hang_up, made)}  # for an answer that nobody reads
        self._since[made] = self._mono_ns()
        return made

    def sweep(self) -> None:
        """Every second or so."""
        now_ns = self._mono_ns()
        for protocol in self._idle():
            if now_ns - self._since[protocol] > REQUEST_NS:
                self._show_out(protocol)

    def listening(self, family: int, kind: int, proto: int, *, tls: bool) -> socket.socket:
        return Listening(family, kind, proto, self.greeted, self._most_shaking) if tls else socket.socket(family, kind, proto)

    def greeted(self) -> set[int]:
        """Descriptors of those that are connected."""
        return {found.fileno() for each in self._open if _connected(each) and (found := _socket(each)) is not None}

    def _idle(self) -> list[H11Protocol]:
        """Those that ask nothing. One that is being answered begins anew afterwards; one that is gone, or a WebSocket, is forgotten.

        One that is not connected came this very moment, or agrees on TLS; where that failed uvicorn never hears of it again.
        """
        now_ns = self._mono_ns()
        shaking = [protocol for protocol in self._since if not _connected(protocol)]
        for protocol in shaking[: -self._most_shaking - BACKLOG]:
            del self._since[protocol]  # Listening has ended it
        for protocol in list(self._since):
            if _connected(protocol):
                over = protocol not in protocol.connections
            else:
                over = now_ns - self._since[protocol] > 2 * HANDSHAKE_S * 1_000_000_000
            if over or _busy(protocol):
                del self._since[protocol]
            if not over and _busy(protocol):
                self._since[protocol] = now_ns  # the newest now
        return [protocol for protocol in self._since if _connected(protocol) and not _busy(protocol)]

    def _show_out(self, protocol: H11Protocol) -> None:
        del self._since[protocol]
        protocol.transport.abort()


def _connected(protocol: H11Protocol) -> bool:
    transport: Any = protocol.transport  # None until asyncio hands it over, whatever uvicorn's types say
    return transport is not None


def _hang_up(protocol: H11Protocol) -> None:
    """At once: what is still to be sent to somebody who does not read is not kept for him."""
    if _connected(protocol) and (found := _socket(protocol)) is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        protocol.transport.abort()


def _socket(protocol: H11Protocol) -> socket.socket | None:
    """None: its TLS is over, of which uvicorn is told in the next turn of the loop."""
    found: socket.socket | None = protocol.transport.get_extra_info("socket")
    return found


def _busy(protocol: H11Protocol) -> bool:
    cycle: Any = protocol.cycle  # None before the first question
    return cycle is not None and not cycle.response_complete
