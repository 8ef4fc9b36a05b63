"""FFmpeg's codec contexts, typed: PyAV's `create` promises less than it gives when the name is not a literal."""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import av
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext

AvPacket: TypeAlias = "av.Packet[Stream]"


def decoder_context(codec: str, extradata: bytes = b"") -> VideoCodecContext:
    """Not opened yet."""
    context = cast(VideoCodecContext, av.CodecContext.create(codec, "r"))
    if extradata:
        context.extradata = extradata
    return context


def encoder_context(codec: str) -> VideoCodecContext:
    """Not opened yet."""
    return cast(VideoCodecContext, av.CodecContext.create(codec, "w"))


def av_packet(data: bytes, **fields: Any) -> AvPacket:
    """A packet with pts, dts, time_base, is_keyframe as given.

    The data is copied: decoders read some bytes past its end, which FFmpeg's own memory has as zeros. PyAV's `Packet(bytes)`
    lends Python's memory instead, where anything may follow, and the same packets then decode differently now and then.
    """
    packet: AvPacket = av.Packet(len(data))
    packet.update(data)
    for name, value in fields.items():
        setattr(packet, name, value)
    return packet
