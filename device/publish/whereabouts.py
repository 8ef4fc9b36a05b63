"""Whereabouts: at which address the broker is tried next: where the configuration says, and where it was heard of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from broker.address import Address
from device.publish.broker import BrokerOptions


class Whereabouts:
    """Where it was last is tried first again; then the configured address in turn with each that was heard of on the local network.

    Whoever answers there proves by its certificate that it is `host`: who only says so costs an attempt.
    """

    def __init__(self, options: BrokerOptions, nearby: Callable[[], Sequence[tuple[str, int]]] = tuple) -> None:
        self._options, self._nearby = options, nearby
        self._good: tuple[str, int] | None = None
        self._trying: tuple[str, int] | None = None
        self._turn = 0

    @property
    def now(self) -> str:
        return self._options.where() if self._trying is None else f"{self._trying[0]}:{self._trying[1]} ({self._options.host})"

    def next(self, client_id: str) -> Address:
        address = self._options.address(client_id)
        if not self._options.sought:
            return address
        self._trying, self._good = self._good or self._in_turn(), None
        if self._trying is None:
            return address
        host, port = self._trying
        return replace(address, host=host, port=port, name=self._options.host)

    def good(self) -> None:
        """The one that was tried is the broker."""
        self._good = self._trying

    def _in_turn(self) -> tuple[str, int] | None:
        """None: as configured. It has every second turn, however many say to be the broker."""
        self._turn += 1
        heard = list(self._nearby())
        return heard[self._turn // 2 % len(heard)] if heard and self._turn % 2 == 0 else None
