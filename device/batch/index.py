"""Index: one pass over a recording that decodes nothing unless there is a gate; it divides the pictures among units as it goes."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from device.batch.units import ROW, Unit
from device.capture.decoder import Decoder
from device.capture.file import FileSource
from device.capture.gaze import Gaze
from device.capture.holes import Hole
from device.capture.sampling import Samples, period_ns, period_of
from device.pipeline.packets import Packet, StreamInfo
from device.pipeline.protocols import Gate
from device.pipeline.tally import Tally
from vision.types import Frame

LEAD_KEYS = 2  # key frames before a unit's own from which decoding may have to begin
MOST_ROWS = 100_000  # of one unit, where times step back
FATES = ("offered", "gated", "dropped")


@dataclass(slots=True)
class Segment:
    """A unit but for its rows and its file."""

    number: int
    first_row: int
    begin: int
    begin_ns: int
    end: int = -1  # row of the next one's key frame; -1: not known yet
    end_ns: int = 0  # and its time
    last: int = -1  # the row behind the last that belongs to it in any way
    furthest_ns: int = -1  # the latest picture before its end, in order of decoding
    after: int | None = None
    until: int | None = None
    passed: list[int] | None = None


@dataclass(slots=True)
class Facts:
    """What the pass has found out about the recording, once it is through."""

    rows: int = 0
    end_ns: int = 0  # where the last picture ends
    last_ns: int = 0  # time of the packet read last
    start_wall_ns: int = 0
    start_source: str = ""
    shift_ns: int = 0
    segments: list[Segment] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)  # of the gate's looks


class Index:
    """`segments` gives each segment with its rows as soon as all that decides it is known; memory does not grow with the recording."""

    def __init__(
        self, source: FileSource, detection_fps: float, segment_s: float, gate: Gate | None, *, first_ns: int = 0, whole: bool = False
    ) -> None:
        """`first_ns`: the file's own time of its first picture; `whole`: it cannot be divided, as what our own encoder makes cannot."""
        self._source, self._whole = source, whole
        self._segment_ns, self._period_ns = int(segment_s * 1e9), period_ns(detection_fps)
        self._tally = Tally()
        self._samples = Samples(source.camera, detection_fps, self._tally)
        self._gaze = Gaze(gate, self._samples, self._let_through) if gate else None
        self._stream: StreamInfo | None = None
        self._window: deque[tuple[int, int, int, int, bool]] = deque()  # rows still needed
        self._window_first = 0
        self._keys: deque[int] = deque(maxlen=LEAD_KEYS + 1)
        self._drafts: deque[Segment] = deque()
        self._passed: list[tuple[int, int]] = []  # number and time of what the gate let through, not given to a segment yet
        self._furthest_ns = -1
        self._until: int | None = None  # of the last segment given out
        self.facts = Facts(shift_ns=-first_ns)

    def segments(self) -> Iterator[tuple[Segment, NDArray[np.void]]]:
        for packet in self._source.packets():
            self._note(packet)
            self._watch(packet)
            yield from self._ripe()
        if self._gaze:
            self._gaze.end()
        self._close()
        yield from self._ripe()
        self._finish()

    def _note(self, packet: Packet) -> None:
        facts, row = self.facts, packet.seq
        if row == 0 and not facts.start_source:
            facts.start_wall_ns, facts.start_source = packet.wall_ns - packet.pts_ns, str(self._source.start_source)
        if packet.key:
            self._keys.append(row)
            self._divide(packet)
        self._window.append((packet.pts_ns, packet.dts_ns, len(packet.data), zlib.crc32(packet.data), packet.key))
        facts.rows, facts.last_ns = row + 1, packet.pts_ns
        facts.end_ns = max(facts.end_ns, packet.pts_ns + packet.duration_ns)
        self._furthest_ns = max(self._furthest_ns, packet.pts_ns)
        for draft in self._drafts:
            if draft.end >= 0 and draft.last < 0:
                self._extend(draft, packet)

    def _divide(self, key: Packet) -> None:
        """A segment ends at the first key frame that is far enough from its own."""
        current = self._drafts[-1] if self._drafts else None
        if current is not None:
            long = key.pts_ns - current.begin_ns >= self._segment_ns or key.seq - current.begin >= MOST_ROWS
            if not long or self._whole:
                return
            current.end, current.end_ns, current.furthest_ns = key.seq, key.pts_ns, self._furthest_ns
        number = len(self.facts.segments) + len(self._drafts)
        self._drafts.append(Segment(number, self._keys[0], key.seq, key.pts_ns))

    def _extend(self, draft: Segment, packet: Packet) -> None:
        """Behind its end: leading pictures of the next group are its own; a period longer than that, no decoding time says."""
        if packet.pts_ns < draft.end_ns:
            draft.furthest_ns = max(draft.furthest_ns, packet.pts_ns)
        if packet.dts_ns >= draft.end_ns + self._period_ns or packet.seq - draft.end >= MOST_ROWS:
            self._seal(draft, packet.seq + 1)

    def _seal(self, draft: Segment, last: int) -> None:
        draft.last = last
        draft.until = period_of(draft.furthest_ns, self._period_ns)

    def _watch(self, packet: Packet) -> None:
        """The gate, exactly as it looks when the file is replayed."""
        if self._gaze is None:
            return
        if packet.stream != self._stream:
            self._gaze.end()
            self._stream = packet.stream
            decoder = Decoder(packet.stream)
            self._gaze.begin(decoder, decoder.decode)
        self._gaze.take(packet)

    def _let_through(self, frame: Frame) -> None:
        self._passed.append((frame.seq, frame.pts_ns))

    def _close(self) -> None:
        """The file has ended."""
        for draft in self._drafts:
            if draft.end < 0:
                draft.end, draft.last = self.facts.rows, self.facts.rows  # `until` stays open
            elif draft.last < 0:
                self._seal(draft, self.facts.rows)

    def _ripe(self) -> Iterator[tuple[Segment, NDArray[np.void]]]:
        while self._drafts and self._drafts[0].last >= 0 and self._decided(self._drafts[0]):
            segment = self._drafts.popleft()
            segment.after, self._until = self._until, segment.until
            if self._gaze:
                segment.passed = self._taken(segment)
            rows = self._cut(segment)
            self.facts.segments.append(segment)
            yield segment, rows
            self._forget()

    def _decided(self, draft: Segment) -> bool:
        undecided_ns = self._samples.undecided_ns() if self._gaze else None
        return undecided_ns is None or (draft.until is not None and undecided_ns >= draft.end_ns)

    def _taken(self, segment: Segment) -> list[int]:
        whole = segment.until is None
        mine = [number for number, pts_ns in self._passed if whole or number < segment.end or pts_ns < segment.end_ns]
        taken = set(mine)
        self._passed = [each for each in self._passed if each[0] not in taken]
        return mine

    def _cut(self, segment: Segment) -> NDArray[np.void]:
        begin = segment.first_row - self._window_first
        return np.array([self._window[n] for n in range(begin, segment.last - self._window_first)], ROW)

    def _forget(self) -> None:
        """Rows that no segment to come needs."""
        needed = self._drafts[0].first_row if self._drafts else self.facts.rows
        while self._window and self._window_first < needed:
            self._window.popleft()
            self._window_first += 1

    def _finish(self) -> None:
        self.facts.holes = list(self._source.holes.found)
        if self._gaze:
            self.facts.counts = {name: self._tally.get(self._source.camera, name) for name in FATES}


def unit_of(segment: Segment, rows: NDArray[np.void], source: FileSource, digest: str, facts: Facts, detection_fps: float) -> Unit:
    return Unit(
        file=str(source.path.resolve()),
        number=segment.number,
        camera=source.camera,
        digest=digest,
        start_wall_ns=facts.start_wall_ns,
        shift_ns=facts.shift_ns,
        detection_fps=detection_fps,
        first_row=segment.first_row,
        begin=segment.begin,
        end=segment.end,
        rows=rows,
        after=segment.after,
        until=segment.until,
        passed=None if segment.passed is None else tuple(segment.passed),
        hides=source.hides,
    )
