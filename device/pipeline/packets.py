"""Encoded video as it comes from a source: Packet and the stream it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from device.pipeline.sound import Sound, SoundInfo

Outline = tuple[tuple[float, float], ...]  # corners, 0..1 of the picture as it is shown
Outlines = tuple[Outline, ...]


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a decoder or a container needs to know of a stream; a reconnect makes a new one with the next `epoch`.

    `codec` is FFmpeg's name (h264, hevc, mjpeg, png, ...); `extradata` its out-of-band headers.
    `rate` is the nominal frame rate, for containers only: times come from packets. `rotation`: degrees clockwise until the
    picture is upright, which frames already are. `sound`: what may ride on its packets. `hides`: what the owner hides and is
    still in these packets: a decoder gives it black, and nobody shows or sends the packets themselves.
    """

    camera: str
    codec: str
    width: int
    height: int
    extradata: bytes = b""
    pix_fmt: str = "yuv420p"
    rate: Fraction | None = None
    epoch: int = 0
    rotation: int = 0
    sound: SoundInfo | None = None
    hides: Outlines = ()


@dataclass(frozen=True, slots=True)
class Packet:
    """One encoded picture. `pts_ns` is media time that never steps back over reconnects; mono and wall are capture times."""

    stream: StreamInfo
    seq: int
    pts_ns: int
    dts_ns: int
    duration_ns: int
    key: bool
    data: bytes
    mono_ns: int
    wall_ns: int
    sounds: tuple[Sound, ...] = ()  # what came since the picture before; where it belongs, its own times say

    def size(self) -> int:
        """Bytes of memory, all but exactly."""
        return len(self.data) + sum(len(sound.data) for sound in self.sounds) if self.sounds else len(self.data)

    @property
    def camera(self) -> str:
        return self.stream.camera
