"""Neighbours: this box on its local network, where the configuration lets it; a box that nobody shall find loads nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from broker.link import probe
from device.clock import Clock
from device.config import Loaded
from device.pipeline.board import Board
from device.pipeline.crew import Crew
from device.pipeline.tally import Tally
from device.publish.broker import BrokerOptions
from device.setup.standing import listening, unclaimed
from serving.addresses import is_loopback

if TYPE_CHECKING:
    from device.nearby.worker import Nearby

LOOK_S = 3.0
MOST_KNOCKS = 8  # each may take the time of a connection that nobody answers


class Page(Protocol):
    @property
    def address(self) -> str: ...


def meet(loaded: Loaded, page: Page | None, crew: Crew, *, clock: Clock, board: Board, tally: Tally) -> Nearby | None:
    """None where there is nothing to say and nobody to look for: a page on loopback is nobody else's."""
    settings, listens = loaded.settings, listening(loaded)
    announced = settings.nearby is not None and settings.nearby.announce and page is not None and not is_loopback(listens.host)
    seeking = settings.mqtt is not None and settings.mqtt.sought
    if settings.nearby is None or not (announced or seeking):
        return None
    from device.nearby.announce import About
    from device.nearby.worker import Nearby

    about = None
    if announced and page is not None:
        port, https = urlsplit(page.address).port or listens.port, page.address.startswith("https:")
        about = About(settings.device_id, version("vedette"), listens.host, port, https, unclaimed=unclaimed(loaded))
    nearby = Nearby(settings.nearby, about, seeking=seeking, clock=clock, board=board, tally=tally)
    crew.add("nearby", nearby.run, deadline_s=120)
    crew.on_stop(nearby.close)
    return nearby


def brokers(nearby: Nearby | None) -> Sequence[tuple[str, int]]:
    """Where brokers with TLS were heard of; one without is nobody that could prove anything."""
    return [(address, found.port) for found in (nearby.found_brokers() if nearby else ()) if found.tls for address in found.addresses]


def knock(options: BrokerOptions, device_id: str, clock: Clock) -> str | None:
    """Whether the broker lets this box in, and else why not; where it is sought, at the places where it is heard of too."""
    address = options.address(f"vedette-{device_id}-check", clean=True)
    reason = probe(address, clock.mono_ns)
    if reason is None or not options.sought:
        return reason
    from device.nearby.worker import look_for_brokers

    heard = [(where, found.port) for found in look_for_brokers(LOOK_S) if found.tls for where in found.addresses]
    for host, port in heard[:MOST_KNOCKS]:
        if probe(replace(address, host=host, port=port, name=options.host), clock.mono_ns) is None:
            return None
    return reason
