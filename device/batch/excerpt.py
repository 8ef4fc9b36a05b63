"""Excerpt: a part of a recording, packet for packet what a reading from its beginning gives; proven, not hoped."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from av.container import InputContainer
from av.video.stream import VideoStream

from contracts.errors import HardwareError
from device.batch.units import Unit
from device.capture.demux import RAW, Demux
from device.capture.file import FileSource, zeroed
from device.capture.units import Unit as Picture
from device.clock import Clock
from device.pipeline.packets import Packet, StreamInfo

Pictures: TypeAlias = Iterator[tuple[StreamInfo, Picture]]
log = logging.getLogger(__name__)
BACK_NS = (0, 10_000_000_000)  # where to seek to: there, then this much before; then the file is read from its beginning
SECOND = 1_000_000_000


class Astray(Exception):
    """What was read is not what the index says."""


class Excerpt:
    """Every packet is compared with its row of the index: time, size, checksum, key frame or not."""

    def __init__(self, unit: Unit, clock: Clock) -> None:
        self._unit, self._clock = unit, clock
        self._rows = unit.rows
        self._last = unit.first_row + len(unit.rows)
        self.sought = 0  # readings that found their place by seeking
        self.reread = 0  # and from the beginning of the file

    def packets(self, row: int) -> Iterator[Packet]:
        """From that row, a key frame's, to the unit's last. HardwareError when the file is not what it was."""
        at = row
        for back_ns in (*BACK_NS, None) if row else (None,):
            try:
                for packet in self._from(at, back_ns):
                    yield packet
                    at = packet.seq + 1
                if at == self._last:
                    return
            except Astray:
                pass
            if at > row:
                break  # it led astray in the middle: only the beginning is sure
        for packet in self._from(at, None) if at < self._last else ():
            yield packet
            at = packet.seq + 1
        if at < self._last:
            raise self._changed()

    def _changed(self) -> HardwareError:
        return HardwareError(f"{self._unit.file} is not what it was when it was indexed; let nobody write to it, and run again")

    def _from(self, at: int, back_ns: int | None) -> Iterator[Packet]:
        source = recording(self._unit.camera, Path(self._unit.file), self._clock)
        try:
            with source.open() as container:
                pictures = source.readable(demux := Demux(self._unit.camera, container, hides=self._unit.hides))
                if back_ns is None:
                    self.reread += 1
                    yield from self._counted(pictures, at)
                else:
                    yield from self._sought(pictures, demux.stream, container, at, back_ns)
        except Astray:
            log.debug("a seek led astray", extra={"file": self._unit.file, "row": at, "back_ns": back_ns})
            if back_ns is None:
                raise self._changed() from None
            raise

    def _counted(self, pictures: Pictures, at: int) -> Iterator[Packet]:
        for row, (stream, picture) in enumerate(zeroed(pictures, 0)):
            if row >= self._last:
                return
            if row >= at:
                yield self._packet(row, stream, picture, picture.pts_ns or 0)

    def _sought(self, pictures: Pictures, of: VideoStream, container: InputContainer, at: int, back_ns: int) -> Iterator[Packet]:
        target_ns = int(self._rows[at - self._unit.first_row]["pts_ns"])
        container.seek(_ticks(target_ns - self._unit.shift_ns - back_ns, of), stream=of)
        row = at
        for stream, picture in pictures:
            own_ns = picture.pts_ns if picture.pts_ns is not None else picture.dts_ns or 0
            pts_ns = own_ns + self._unit.shift_ns
            if row == at and not (picture.key and pts_ns == target_ns):
                if picture.key and pts_ns > target_ns:
                    raise Astray
                continue
            if row >= self._last:
                return
            yield self._packet(row, stream, picture, pts_ns)
            self.sought += row == at
            row += 1

    def _packet(self, row: int, stream: StreamInfo, picture: Picture, pts_ns: int) -> Packet:
        known = self._rows[row - self._unit.first_row]
        mine = (pts_ns, len(picture.data), zlib.crc32(picture.data), picture.key)
        if mine != (known["pts_ns"], known["size"], known["crc"], known["key"]):
            raise Astray
        wall_ns = self._unit.start_wall_ns + pts_ns
        return Packet(stream, row, pts_ns, int(known["dts_ns"]), picture.duration_ns, picture.key, picture.data, pts_ns, wall_ns)


def _ticks(ns: int, stream: VideoStream) -> int:
    base = stream.time_base
    if base is None:
        raise Astray
    return -(-ns * base.denominator // (base.numerator * SECOND))


def recording(camera: str, path: Path, clock: Clock) -> FileSource:
    """With holes of its own: what one reading says of them is nothing to another."""
    return FileSource(camera, FileSource.Options(path=path), clock)


def beginning(source: FileSource) -> tuple[int, bool]:
    """The file's own time of its first picture, and whether its pictures are raw: then our own encoder makes its packets."""
    with source.open() as container:
        demux = Demux(source.camera, container)
        raw = demux.stream.codec_context.name in RAW
        for _, picture in source.readable(demux):
            return picture.pts_ns if picture.pts_ns is not None else picture.dts_ns or 0, raw
    return 0, raw


def stamp_of(path: Path) -> tuple[int, ...]:
    """Another one when somebody has written to the file. HardwareError when it is gone."""
    try:
        known = path.stat()
    except OSError as error:
        raise HardwareError(f"{path} cannot be read any more ({error.strerror}); see the disk it is on, and run again") from error
    return known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns
