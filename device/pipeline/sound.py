"""Sound beside the pictures: packets of it ride on the picture they came before, so that nothing but the recorder ever waits for them."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError

MP4_HOLDS = {"aac", "mp3", "mp3float", "opus", "ac3", "flac"}  # what players expect there; Matroska holds nearly everything
LARGEST_BYTES = 1 << 18  # of one packet; a second of eight channels of PCM is less
FORM = "nut"  # the container that can describe most codecs and nothing else
# G.711: each byte stands for one sample of 16 bits. PyAV puts it into no container of ours, so it is unpacked, which loses nothing.
G711 = {"pcm_alaw": "A", "pcm_mulaw": "u"}
UNPACKED = "pcm_s16le"


@dataclass(frozen=True, slots=True)
class SoundInfo:
    """What a container needs to know. `head`: a file that describes it and holds nothing; empty: no container of ours takes this codec."""

    codec: str
    sample_rate: int
    channels: int
    head: bytes = b""

    @property
    def kept_as(self) -> str:
        return UNPACKED if self.codec in G711 else self.codec.removesuffix("float")

    def data(self, packet: bytes) -> bytes:
        """As it is kept."""
        law = G711.get(self.codec)
        return _samples(law)[np.frombuffer(packet, np.uint8)].tobytes() if law else packet

    def template(self) -> InputContainer:
        """Its stream, to make others of; to be closed when they are no more."""
        return av.open(io.BytesIO(self.head), "r", format=FORM)


@dataclass(frozen=True, slots=True)
class Sound:
    """One encoded packet; media time as of the pictures."""

    pts_ns: int
    duration_ns: int
    data: bytes


def described(stream: AudioStream) -> SoundInfo:
    """The stream as it is kept with the pictures."""
    context = stream.codec_context
    info = SoundInfo(context.name, context.sample_rate, context.channels)
    file = io.BytesIO()
    with suppress(FFmpegError, ValueError):  # a codec that cannot be described: the clip's manifest names it
        with av.open(file, "w", format=FORM) as out:
            _write_head(out, stream, info)
        whole = SoundInfo(info.codec, info.sample_rate, info.channels, file.getvalue())
        if _holds(whole):
            return whole
    return info


def _holds(info: SoundInfo) -> bool:
    """Whether what was described is what was meant, and one of our containers takes it."""
    with info.template() as template, av.open(io.BytesIO(), "w", format="mp4" if info.codec in MP4_HOLDS else "matroska") as out:
        stream = template.streams.audio[0]
        cast(Any, out).add_stream_from_template(stream, opaque=True)
        return bool(stream.codec_context.name.removesuffix("float") == info.kept_as)


def _write_head(out: OutputContainer, stream: AudioStream, info: SoundInfo) -> None:
    copy: Any
    if info.codec in G711:
        copy = out.add_stream(UNPACKED, rate=info.sample_rate)
        copy.layout = stream.layout
    else:
        copy = cast(Any, out).add_stream_from_template(stream, opaque=True)
    packet: av.Packet[Any] = av.Packet(bytes(64))  # without one it could not be opened again
    packet.stream, packet.pts, packet.dts = copy, 0, 0
    out.mux_one(packet)


@lru_cache(maxsize=2)
def _samples(law: str) -> np.ndarray[Any, np.dtype[np.int16]]:
    """ITU-T G.711: the sample each byte stands for."""
    code = np.arange(256) ^ (0x55 if law == "A" else 0xFF)
    exponent, mantissa = (code >> 4) & 7, code & 15
    if law == "A":
        size = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
        return np.where(code & 0x80, size, -size).astype("<i2")
    size = (((mantissa << 3) + 0x84) << exponent) - 0x84
    return np.where(code & 0x80, -size, size).astype("<i2")
