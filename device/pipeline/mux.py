"""Packets into a container by stream copy: MP4 that is fragmented until it is closed, or Matroska."""

from __future__ import annotations

import io
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal, Protocol, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.stream import Stream
from av.video.stream import VideoStream

from contracts.errors import HardwareError
from device.pipeline.contexts import ANY_TEXT, PROBE
from device.pipeline.packets import Packet, StreamInfo
from device.pipeline.sound import MP4_HOLDS, Sound, SoundInfo
from device.pipeline.torn import readable

Container = Literal["mp4", "mkv"]
US = Fraction(1, 1_000_000)  # MP4's timescale here: times are exact to the microsecond. Matroska's are rounded to 1 ms by FFmpeg
FRAGMENT_MS = 500  # what is not yet a whole fragment is lost by a kill
MOST_REORDER_US = 10_000_000  # from decoding to showing; no codec holds a picture back for so long, and MP4 cannot say more than 35 minutes
BUFFER_BYTES = 1 << 18
NO_WAITING = {"max_interleave_delta": "1"}  # FFmpeg would hold pictures back for ten seconds when the sound stalls
FORMATS = {"mp4": "mp4", "mkv": "matroska"}

# Fragments while it grows; closing turns it into an ordinary MP4 with one index, so that every player knows its length and can seek.
# The index is written behind everything else before the head is changed: a cut at any byte leaves one form or the other.
CLIP_FLAGS = "hybrid_fragmented+frag_keyframe"
LIVE_FLAGS = "empty_moov+default_base_moof+frag_every_frame+skip_trailer"


class File(Protocol):
    """Where the bytes go; `seek` and `tell` are used for clips only. What `write` raises comes out of the muxer."""

    def write(self, data: bytes, /) -> int: ...


def container_of(codec: str, sound: SoundInfo | None = None) -> Container:
    return "mp4" if codec in {"h264", "hevc"} and (sound is None or sound.codec in MP4_HOLDS) else "mkv"


class Muxer:
    """Writes the packets of one stream, from a key frame on, and the `sound` beside them. Zero in the file is the first packet's
    decoding time (`origin_ns`). With sound the first of it must come soon: an MP4 is begun when it has some of each.

    `live`: no seeking, a fragment a picture, each written when the next picture comes (MP4 only, for Media Source Extensions).
    """

    def __init__(
        self,
        file: File,
        first: Packet,
        comment: str = "",
        fragment_ms: int = FRAGMENT_MS,
        live: bool = False,
        sound: SoundInfo | None = None,
    ) -> None:
        info = first.stream
        self.origin_ns = first.dts_ns
        self._sound, self._last_sound_us = sound, -1
        self._last_us, self._begun = -1, False
        self._template = _template(info, first)  # kept: the output's stream refers to it
        try:
            self._out = _open(file, container_of(info.codec, sound), comment, fragment_ms, live)
            self._stream = self._add(info)
            self._voice = self._add_sound(sound) if sound else None
        except (FFmpegError, ValueError) as error:
            raise _refused(info, error) from error

    def _add(self, info: StreamInfo) -> Stream:
        if self._template is None:
            return self._out.add_mux_stream(info.codec, info.rate or 25, width=info.width, height=info.height, time_base=US)
        stream = self._out.add_stream_from_template(self._template.streams.video[0], opaque=True)
        stream.time_base = US
        if info.rotation:
            stream.set_display_rotation(-info.rotation)  # PyAV counts the other way round
        if info.codec == "hevc":
            stream.codec_context.codec_tag = "hvc1"  # parameter sets in the head only: what browsers want
        return stream

    def _add_sound(self, sound: SoundInfo) -> Stream:
        with sound.template() as template:
            stream: Stream = self._out.add_stream_from_template(template.streams.audio[0], opaque=True)
        stream.time_base = US
        return stream

    def hear(self, sound: Sound) -> bool:
        """False: it was left out, for its time does not lie behind that of the one before."""
        at_us = self._us(sound.pts_ns)
        if self._sound is None or self._voice is None or at_us <= self._last_sound_us:
            return False
        out = av.Packet(self._sound.data(sound.data))
        out.stream, out.time_base = self._voice, US
        out.pts = out.dts = self._last_sound_us = at_us
        out.duration, out.is_keyframe = sound.duration_ns // 1000, True
        self._out.mux_one(out)
        return True

    def write(self, packet: Packet) -> None:
        """Times that do not grow are moved on by a microsecond, as no container takes them."""
        out = av.Packet(packet.data)
        dts_us = max(self._us(packet.dts_ns), self._last_us + 1)
        self._last_us = dts_us
        out.stream, out.time_base = self._stream, US
        out.dts, out.pts = dts_us, min(max(self._us(packet.pts_ns), dts_us), dts_us + MOST_REORDER_US)
        out.duration = duration_ns(packet) // 1000
        out.is_keyframe = packet.key
        try:
            self._out.mux_one(out)
        except FFmpegError as error:
            raise _refused(packet.stream, error) from error
        self._begun = True

    def _us(self, ns: int) -> int:
        return (ns - self.origin_ns + 500) // 1000

    def close(self) -> None:
        """Finish the file; the caller closes it."""
        try:
            if self._begun or self._last_us < 0:
                self._out.close()  # FFmpeg crashes on an MP4 whose very first packet it has refused
        finally:
            if self._template is not None:
                self._template.close()


def duration_ns(packet: Packet) -> int:
    """How long the picture is shown: as the packet says, else by the nominal rate."""
    if packet.duration_ns > 0:
        return packet.duration_ns
    return round(1_000_000_000 / (packet.stream.rate or 25))


def _refused(info: StreamInfo, error: Exception) -> HardwareError:
    return HardwareError(f"camera {info.camera}: its {info.codec} stream cannot be put into a file ({error}); choose h264, hevc or mjpeg")


def _template(info: StreamInfo, first: Packet) -> InputContainer | None:
    """A stream that carries the parameter sets: the only way to hand them to an output through PyAV."""
    if info.codec not in {"h264", "hevc"}:
        return None
    try:
        return av.open(io.BytesIO(info.extradata + first.data), "r", format=info.codec, options={"probesize": "10000000", **PROBE})
    except FFmpegError as error:
        raise _refused(info, error) from error


def _open(file: File, container: Container, comment: str, fragment_ms: int, live: bool) -> OutputContainer:
    options = {
        "mp4": {
            "movflags": LIVE_FLAGS if live else CLIP_FLAGS,
            "video_track_timescale": str(US.denominator),
            **({} if live else {"frag_duration": str(fragment_ms * 1000), **NO_WAITING}),
        },
        "mkv": {"cluster_time_limit": str(fragment_ms), **NO_WAITING},
    }
    return _output(file, container, options[container], comment)


def _output(file: File, container: Container, options: Mapping[str, str], comment: str) -> OutputContainer:
    out = av.open(cast(Any, file), "w", format=FORMATS[container], options=dict(options), buffer_size=BUFFER_BYTES)
    if comment:
        out.metadata["comment"] = comment
    return out


class Fragments:
    """One stream as bytes for Media Source Extensions: the head with the first picture, then a fragment a picture."""

    def __init__(self, first: Packet) -> None:
        self._pieces = _Pieces()
        self._muxer = Muxer(self._pieces, first, live=True)

    def push(self, packet: Packet) -> bytes:
        """What can be sent now: empty or whole boxes; a picture comes out when the next one goes in."""
        self._muxer.write(packet)
        return self._pieces.take()

    def close(self) -> bytes:
        self._muxer.close()
        return self._pieces.take()


class _Pieces:
    def __init__(self) -> None:
        self._data: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._data.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data, self._data = b"".join(self._data), []
        return data


def remux(source: str, file: File, comment: str) -> int:
    """Copy what can be read of a video into a new file of the same form, sound and all; the number of pictures."""
    frames = 0
    with av.open(source, options=PROBE, **ANY_TEXT) as old:
        stream = old.streams.video[0]
        container: Container = "mkv" if "matroska" in old.format.name else "mp4"
        options = {"movflags": CLIP_FLAGS, "frag_duration": str(FRAGMENT_MS * 1000), "video_track_timescale": str(US.denominator)}
        out = _output(file, container, {**(options if container == "mp4" else {}), **NO_WAITING}, comment)
        try:
            copies = {each.index: _copy_of(out, each) for each in (stream, *old.streams.audio)}
            for packet in readable(old, *(each for each in old.streams if each.index in copies)):
                frames += packet.stream_index == stream.index
                packet.stream = copies[packet.stream_index]
                out.mux_one(packet)
        finally:
            if frames:
                out.close()  # see Muxer.close
    return frames


def _copy_of(out: OutputContainer, stream: VideoStream | AudioStream) -> Stream:
    copy: Any = out.add_stream_from_template(stream, opaque=True)
    copy.time_base = stream.time_base
    if stream.codec_context.name == "hevc":
        copy.codec_context.codec_tag = "hvc1"
    return cast(Stream, copy)
