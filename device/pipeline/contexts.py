"""FFmpeg's codec contexts, typed: PyAV's `create` promises less than it gives when the name is not a literal."""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import av
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext

from device.pipeline.ffmpeg import bound_allocations

bound_allocations()  # here, because whoever opens anything with FFmpeg comes by here
AvPacket: TypeAlias = "av.Packet[Stream]"
MAX_PIXELS = 36 << 20  # of a video's picture: 8K. Some hundred bytes can claim more, and a decoder holds up to 17 pictures
MAX_STILL_PIXELS = 64 << 20
STILLS = {"mjpeg", "png", "bmp", "webp"}
# for av.open: a title that is not UTF-8 (a camera's name in Latin-1, a damaged file) would be an exception from everywhere
ANY_TEXT: dict[str, Any] = {"metadata_errors": "replace"}
# for av.open: FFmpeg decodes a little of each stream to know what it is
PROBE, STILL_PROBE = {"max_pixels": str(MAX_PIXELS)}, {"max_pixels": str(MAX_STILL_PIXELS)}


def decoder_context(codec: str, extradata: bytes = b"") -> VideoCodecContext:
    """Not opened yet; bounded."""
    context = cast(VideoCodecContext, av.CodecContext.create(codec, "r"))
    if extradata:
        context.extradata = extradata
    bound(context)
    return context


def bound(context: VideoCodecContext) -> None:
    """Larger pictures are errors, before any memory is taken for them; for a context that is not opened yet."""
    context.options = {"max_pixels": str(MAX_STILL_PIXELS if context.name in STILLS else MAX_PIXELS)}


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
