"""Work: one unit looked at, wherever that is: the same bytes each time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from device.batch.excerpt import Excerpt
from device.batch.recipe import close, open_frame_only
from device.batch.sightings import Sheet
from device.batch.units import Unit
from device.capture.decoder import Decoder
from device.capture.gaze import Gaze
from device.capture.sampling import Samples, period_ns, period_of
from device.clock import Clock, SystemClock
from device.pipeline.packets import Packet, StreamInfo
from device.pipeline.passage import Passage, narrow
from device.pipeline.protocols import Stage, WideStage
from device.pipeline.tally import Tally
from vision.types import Detections, Frame, Scene

log = logging.getLogger(__name__)
FATES = ("offered", "gated", "dropped", "analysed", "missing")
Work = Callable[[str, str], bytes]


@dataclass(slots=True)
class Opened:
    """What a process keeps from one unit to the next."""

    recipe: str
    stages: Mapping[str, Stage | WideStage]


_opened: list[Opened] = []  # one at most: models are large


def look(recipe: str, unit_json: str) -> bytes:
    """A sightings file. HardwareError when the file cannot be read as it was indexed, ConfigError and BundleError as when a box starts."""
    unit, clock = Unit.from_json(unit_json), SystemClock()
    if not _opened or _opened[0].recipe != recipe:
        forget()
        _, stages = open_frame_only(recipe, clock, Tally())
        _opened.append(Opened(recipe, stages))
    return Look(unit, _opened[0].stages, clock).run()


def forget() -> None:
    """Let go of what is open."""
    for opened in _opened:
        close(opened.stages)
    _opened.clear()


class Look:
    """One unit, in one thread: as many of these as cores use a machine better than one with threads."""

    def __init__(self, unit: Unit, stages: Mapping[str, Stage | WideStage], clock: Clock) -> None:
        self._unit, self._stages, self._clock = unit, stages, clock
        self._begin()
        self._excerpt = Excerpt(unit, clock)

    def _begin(self) -> None:
        self._tally = Tally()
        self._passage = Passage(narrow(self._stages), self._clock, self._tally)
        self._sheet = Sheet(self._unit.key)

    def run(self) -> bytes:
        if self._unit.passed is not None:
            self._chosen(self._packets(), set(self._unit.passed))
        elif self._sampled(self._packets(), 1):
            self._begin()  # what leans on a damaged picture differs in a hair with the number of threads: as the one pass has it
            self._sampled(self._packets(), 0)
        return self._sheet.whole({name: self._tally.get(self._unit.camera, name) for name in FATES})

    def _packets(self) -> Iterator[Packet]:
        """From the unit's key frame, or from one before it when that gives no whole picture by itself: damaged, or none of its own."""
        keys = [self._unit.first_row + int(n) for n in np.flatnonzero(self._unit.rows["key"])]
        begins = [row for row in reversed(keys) if row <= self._unit.begin]
        for row in begins:
            packets = self._excerpt.packets(row)
            first = next(packets)
            if row == begins[-1] or Decoder(first.stream).still(first) is not None:
                yield first
                yield from packets
                return
            packets.close()  # type: ignore[attr-defined]  # a generator

    def _sampled(self, packets: Iterator[Packet], threads: int) -> bool:
        """Without a gate: decode all, look at the first picture of each period. Was anything damaged?"""
        unit = self._unit
        samples = Samples(unit.camera, unit.detection_fps, self._tally, after=unit.after, until=unit.until)
        gaze = Gaze(None, samples, self._analyse)
        decoders: list[_Watched] = []
        stream: StreamInfo | None = None
        last = self._last_own()
        for packet in packets:
            if packet.stream != stream:
                gaze.end()
                stream, watched = packet.stream, _Watched(Decoder(packet.stream, True, threads))
                decoders.append(watched)
                gaze.begin(watched.decoder, watched.decode)
            gaze.take(packet)
            if packet.seq >= last and samples.undecided_ns() is None:
                break
        gaze.end()
        return any(watched.damaged for watched in decoders)

    def _last_own(self) -> int:
        """The last row of a period that is the unit's."""
        unit, length_ns = self._unit, period_ns(self._unit.detection_fps)
        times = unit.rows["pts_ns"].tolist()
        return unit.first_row + max(n for n, ns in enumerate(times) if unit.until is None or period_of(ns, length_ns) <= unit.until)

    def _chosen(self, packets: Iterator[Packet], wanted: set[int]) -> None:
        """With a gate: exactly what it let through; groups without any of it are not decoded."""
        groups = self._groups(wanted)
        decode = _Groupwise()
        for packet in packets:
            for frame in decode(packet, packet.seq in groups):
                self._take(frame, wanted)
            if not wanted:
                break
        for frame in decode.flush():
            self._take(frame, wanted)
        if wanted:
            log.warning("pictures could not be decoded again", extra={"file": self._unit.file, "first": min(wanted), "count": len(wanted)})
            self._tally.count(self._unit.camera, "missing", by=len(wanted))

    def _take(self, frame: Frame, wanted: set[int]) -> None:
        if frame.seq in wanted:
            wanted.discard(frame.seq)
            self._analyse(frame)

    def _groups(self, wanted: set[int]) -> set[int]:
        """Rows of the groups that have to be decoded: those of what is wanted, and before a leading picture's the one before."""
        unit = self._unit
        keys = [unit.first_row + int(n) for n in np.flatnonzero(unit.rows["key"])]
        bounds = [*keys, unit.first_row + len(unit.rows)]
        rows: set[int] = set()
        for n, key in enumerate(keys):
            mine = [row for row in wanted if key <= row < bounds[n + 1]]
            key_ns = int(unit.rows[key - unit.first_row]["pts_ns"])
            if mine:
                leading = any(int(unit.rows[row - unit.first_row]["pts_ns"]) < key_ns for row in mine)
                rows |= set(range(bounds[max(0, n - 1)] if leading else key, bounds[n + 1]))
        return rows

    def _analyse(self, frame: Frame) -> None:
        """One frame through the stages; None ends its journey, as everywhere."""
        scene = self._passage(Scene(frame, Detections.none()))
        self._tally.count(self._unit.camera, "analysed")
        if scene is not None:
            self._sheet.add(scene)


class _Watched:
    """A decoder, and what was broken before its first picture: leading ones of an open group, which nobody misses."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self._before: int | None = None

    def decode(self, packet: Packet) -> list[Frame]:
        frames = self.decoder.decode(packet)
        if frames and self._before is None:
            self._before = self.decoder.broken
        return frames

    @property
    def damaged(self) -> bool:
        return self.decoder.broken > (self._before or 0)


class _Groupwise:
    """A decoder that leaves groups out: what it holds back comes first, and it goes on at a key frame."""

    def __init__(self) -> None:
        self._stream: StreamInfo | None = None
        self._decoder: Decoder | None = None
        self._on = False

    def __call__(self, packet: Packet, wanted: bool) -> list[Frame]:
        frames: list[Frame] = []
        if packet.stream != self._stream or (self._on and not wanted):
            frames = self.flush()
        if packet.stream != self._stream:
            self._stream, self._decoder = packet.stream, Decoder(packet.stream)
        self._on = wanted
        return frames + self._decoder.decode(packet) if wanted and self._decoder else frames

    def flush(self) -> list[Frame]:
        return self._decoder.flush() if self._decoder else []
