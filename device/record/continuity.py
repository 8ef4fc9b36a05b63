"""Continuity: what of a stream goes into a clip, so that all of it can be decoded, and the holes where something is missing."""

from __future__ import annotations

from typing import Literal

from contracts.clip import Hole
from device.pipeline.packets import Packet
from device.record.order import Tail


class Continuity:
    """`after`: the end of the segment that the clip goes on from."""

    def __init__(self, first: Packet, after: Tail | None = None) -> None:
        self._first, self._after = first, after
        self._seen = self.last = first  # `last`: of those that were taken
        self._from_pts_ns = first.pts_ns  # where decoding (re)starts: what is shown before needs pictures that are not here
        self.holes: list[Hole] = []
        if after:
            away, missed = first.stream.epoch != after.last.stream.epoch, first.seq - after.last.seq - 1
            if away or missed > 0:
                self._note(after, first, None if away else missed)

    def takes(self, packet: Packet, end_ns: int) -> bool:
        """Whether it can be decoded here, and so is written. `end_ns`: media time where the pictures written so far end."""
        away = packet.stream.epoch != self.last.stream.epoch
        if away and not packet.key:
            return False
        missed = packet.seq - self._seen.seq - 1
        self._seen = packet
        if away or missed > 0:
            self._from_pts_ns = packet.pts_ns if packet.key else self._from_pts_ns
            self._note(Tail(self.last, end_ns), packet, None if away else missed)
        if packet.pts_ns >= self._from_pts_ns:
            self.last = packet
            return True
        if self._after and self._from_pts_ns == self._first.pts_ns:
            self._note_leading(self._after)
        return False

    def _note(self, before: Tail, packet: Packet, missed: int | None) -> None:
        reason: Literal["reconnect", "skipped"] = "reconnect" if missed is None else "skipped"
        span = {"from_pts_ns": before.end_ns, "until_pts_ns": packet.pts_ns}
        self.holes.append(Hole(reason=reason, after_frame=before.last.seq, packets=missed, **span))

    def _note_leading(self, after: Tail) -> None:
        """Pictures behind our first that are shown before it, and need the segment before to be decoded."""
        if self.holes:
            self.holes[0] = self.holes[0].model_copy(update={"packets": (self.holes[0].packets or 0) + 1})
        else:
            self._note(after, self._first, 1)
