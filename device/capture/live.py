"""LiveReader: what live sources that FFmpeg reads have in common: connections, epochs, times, a way out."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import av
from av.container import InputContainer

from contracts.errors import HardwareError
from device.capture.demux import Demux
from device.capture.pump import Pump
from device.capture.timeline import LiveTimeline
from device.capture.units import Unit
from device.clock import Clock
from device.pipeline.packets import Outlines, Packet, StreamInfo

HEAP = 64  # packets that may wait at the start
APART_NS = 10_000_000  # what comes this long after the one before was not waiting


class LiveReader:
    """`opener` opens the container, `explain` makes a sentence for the owner of FFmpeg's error; both run on the reader's thread."""

    def __init__(
        self,
        camera: str,
        clock: Clock,
        opener: Callable[[], AbstractContextManager[InputContainer]],
        explain: Callable[[OSError | av.error.FFmpegError], HardwareError],
        silence_s: float,
    ) -> None:
        self._camera, self._opener, self._explain, self._silence_s = camera, opener, explain, silence_s
        self.session = f"{camera}-{uuid.uuid4().hex}"
        self._clock = clock
        self._timeline = LiveTimeline(clock)
        self._seq = self._epoch = 0
        self._pump: Pump[Packet] | None = None
        self._closed = False
        self.lost: Counter[str] = Counter()  # packets left out, by reason
        self.hears = False  # sound is read too, from the next connection on
        self.hides: Outlines = ()

    def packets(self) -> Iterator[Packet]:
        self._pump = Pump(self._camera, self._read(), self._silence_s)
        if self._closed:  # while the pump was being made
            self._pump.close()
        yield from self._pump
        raise HardwareError(f"camera {self._camera}: the stream ended; it is opened again")

    def close(self) -> None:
        """For good: what is closed is not opened again."""
        self._closed = True
        if self._pump is not None:
            self._pump.close()

    def _read(self) -> Iterator[Packet]:
        """One connection."""
        try:
            with self._opener() as container:
                demux = Demux(self._camera, container, self._epoch, self.hears, self.lost, self.hides)
                units = demux.units()
                for stream, unit in itertools.chain(self._heap(units), units):
                    self._epoch = demux.epoch + 1  # that of the next connection
                    moment = self._timeline.place(unit.pts_ns, unit.dts_ns)
                    yield unit.packet(stream, self._seq, moment)
                    self._seq += 1
        except (av.error.FFmpegError, OSError) as error:
            raise self._explain(error) from None  # FFmpeg's text holds the address, password and all

    def _heap(self, units: Iterator[tuple[StreamInfo, Unit]]) -> list[tuple[StreamInfo, Unit]]:
        """What waited while the connection was made, up to the first packet that comes by itself; begins the timeline."""
        heap: list[tuple[StreamInfo, Unit]] = []
        delays: list[int] = []
        before_ns: int | None = None
        for stream, unit in units:
            now_ns = self._clock.mono_ns()
            heap.append((stream, unit))
            if unit.pts_ns is not None:
                delays.append(now_ns - unit.pts_ns)
            if len(heap) == HEAP or (before_ns is not None and now_ns - before_ns > APART_NS):
                break
            before_ns = now_ns
        self._timeline.begin(min(delays, default=None))
        return timed(heap)


def timed(heap: list[tuple[StreamInfo, Unit]]) -> list[tuple[StreamInfo, Unit]]:
    """RTSP gives the very first packet no time; it lies before the next."""
    known = next((n for n, (_, unit) in enumerate(heap) if unit.pts_ns is not None), 0)
    first_ns = heap[known][1].pts_ns if heap else None
    if first_ns is None:
        return heap
    early = [(stream, replace(unit, pts_ns=first_ns - (known - n) * unit.duration_ns)) for n, (stream, unit) in enumerate(heap[:known])]
    return early + heap[known:]
