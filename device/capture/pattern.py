"""The rendered scene as a source: for trying things out without a camera, and for tests that must know every picture."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from fractions import Fraction
from functools import cached_property
from typing import Literal

import av
from pydantic import Field

from device.capture.beginning import to_ns
from device.capture.demux import encoded_stream
from device.capture.encoder import SOFTWARE, Encoder
from device.capture.pace import Pace
from device.capture.scene import render
from device.capture.timeline import FileTimeline
from device.capture.units import Unit
from device.clock import Clock
from device.pipeline.packets import Packet, StreamInfo
from device.pipeline.strict import Strict


class PatternSource:
    """`FileSource` for a film that nobody shot. Picture n carries n and comes at n / fps."""

    class Options(Strict):
        """What is rendered, and how fast."""

        width: int = Field(640, ge=160, le=3840, multiple_of=2, description="pixels; blocks of the number are a fortieth of it")
        height: int = Field(360, ge=90, le=2160, multiple_of=2, description="pixels")
        fps: float = Field(25, gt=0, le=240, description="pictures a second")
        people: int = Field(2, ge=0, le=20, description="figures that walk through")
        walk_s: float = Field(0, ge=0, description="seconds of walking, then rest_s without anybody; 0: always somebody")
        rest_s: float = Field(0, ge=0, description="seconds without anybody between walks")
        gop_s: float = Field(1.0, gt=0, le=60, description="seconds between key frames")
        seconds: float = Field(10, ge=0, description="length; 0: endless, only with pace: realtime")
        pace: Literal["free", "realtime"] = Field("realtime", description="realtime: like a camera; free: like a file")
        start: datetime = Field(datetime(2026, 1, 1, tzinfo=timezone.utc), description="wall time of the first picture when pace is free")

    def __init__(self, camera: str, options: Options, clock: Clock) -> None:
        self.camera, self._options, self._clock = camera, options, clock
        self.live = options.pace == "realtime"
        self._session = uuid.uuid4().hex
        self._stopped = threading.Event()
        self._seq = self._epoch = 0

    @cached_property
    def identity(self) -> str:
        if self.live:
            return f"{self.camera}-{self._session}"
        return hashlib.sha256(self._options.model_dump_json().encode()).hexdigest()

    def packets(self) -> Iterator[Packet]:
        self._stopped.clear()
        options = self._options
        pace = Pace(self._clock, self._stopped) if self.live else None
        timeline = FileTimeline(to_ns(options.start), self._clock.mono_ns())
        for stream, unit in self._units():
            at = unit.pts_ns or 0
            moment = pace.place(at, at) if pace else timeline.place(at, at)
            if self._stopped.is_set():
                return
            yield unit.packet(stream, self._seq, moment)
            self._seq += 1

    def close(self) -> None:
        self._stopped.set()

    def _units(self) -> Iterator[tuple[StreamInfo, Unit]]:
        options = self._options
        rate = Fraction(options.fps).limit_denominator(1001)
        # free: the same bytes on every box, so never the hardware's encoder
        encoder = Encoder(options.width, options.height, rate, options.gop_s, None if self.live else SOFTWARE)
        stream: StreamInfo | None = None
        for unit in self._encoded(encoder, rate):
            if stream is None:
                stream = encoded_stream(self.camera, unit, (options.width, options.height), rate)
            yield stream, Unit(unit.pts_ns, unit.dts_ns, int(1e9 / rate), unit.key, unit.data)

    def _encoded(self, encoder: Encoder, rate: Fraction) -> Iterator[Unit]:
        options = self._options
        number = 0
        while not options.seconds or number < options.seconds * rate:
            at_s = float(number / rate)
            image = render(number, at_s, options.width, options.height, options.people if self._walking(at_s) else 0)
            yield from encoder.encode(av.VideoFrame.from_ndarray(image, "bgr24"), int(number * 1_000_000_000 / rate))
            number += 1
        yield from encoder.flush()

    def _walking(self, at_s: float) -> bool:
        options = self._options
        return not options.walk_s or at_s % (options.walk_s + options.rest_s) < options.walk_s
