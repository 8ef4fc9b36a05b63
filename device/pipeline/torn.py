"""Torn: what can be read of a video that a crash or a power cut left, up to where it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Stream

ZEROS = bytes(8)


def readable(video: InputContainer, *streams: Stream) -> Iterator[av.Packet[Any]]:
    """Packets up to where the file was cut: what does not parse is the end, what the disk does not give is an error."""
    held: av.Packet[Any] | None = None
    try:
        for packet in video.demux(*streams):
            if packet.is_corrupt:  # half a picture at the torn end
                break
            if packet.dts is None or not packet.size:
                continue
            if _never_written(packet):
                held = None if held and bytes(held).endswith(ZEROS) else held  # it was torn where the zeros begin
                break
            if held:
                yield held
            held = packet
    except FFmpegError as error:
        if isinstance(error, OSError):
            raise
    if held:
        yield held


def _never_written(packet: av.Packet[Any]) -> bool:
    """The file is as long as it should be, and this page of it did not reach the disk: no coded picture begins with zeros."""
    context = getattr(packet.stream, "codec_context", None)
    return context is not None and context.name in {"h264", "hevc", "mjpeg"} and bytes(packet)[:4] == ZEROS[:4]
