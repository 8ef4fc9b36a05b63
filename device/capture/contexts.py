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
    """A packet with pts, dts, time_base, is_keyframe as given."""
    packet: AvPacket = av.Packet(data)
    for name, value in fields.items():
        setattr(packet, name, value)
    return packet
