"""Brokers: those that say on the local network that they are one; bounded, however many say so."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from zeroconf import Error, ServiceBrowser, ServiceInfo, Zeroconf
from zeroconf import ServiceListener as Listener

from device.nearby.heard import PLAIN, SECURE, FoundBroker, found_broker

MOST = 32  # that are remembered; more are counted and left out
ASKED = 4  # in one step, of those that did not say where they are
ANSWER_MS = 500
TRIES = 3

Key = tuple[str, str]


class Brokers(Listener):
    """zeroconf's browser calls the listener on a thread of its own; `step` asks for what is missing, on its caller's."""

    def __init__(self, on_refused: Callable[[], None] = lambda: None, kinds: Sequence[str] = (SECURE, PLAIN)) -> None:
        self._kinds, self._on_refused = tuple(kinds), on_refused
        self._lock = threading.Lock()
        self._tries: OrderedDict[Key, int] = OrderedDict()
        self._found: dict[Key, FoundBroker] = {}

    def browse(self, network: Zeroconf) -> ServiceBrowser:
        return ServiceBrowser(network, list(self._kinds), listener=self)

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        with self._lock:
            if (type_, name) in self._tries:
                return
            if len(self._tries) < MOST and possible(type_, name):
                self._tries[type_, name] = 0
                return
        self._on_refused()

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """It is asked again."""
        with self._lock:
            if (type_, name) in self._tries:
                self._tries[type_, name] = 0
                self._found.pop((type_, name), None)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        with self._lock:
            self._tries.pop((type_, name), None)
            self._found.pop((type_, name), None)

    def step(self, network: Zeroconf) -> None:
        """Who never says where it is makes room for others."""
        with self._lock:
            unknown = [key for key in self._tries if key not in self._found]
        unanswered = [key for key in unknown if not self._known(ServiceInfo(*key), network)]
        for key in unanswered[:ASKED]:
            info = ServiceInfo(*key)
            if info.request(network, ANSWER_MS) and self._known(info, network):
                continue
            with self._lock:
                if key in self._tries:
                    self._tries[key] += 1
                    self._tries.move_to_end(key)
                    if self._tries[key] >= TRIES:
                        del self._tries[key]

    def _known(self, info: ServiceInfo, network: Zeroconf) -> bool:
        """From what was said already."""
        if not info.load_from_cache(network):
            return False
        broker = found_broker(info.type, info.name, info.server, info.port, info.parsed_addresses())
        with self._lock:
            if broker and (info.type, info.name) in self._tries:
                self._found[info.type, info.name] = broker
        return broker is not None

    def found(self) -> list[FoundBroker]:
        """With TLS first, then by name."""
        with self._lock:
            return sorted(self._found.values(), key=lambda broker: (not broker.tls, broker.name, broker.host, broker.port))


def possible(kind: str, name: str) -> bool:
    """zeroconf raises on names that it does not like, wherever they are used."""
    try:
        ServiceInfo(kind, name)
    except (Error, ValueError):
        return False
    return True
