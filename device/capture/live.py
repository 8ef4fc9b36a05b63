"""LiveReader: what live sources that FFmpeg reads have in common: connections, epochs, times, a way out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import av
from av.container import InputContainer

from contracts.errors import HardwareError
from device.capture.demux import Demux
from device.capture.pump import Pump
from device.capture.timeline import LiveTimeline
from device.clock import Clock
from device.pipeline.packets import Packet


class LiveReader:
    """`opener` opens the container, `explain` makes a sentence for the owner of FFmpeg's error; both run on the reader's thread."""

    def __init__(
        self,
        camera: str,
        clock: Clock,
        opener: Callable[[], InputContainer],
        explain: Callable[[OSError | av.error.FFmpegError], HardwareError],
        silence_s: float,
    ) -> None:
        self._camera, self._opener, self._explain, self._silence_s = camera, opener, explain, silence_s
        self.session = f"{camera}-{uuid.uuid4().hex}"
        self._timeline = LiveTimeline(clock)
        self._seq = self._epoch = 0
        self._pump: Pump[Packet] | None = None

    def packets(self) -> Iterator[Packet]:
        self._pump = Pump(self._camera, self._read(), self._silence_s)
        yield from self._pump
        raise HardwareError(f"camera {self._camera}: the stream ended; it is opened again")

    def close(self) -> None:
        if self._pump is not None:
            self._pump.close()

    def _read(self) -> Iterator[Packet]:
        """One connection."""
        self._timeline.begin()
        try:
            with self._opener() as container:
                demux = Demux(self._camera, container, self._epoch)
                for stream, unit in demux.units():
                    self._epoch = demux.epoch + 1  # that of the next connection
                    moment = self._timeline.place(unit.pts_ns, unit.dts_ns)
                    yield unit.packet(stream, self._seq, moment)
                    self._seq += 1
        except (av.error.FFmpegError, OSError) as error:
            raise self._explain(error) from None  # FFmpeg's text holds the address, password and all
