"""Again: recordings that failed and are still wanted, until they are tried anew; the events that were on come with them."""

from __future__ import annotations

from uuid import UUID

from device.record.demand import Demand

AGAIN_NS = 2_000_000_000


class Again:
    def __init__(self) -> None:
        self._waiting: dict[str, tuple[int, list[Demand]]] = {}  # camera -> when (mono), events

    def put(self, camera: str, now_ns: int, on: list[Demand]) -> list[Demand]:
        """The events that will go on."""
        events = [demand for demand in on if demand.trigger == "event"]
        self._waiting[camera] = (now_ns + AGAIN_NS, events)
        return events

    def leave(self, event: UUID) -> None:
        """It ended in the meantime."""
        for _, events in self._waiting.values():
            events[:] = [demand for demand in events if demand.id != event]

    def due(self, now_ns: int) -> dict[str, list[Demand]]:
        ready = [camera for camera, (at_ns, _) in self._waiting.items() if now_ns >= at_ns]
        return {camera: self._waiting.pop(camera)[1] for camera in ready}
