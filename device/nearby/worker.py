"""Nearby: the worker that says on the local network where this box is, follows its addresses, and listens for brokers if it shall."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import wait
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Any

from zeroconf import EventLoopBlocked, IPVersion, ServiceBrowser, ServiceInfo, Zeroconf

from device.clock import Clock
from device.nearby.addresses import bound_to, own_addresses
from device.nearby.announce import About, services
from device.nearby.brokers import Brokers
from device.nearby.heard import FoundBroker
from device.nearby.options import Options
from device.pipeline.board import Board
from device.pipeline.protocols import Tick
from device.pipeline.tally import Tally

log = logging.getLogger(__name__)
PART = "nearby"
EVERY_S, AGAIN_S = 5.0, 30.0
SLICE_S = 0.5
NAMING_S = 10.0
Faults = (OSError, EventLoopBlocked, TimeoutError, AssertionError, RuntimeError)  # zeroconf's, when its thread or its sockets are gone


class Nearby:
    """A network that forbids it, or a name that somebody always takes, is a degraded part and no more: nothing waits for this."""

    def __init__(
        self, options: Options, about: About | None, *, seeking: bool, clock: Clock, board: Board, tally: Tally,
        own: Callable[[Sequence[IPv4Address]], tuple[str, ...]] = own_addresses, brokers: Brokers | None = None,
    ) -> None:  # fmt: skip
        self._options, self._about, self._own = options, about if options.announce else None, own
        self._clock, self._board = clock, board
        self.brokers = brokers or Brokers(lambda: tally.count("", PART, "broker_refused"))
        self._seeking = seeking
        self._stopping = threading.Event()
        self._network: Zeroconf | None = None
        self._browser: ServiceBrowser | None = None
        self._said: list[ServiceInfo] = []
        self._addresses: tuple[str, ...] = ()

    def found_brokers(self) -> list[FoundBroker]:
        return self.brokers.found()

    def run(self, tick: Tick) -> None:
        """Worker: until `close`; then everybody is told that it goes."""
        try:
            while not self._stopping.is_set():
                tick()
                self._rest(EVERY_S if self.step() else AGAIN_S, tick)
        finally:
            self._leave()

    def close(self) -> None:
        self._stopping.set()

    def step(self) -> bool:
        """False: it did not work, and is tried anew after a while."""
        try:
            self._follow(self._own(self._options.addresses))
            if self._seeking and self._network:
                self.brokers.step(self._network)
        except Faults as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            self._show(f"not on the local network: {reason.lower()}; let UDP port 5353 through, or set nearby: null")
            self._leave()
            return False
        self._show("")
        return True

    def _follow(self, addresses: tuple[str, ...]) -> None:
        """Begins where there are addresses; says anew where they are others now."""
        if self._network is not None and addresses == self._addresses:
            return
        if self._network is None and addresses:
            self._network = Zeroconf(interfaces=list(addresses), ip_version=IPVersion.V4Only, use_asyncio=False)
            self._browser = self.brokers.browse(self._network) if self._seeking else None
        elif self._network is not None and addresses:
            self._network.update_interfaces(list(addresses))
        else:
            self._leave()
        self._addresses = addresses
        self._say(addresses)

    def _say(self, addresses: Sequence[str]) -> None:
        if self._about is None or self._network is None:
            return
        reachable = bound_to(self._about.host, addresses)
        self._take_back()
        self._said = services(self._about, reachable) if reachable else []
        together([registered(self._network, info) for info in self._said], self._network, self._stopping)
        for info in self._said:
            log.info("found on the local network as", extra={"service": info.name, "addresses": ", ".join(reachable)})

    def _take_back(self) -> None:
        said, self._said = self._said, []
        if self._network is not None:
            together([withdrawn(self._network, info) for info in said], self._network, self._stopping)

    def _leave(self) -> None:
        """Says goodbye, as far as that goes."""
        network, self._network = self._network, None
        self._said, self._addresses = [], ()
        if network is None:
            return
        with suppress(*Faults):
            if self._browser is not None:
                self._browser.cancel()
        with suppress(*Faults):
            network.close()  # unregisters everything first

    def _rest(self, seconds: float, tick: Tick) -> None:
        while seconds > 0 and not self._stopping.wait(min(seconds, SLICE_S)):
            tick()
            seconds -= SLICE_S

    def _show(self, fault: str) -> None:
        self._board.part(PART, "degraded" if fault else "ok", fault, self._clock.wall_ns())


async def registered(network: Zeroconf, info: ServiceInfo) -> None:
    """Under another name where this one is taken; the name is in `info` afterwards."""
    await (await network.async_register_service(info, allow_name_change=True))


async def withdrawn(network: Zeroconf, info: ServiceInfo) -> None:
    await (await network.async_unregister_service(info))


def together(doings: Sequence[Coroutine[Any, Any, None]], network: Zeroconf, stopping: threading.Event) -> None:
    """On zeroconf's own thread, until it is done or the box stops; TimeoutError where somebody takes each name that is tried."""
    if network.loop is None:
        raise RuntimeError("the network was closed")
    futures = [asyncio.run_coroutine_threadsafe(doing, network.loop) for doing in doings]
    try:
        for _ in range(max(1, round(NAMING_S / SLICE_S))):
            waiting = wait(futures, SLICE_S).not_done
            if not waiting or stopping.is_set():
                for future in set(futures) - waiting:
                    future.result()  # raises what it met
                return
        raise TimeoutError("its name is taken whatever number it gets")
    finally:
        for future in futures:
            future.cancel()


def look_for_brokers(seconds: float, options: Options | None = None) -> list[FoundBroker]:
    """Once, for a page or a command, on the caller's thread; nothing found where the network forbids it."""
    brokers, addresses = Brokers(), own_addresses((options or Options()).addresses)
    if not addresses:
        return []
    done = threading.Event()
    try:
        with Zeroconf(interfaces=list(addresses), ip_version=IPVersion.V4Only, use_asyncio=False) as network:
            browser = brokers.browse(network)
            for _ in range(max(1, round(seconds / SLICE_S))):
                done.wait(SLICE_S)
                brokers.step(network)
            browser.cancel()
    except Faults as error:
        log.info("nobody can be heard on the local network", extra={"reason": str(error)})
    return brokers.found()
