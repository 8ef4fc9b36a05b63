"""Recordings: MKV, MP4, AVI and whatever else FFmpeg opens, read whole, or played at their own speed as if live."""

from __future__ import annotations

import hashlib
import logging
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from pydantic import Field, model_validator

from contracts.errors import ConfigError, HardwareError
from device.capture.beginning import StartSource, start_of
from device.capture.demux import Demux
from device.capture.holes import Holes
from device.capture.pace import Pace
from device.capture.reorder import in_presentation_order
from device.capture.timeline import FileTimeline
from device.capture.units import Unit
from device.clock import Clock
from device.pipeline.contexts import ANY_TEXT, PROBE
from device.pipeline.packets import Outlines, Packet, StreamInfo
from device.pipeline.strict import Strict

log = logging.getLogger(__name__)
MOST_REORDERED = 16  # pictures; no codec has more
FURTHEST_NS = 1 << 61
TRIES = 8  # reads in a row that may fail before the rest of a file counts as unreadable


class FileSource:
    """`start_source` says where the start time is from and `holes` what could not be read, both once it has been opened."""

    class Options(Strict):
        """Which recording, and how it is played."""

        path: Path = Field(description="the recording")
        start: datetime | None = Field(None, description="when it began (UTC unless it says otherwise); default: what the file says")
        pace: Literal["free", "realtime"] = Field("free", description="realtime: as if live; what is not looked at in time is lost")
        loop: bool = Field(False, description="begin again at the end; only with pace: realtime")

        @model_validator(mode="after")
        def _endless_only_live(self) -> FileSource.Options:
            if self.loop and self.pace != "realtime":
                raise ValueError("loop needs pace: realtime, for a file read freely would never end")
            return self

    def __init__(self, camera: str, options: Options, clock: Clock) -> None:
        self.camera, self._options, self._clock = camera, options, clock
        self.live = options.pace == "realtime"
        self.start_source: StartSource | None = None
        self.holes = Holes(camera, str(options.path))
        self.lost: Counter[str] = Counter()
        self._session = uuid.uuid4().hex
        self._stopped = threading.Event()
        self._seq = 0
        self._hears = False
        self.hides: Outlines = ()

    def hear(self) -> None:
        """From the next opening on its sound is read too."""
        self._hears = True

    def hide(self, outlines: Outlines) -> None:
        """From the next opening on."""
        self.hides = outlines

    @cached_property
    def identity(self) -> str:
        """The same file gives the same event ids; played as if live, each time is another."""
        if self.live:
            return f"{self.camera}-{self._session}"
        digest = hashlib.sha256()
        try:
            with self._options.path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise self._missing(error) from error
        return digest.hexdigest()

    @property
    def path(self) -> Path:
        return self._options.path

    def facts(self) -> tuple[float | None, StartSource]:
        """Seconds it says it lasts (None: it does not say) and where its start time is from, before it is played."""
        with self.open() as container:
            return container.duration and container.duration / 1e6, start_of(self.path, container, self._options.start)[1]

    def began(self) -> tuple[int, StartSource]:
        """When it began (wall time of its first picture) and where that is from."""
        with self.open() as container:
            return start_of(self.path, container, self._options.start)

    def packets(self) -> Iterator[Packet]:
        self._stopped.clear()
        pace = Pace(self._clock, self._stopped) if self.live else None
        epoch = from_ns = 0
        while True:
            before = self._seq
            for packet in self._once(epoch, from_ns, pace):
                yield packet
                epoch, from_ns = packet.stream.epoch + 1, max(from_ns, packet.pts_ns + max(1, packet.duration_ns))
            if not self._options.loop or self._stopped.is_set():
                return
            if self._seq == before:
                raise HardwareError(f"camera {self.camera}: {self._options.path} holds no pictures to play again")

    def close(self) -> None:
        self._stopped.set()

    def _once(self, epoch: int, from_ns: int, pace: Pace | None) -> Iterator[Packet]:
        """The file from its beginning; media time begins at `from_ns`."""
        with self.open() as container:
            start_ns, self.start_source = start_of(self._options.path, container, self._options.start)
            log.info("file opened", extra={"camera": self.camera, "file": str(self._options.path), "start_source": self.start_source})
            demux = Demux(self.camera, container, epoch, self._hears, self.lost, self.hides)
            timeline = FileTimeline(start_ns, self._clock.mono_ns())
            for stream, unit in zeroed(self.readable(demux), from_ns):
                if self._stopped.is_set():
                    return
                pts_ns, dts_ns = unit.pts_ns or 0, unit.dts_ns or 0
                moment = pace.place(pts_ns, dts_ns) if pace else timeline.place(pts_ns, dts_ns)
                yield unit.packet(stream, self._seq, moment)
                self._seq += 1

    def readable(self, demux: Demux) -> Iterator[tuple[StreamInfo, Unit]]:
        """Everything that can be read; what cannot is written down with its place."""
        end_ns = failed = 0
        damaged = demux.lost["damaged"]
        while failed < TRIES:
            try:
                for stream, unit in in_presentation_order(demux):
                    failed = 0
                    if not _possible(unit):
                        self.holes.add(end_ns, end_ns, "a time that cannot be")
                        continue
                    at_ns = unit.dts_ns if unit.dts_ns is not None else unit.pts_ns or end_ns
                    if demux.lost["damaged"] > damaged:
                        damaged = demux.lost["damaged"]
                        self.holes.add(end_ns, at_ns, "damaged packets")
                    self.holes.step(at_ns)
                    end_ns = max(end_ns, (unit.pts_ns or at_ns) + unit.duration_ns)
                    yield stream, unit
                break
            except (av.error.FFmpegError, OSError) as error:
                failed += 1
                self.holes.add(end_ns, end_ns, f"cannot be read ({type(error).__name__})")
        self.holes.end(_declared_ns(demux, self._container_ns), end_ns)

    def open(self) -> InputContainer:
        """The file for whoever reads it another way."""
        path = self._options.path
        try:
            # `file:`, for a name like tcp:10.0.0.1 is one of a file too; and a playlist may name nothing but files
            container: InputContainer = av.open(f"file:{path}", "r", options={"protocol_whitelist": "file", **PROBE}, **ANY_TEXT)
        except OSError as error:
            raise self._missing(error) from error
        except (av.error.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise HardwareError(
                f"camera {self.camera}: {path} is not a video that can be read ({reason}); an MP4 that was cut off while it was "
                "written has no index: repair it, or record to MKV"
            ) from error
        self._container_ns = container.duration * 1000 if container.duration and len(container.streams) == 1 else None
        return container

    def _missing(self, error: OSError) -> ConfigError | HardwareError:
        path, key = self._options.path, f"cameras.{self.camera}.path"
        if isinstance(error, FileNotFoundError):
            return ConfigError(f"camera {self.camera}: {path} does not exist; correct {key}")
        if isinstance(error, PermissionError):
            return ConfigError(f"camera {self.camera}: {path} may not be read by this user; change its rights or {key}")
        return HardwareError(f"camera {self.camera}: {path} cannot be read ({error.strerror}); see the disk it is on")


def _possible(unit: Unit) -> bool:
    """Nanoseconds in 64 bits are 292 years; what is further off than a quarter of that is damage."""
    return all(abs(ns) < FURTHEST_NS for ns in (unit.pts_ns or 0, unit.dts_ns or 0, unit.duration_ns))


def zeroed(units: Iterator[tuple[StreamInfo, Unit]], from_ns: int) -> Iterator[tuple[StreamInfo, Unit]]:
    """Times counted from the first picture, which gets `from_ns`; decoding times go on as well, pictures before it are left out."""
    shift: int | None = None
    next_ns = 0  # for pictures without any time
    for stream, unit in with_decoding_times(units):
        pts = unit.pts_ns if unit.pts_ns is not None else unit.dts_ns if unit.dts_ns is not None else next_ns
        dts = min(pts, unit.dts_ns if unit.dts_ns is not None else pts)
        next_ns = pts + unit.duration_ns
        if shift is None:
            shift = from_ns - (dts if from_ns else pts)
            first = pts
        if pts >= first:
            yield stream, replace(unit, pts_ns=pts + shift, dts_ns=dts + shift, sounds=unit.shifted(shift))


def with_decoding_times(units: Iterator[tuple[StreamInfo, Unit]]) -> Iterator[tuple[StreamInfo, Unit]]:
    """Matroska stores no decoding times, and FFmpeg cannot tell those of the first pictures: they lie before the first known."""
    waiting: list[tuple[StreamInfo, Unit]] = []
    known = False
    for stream, unit in units:
        if not known and unit.dts_ns is None and len(waiting) < MOST_REORDERED:
            waiting.append((stream, unit))
            continue
        if not known:
            yield from _before(waiting, unit.dts_ns)
            known = True
        yield stream, unit
    if not known:
        yield from _before(waiting, None)


def _before(waiting: list[tuple[StreamInfo, Unit]], dts_ns: int | None) -> Iterator[tuple[StreamInfo, Unit]]:
    """Decoding times a millisecond apart, that end before the one that is known."""
    for n, (stream, unit) in enumerate(waiting):
        yield stream, unit if dts_ns is None else replace(unit, dts_ns=dts_ns - (len(waiting) - n) * 1_000_000)


def _declared_ns(demux: Demux, container_ns: int | None) -> int | None:
    stream = demux.stream
    if stream.duration and stream.time_base:
        return int(stream.duration * stream.time_base * 1_000_000_000)
    return container_ns
