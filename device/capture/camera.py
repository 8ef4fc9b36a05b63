"""Capture: the worker that takes packets from one source into its ring, and opens a live one again whenever it fails."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping

from contracts.errors import ConfigError, HardwareError, Unplugged
from device.capture.backoff import Backoff
from device.capture.hidden import packets_of
from device.clock import Clock
from device.pipeline.board import Board
from device.pipeline.channel import SLICE_S, Closed
from device.pipeline.packets import Outlines, Packet, StreamInfo
from device.pipeline.protocols import Losing, Source, Tick
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally

log = logging.getLogger(__name__)


class Capture:
    """One a camera. A live source is reopened for ever, a file ends; either way the ring is closed when nothing more comes.

    A HardwareError is this camera's own trouble and shown on the board; anything else is a bug and stops the appliance.
    """

    def __init__(
        self,
        source: Source,
        ring: PacketRing,
        *,
        board: Board,
        tally: Tally,
        clock: Clock,
        chance: Callable[[], float] = random.random,  # spreads the retries; nothing secret hangs on it
        hides: Outlines = (),
    ) -> None:
        self._hides = hides
        self._source, self._ring, self._board, self._tally, self._clock = source, ring, board, tally, clock
        self._backoff = Backoff(chance)
        self._lost: Mapping[str, int] = source.lost if isinstance(source, Losing) else {}
        self._told: Counter[str] = Counter()  # of them, those the tally knows
        self._stream: StreamInfo | None = None
        self._online_ns: int | None = None  # mono time of this connection's first packet
        self.stopping = threading.Event()
        self._woken = threading.Event()  # nothing to wait for any more
        self.failure: HardwareError | ConfigError | None = None  # why a file could not be read

    def run(self, tick: Tick) -> None:
        """The worker."""
        self._show(state="starting", reason="")
        try:
            while not self._once(tick):
                self._rest(tick)
        except Closed:
            pass  # the ring was closed under us: the appliance stops
        finally:
            self._tell_lost()
            self._source.close()
            self._ring.close()
        if self.failure is None:
            self._show(state="stopped" if self.stopping.is_set() else "ended", reason="")

    def stop(self) -> None:
        """From any thread: `run` returns within a second or two, whatever the network does."""
        self.stopping.set()
        self._woken.set()
        self._source.close()
        self._ring.close()

    def wake(self) -> None:
        """From any thread: what it waits for is there now, so it is opened at once, and soon again should it not be ready."""
        self._backoff.failures = 0
        self._woken.set()

    def _once(self, tick: Tick) -> bool:
        """One connection; True when there is to be no other."""
        self._online_ns = None
        self._woken.clear()
        tick()
        self._tell_lost()
        try:
            for packet in packets_of(self._source, self._hides):
                if self.stopping.is_set():
                    return True
                self._take(packet, tick)
            return True
        except (HardwareError, ConfigError) as error:
            if self.stopping.is_set():
                return True
            return self._failed(error)

    def _take(self, packet: Packet, tick: Tick) -> None:
        tick()
        if packet.stream != self._stream or self._online_ns is None:
            self._online(packet.stream)
        self._tally.count(packet.camera, "packets")
        self._tally.gauge(packet.camera, "last_packet_mono_ns", self._clock.mono_ns())
        if packet.key:
            self._tell_lost()
        self._ring.append(packet, tick)

    def _tell_lost(self) -> None:
        for reason, count in list(self._lost.items()):
            if new := count - self._told[reason]:
                self._told[reason] = count
                self._tally.count(self._source.camera, "packets_lost", reason, new)

    def _online(self, stream: StreamInfo) -> None:
        self._stream = stream
        self._online_ns = self._online_ns or self._clock.mono_ns()
        self._show(state="online", reason="", codec=stream.codec, width=stream.width, height=stream.height)
        shape = f"{stream.width}x{stream.height}"
        log.info("camera online", extra={"camera": stream.camera, "codec": stream.codec, "size": shape, "epoch": stream.epoch})

    def _failed(self, error: HardwareError | ConfigError) -> bool:
        """A file's failure is its end. A live camera's is shown, and logged the first time and then ever more rarely."""
        camera, reason = self._source.camera, str(error)
        if not self._source.live:
            self.failure = error.with_traceback(None)
            self._show(state="ended", reason=reason)
            log.error("camera failed", extra={"camera": camera, "reason": reason})
            return True
        failures = self._backoff.failures
        self._tally.count(camera, "reconnects")
        away = isinstance(error, Unplugged)
        self._show(state="unplugged" if away else "retrying", reason=reason, reconnects=self._tally.get(camera, "reconnects"))
        if failures & (failures - 1) == 0:
            words = "camera unplugged" if away else "camera failed, opened again"
            log.warning(words, extra={"camera": camera, "reason": reason, "failures": failures + 1})
        return False

    def _rest(self, tick: Tick) -> None:
        """Wait before the next try, ticking, and no longer than until the stop."""
        lasted_ns = 0 if self._online_ns is None else self._clock.mono_ns() - self._online_ns
        left_s = self._backoff.next_s(lasted_ns)
        while left_s > 0 and not self.stopping.is_set() and not self._woken.wait(min(left_s, SLICE_S)):
            tick()
            left_s -= SLICE_S

    def _show(self, **changes: object) -> None:
        camera = self._source.camera
        before = self._board.cameras().get(camera)
        if before is None or before.state != changes.get("state"):
            changes["since_wall_ns"] = self._clock.wall_ns()
        self._board.camera(camera, **changes)
