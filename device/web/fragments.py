"""Fragments of MP4 as a browser's Media Source wants them: the head apart, each picture with whether it is a key frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from device.pipeline.codec_string import codec_string
from device.pipeline.mux import Fragments
from device.pipeline.packets import Packet


@dataclass(frozen=True, slots=True)
class Piece:
    """One picture; with a `header` and its `words` before it when the stream is new or has changed."""

    data: bytes
    key: bool
    header: bytes = b""
    words: dict[str, Any] = field(default_factory=dict)


def playable(packet: Packet) -> bool:
    """Whether a browser may have it as it is."""
    return packet.stream.codec == "h264" and not packet.stream.hides


def head_size(data: bytes) -> int:
    """Where the first fragment begins: everything before the first `moof` box (ISO/IEC 14496-12) sets the decoder up."""
    at = 0
    while at + 8 <= len(data) and data[at + 4 : at + 8] != b"moof":
        at += max(8, int.from_bytes(data[at : at + 4], "big"))
    return min(at, len(data))


class FragmentStream:
    """Packets of one camera, over changes of its stream. Used by one thread."""

    def __init__(self, origin_ns: int) -> None:
        self._origin_ns = origin_ns
        self._fragments: Fragments | None = None
        self._first: Packet | None = None  # of the stream that is running
        self._last: Packet | None = None  # what comes out next: a fragment is known when the next packet comes
        self._head = b""  # comes out with the first picture, or before it
        self._head_due = False

    def push(self, packet: Packet) -> Piece | None:
        if self._first is None or packet.stream != self._first.stream:
            if not packet.key or not playable(packet):
                return None
            self._begin(packet)
        if self._fragments is None:
            return None
        data = self._fragments.push(packet)
        done, self._last = self._last, packet
        if done is None:
            self._head = data
        if not data or done is None:
            return None
        data, self._head = self._head + data, b""
        cut = head_size(data) if self._head_due else 0
        words = self._words() if self._head_due else {}
        self._head_due = False
        return Piece(data[cut:], done.key, data[:cut], words)

    def _begin(self, first: Packet) -> None:
        if self._fragments is not None:
            self._fragments.close()
        self._fragments, self._first, self._last, self._head_due = Fragments(first), first, None, True

    def _words(self) -> dict[str, Any]:
        """`offset`: seconds from the feed's origin to this file's zero, which is its first picture's decoding time."""
        first = self._first
        if first is None:
            return {}
        info, offset_s = first.stream, (first.dts_ns - self._origin_ns) / 1e9
        return {"type": "video", "codec": codec_string(first), "width": info.width, "height": info.height, "offset": offset_s}
