"""PacketRing: the last seconds of one camera's packets, whole groups of pictures, read by as many cursors as want to."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

from device.pipeline.channel import SLICE_S, Closed, nothing
from device.pipeline.packets import Packet
from device.pipeline.protocols import Tick


class PacketRing:
    """Bounded by media time and by bytes; gives up its oldest group of pictures first and never begins inside one.

    A `lossless` reader (a file's) holds the writer back when it is `lead_ns` behind; any other reader that falls out of the
    ring goes on at the oldest key frame, and what it missed is counted in its `skipped`.
    """

    def __init__(self, seconds: float, max_bytes: int = 256 << 20, lead_ns: int = 2_000_000_000) -> None:
        self._span_ns, self._max_bytes, self._lead_ns = int(seconds * 1e9), max_bytes, lead_ns
        self._packets: deque[Packet] = deque()
        self._first = 0  # running number of the oldest packet held
        self._keys: deque[int] = deque()  # running numbers of the key frames held
        self._bytes = 0
        self._readers: list[RingReader] = []
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._key_came = threading.Condition(lock)  # who waits here is not woken thirty times a second
        self._closed = False

    def append(self, packet: Packet, tick: Tick = nothing) -> None:
        with self._changed:
            while self._held_back(packet) and not self._closed:
                self._changed.wait(SLICE_S)
                tick()
            if self._closed:
                raise Closed
            if not self._packets and not packet.key:
                return  # nothing can be decoded before the first key frame
            if packet.key:
                self._keys.append(self._end())
            self._packets.append(packet)
            self._bytes += packet.size()
            self._evict()
            self._changed.notify_all()
            if packet.key:
                self._key_came.notify_all()

    def _held_back(self, packet: Packet) -> bool:
        """A lossless reader is too far behind in time, or what it has not read is all the room there is."""
        lead_ns = min(self._lead_ns, self._span_ns)
        full = self._bytes + packet.size() > self._max_bytes
        waiting = (self._at(reader.position) for reader in self._readers if reader.lossless)
        return any(oldest is not None and (full or packet.pts_ns - oldest.pts_ns > lead_ns) for oldest in waiting)

    def _at(self, position: int) -> Packet | None:
        index = position - self._first
        return self._packets[index] if 0 <= index < len(self._packets) else None

    def _evict(self) -> None:
        newest_ns = self._packets[-1].pts_ns
        while len(self._keys) > 1:
            second = self._keys[1] - self._first
            if newest_ns - self._packets[second].pts_ns < self._span_ns and self._bytes <= self._max_bytes:
                return
            self._drop(second)
        if self._bytes > self._max_bytes:
            self._drop(len(self._packets))  # a group larger than the whole ring: start anew at the next key frame

    def _drop(self, count: int) -> None:
        for _ in range(count):
            self._bytes -= self._packets.popleft().size()
        self._first += count
        while self._keys and self._keys[0] < self._first:
            self._keys.popleft()

    def reader(self, lossless: bool = False, from_pts_ns: int | None = None) -> RingReader:
        """A cursor at the key frame at or before `from_pts_ns` (oldest held, if later), or at what comes next."""
        with self._changed:
            position = self._first + (len(self._packets) if from_pts_ns is None else self._key_before(from_pts_ns))
            reader = RingReader(self, position, lossless)
            self._readers.append(reader)
            return reader

    def _key_before(self, pts_ns: int) -> int:
        """Index of the newest key frame that is not after a time; of the oldest, when all are."""
        places = [number - self._first for number in self._keys]
        return next((n for n in reversed(places) if self._packets[n].pts_ns <= pts_ns), 0)

    def newest(self) -> Packet | None:
        with self._changed:
            return self._packets[-1] if self._packets else None

    def oldest(self) -> Packet | None:
        """The key frame that the ring begins with."""
        with self._changed:
            return self._packets[0] if self._packets else None

    def last_key(self) -> Packet | None:
        """The newest key frame: what a snapshot or a page that has just been opened starts with."""
        with self._changed:
            return self._at(self._keys[-1]) if self._keys else None

    def size_bytes(self) -> int:
        return self._bytes

    def close(self) -> None:
        """Readers get what is held, then Closed."""
        with self._changed:
            self._closed = True
            self._wake()

    def _wake(self) -> None:
        self._changed.notify_all()
        self._key_came.notify_all()

    def _read(self, reader: RingReader, timeout_s: float, at_leisure: bool = False) -> Packet:
        with self._changed:
            came = self._key_came if at_leisure else self._changed
            came.wait_for(lambda: self._closed or reader.closed or reader.position < self._end(), timeout_s)
            if not (self._closed or reader.closed or reader.position < self._end()):
                raise TimeoutError
            if reader.closed:
                raise Closed
            if reader.position < self._first:
                reader.skipped += self._first - reader.position
                reader.position = self._first
            packet = self._at(reader.position)
            if packet is None:
                raise Closed
            reader.position += 1
            self._changed.notify_all()
            return packet

    def _take(self, reader: RingReader, most: int) -> list[Packet]:
        with self._changed:
            if reader.closed:
                raise Closed
            if reader.position < self._first:
                reader.skipped += self._first - reader.position
                reader.position = self._first
            index = reader.position - self._first
            packets = list(islice(self._packets, index, index + most))
            if not packets and self._closed:
                raise Closed
            reader.position += len(packets)
            if packets and reader.lossless:
                self._changed.notify_all()
            return packets

    def _end(self) -> int:
        return self._first + len(self._packets)

    def _forget(self, reader: RingReader) -> None:
        with self._changed:
            if reader in self._readers:
                self._readers.remove(reader)
            self._wake()


class RingReader:
    """One cursor; closing it lets the writer go on without it."""

    def __init__(self, ring: PacketRing, position: int, lossless: bool) -> None:
        self._ring, self.position, self.lossless = ring, position, lossless
        self.skipped = 0
        self.closed = False

    def get(self, timeout_s: float = SLICE_S, at_leisure: bool = False) -> Packet:
        """The next packet; TimeoutError when none came, Closed at the end. At leisure: when there is none, not before a key frame
        or `timeout_s` has come, whichever is first."""
        return self._ring._read(self, timeout_s, at_leisure)

    def take(self, most: int) -> list[Packet]:
        """What is there now, at most so many; Closed at the end. One lock for all of them: for who comes by now and then."""
        return self._ring._take(self, most)

    def each(self, tick: Tick = nothing, at_leisure: Callable[[], bool] = lambda: False) -> Iterator[Packet]:
        while True:
            tick()
            try:
                yield self.get(at_leisure=at_leisure())
            except TimeoutError:
                continue
            except Closed:
                return

    def behind(self) -> int:
        """Packets waiting to be read."""
        return max(0, self._ring._first + len(self._ring._packets) - self.position)

    def close(self) -> None:
        self.closed = True
        self._ring._forget(self)
