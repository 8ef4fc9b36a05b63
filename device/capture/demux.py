"""Demux: an open container to encoded pictures in one form, raw ones through the encoder."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import cast

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from contracts.errors import HardwareError
from device.capture.annexb import PARAMETER_SETS, ParameterSets
from device.capture.encoder import Encoder
from device.capture.paint import painted
from device.capture.units import Unit
from device.pipeline.contexts import AvPacket, av_packet, bound, decoder_context
from device.pipeline.packets import Outlines, StreamInfo
from device.pipeline.sound import LARGEST_BYTES, Sound, described

RAW = {"rawvideo", "wrapped_avframe", "v210", "yuv4", "bitpacked"}
ATTACHED_PICTURE = 1 << 10  # AV_DISPOSITION_ATTACHED_PIC
DEFAULT_RATE = Fraction(25)
MOST_SOUNDS = 1000  # packets; with no picture for so long the oldest are worth nothing
TURNED_FORMATS = ("mov", "matroska")  # containers that can say that the picture lies on its side


class Demux:
    """Begins at the first key frame that can be decoded. `epoch` is that of the newest stream given out.

    What is hidden is black in raw pictures before they are encoded; of others the stream says what a decoder must paint.
    Packets that the container knows to be damaged are left out, with all that lean on them; `lost` counts them by reason.
    """

    def __init__(
        self, camera: str, container: InputContainer, epoch: int = 0, hears: bool = False, lost: Counter[str] | None = None,
        hides: Outlines = (),
    ) -> None:  # fmt: skip
        self.camera, self.epoch, self._hides = camera, epoch, hides
        self.lost: Counter[str] = Counter() if lost is None else lost
        self.stream = _picture_stream(camera, container)
        self._container = container
        self._context = self.stream.codec_context
        bound(self._context)
        self._base = self.stream.time_base  # asked of PyAV it is a new Fraction each time, and that is most of a packet's cost
        self._info: StreamInfo | None = None
        self._track = next(iter(container.streams.audio), None) if hears else None
        self._sound = described(self._track) if self._track else None
        self._sounds: deque[Sound] = deque(maxlen=MOST_SOUNDS)  # since the last picture
        self._waiting = True  # for a key frame

    @property
    def rate(self) -> Fraction | None:
        return self.stream.average_rate or self.stream.guessed_rate

    def units(self) -> Iterator[tuple[StreamInfo, Unit]]:
        """Until the container ends; FFmpeg's errors as they come. May be called again to read on behind one."""
        name = self._context.name
        if name in RAW:
            yield from self._encoded()
            return
        sets = ParameterSets(name, self._context.extradata or b"") if name in PARAMETER_SETS else None
        for packet in self._packets():
            if not packet.size:
                continue
            if packet.is_corrupt:
                self._waiting = True
            if packet.is_corrupt or (self._waiting and not packet.is_keyframe):
                self.lost["damaged" if packet.is_corrupt else "no_key_frame"] += 1
                continue
            unit = self._unit(packet, sets)
            info = self._info_for(packet, sets)
            if info is not None:
                self._waiting = False
                yield info, unit

    def _packets(self) -> Iterator[av.Packet[VideoStream]]:
        with suppress(IndexError):  # PyAV's, at the end of a file in which streams have appeared that it did not know of at the beginning
            if self._track is None or self._sound is None or not self._sound.head:
                yield from self._container.demux(self.stream)
                return
            for packet in self._container.demux(self.stream, self._track):
                if packet.stream_index == self.stream.index:
                    yield cast("av.Packet[VideoStream]", packet)
                else:
                    self._listen(packet, self._track.time_base)

    def _listen(self, packet: AvPacket, base: Fraction | None) -> None:
        """It waits for the next picture, to ride on it."""
        if packet.pts is None or base is None or packet.is_corrupt or not 0 < packet.size <= LARGEST_BYTES:
            self.lost["sound"] += packet.size > 0
            return
        self.lost["sound"] += len(self._sounds) == MOST_SOUNDS  # the oldest goes
        tick_ns = base.numerator * 1_000_000_000
        times = (packet.pts * tick_ns // base.denominator, (packet.duration or 0) * tick_ns // base.denominator)
        self._sounds.append(Sound(*times, bytes(packet)))

    def _heard(self) -> tuple[Sound, ...]:
        if not self._sounds:
            return ()
        sounds = tuple(self._sounds)
        self._sounds.clear()
        return sounds

    def _unit(self, packet: av.Packet[VideoStream], sets: ParameterSets | None) -> Unit:
        data = bytes(packet)
        if sets is not None:
            data = sets.normalise(data, packet.is_keyframe)
        duration = self._ns(packet.duration) or (int(1e9 / self.rate) if self.rate else 0)
        return Unit(self._ns(packet.pts), self._ns(packet.dts), duration, packet.is_keyframe, data, self._heard())

    def _ns(self, ticks: int | None) -> int | None:
        base = self._base
        return None if ticks is None or base is None else ticks * base.numerator * 1_000_000_000 // base.denominator

    def _info_for(self, packet: av.Packet[VideoStream], sets: ParameterSets | None) -> StreamInfo | None:
        """The stream as it is from this packet on; None while it cannot be decoded yet."""
        if self._info is None:
            extradata = sets.extradata() if sets else self._context.extradata or b""
            if sets and not extradata:
                return None
            self._info = self._describe(packet, extradata)
            self._sequence = sets.sequence() if sets else []
        elif sets and packet.is_keyframe and sets.sequence() != self._sequence:
            self.epoch += 1
            self._sequence = sets.sequence()
            self._info = _measured(replace(self._info, extradata=sets.extradata(), epoch=self.epoch), bytes(packet))
        return self._info

    def _describe(self, packet: av.Packet[VideoStream], extradata: bytes) -> StreamInfo:
        context = self._context
        info = StreamInfo(
            self.camera, context.name, context.width, context.height, extradata, context.pix_fmt or "yuv420p", self.rate, self.epoch,
            sound=self._sound, hides=self._hides,
        )  # fmt: skip
        if not context.width:
            return _measured(info, bytes(packet))
        if self._container.format.name.startswith(TURNED_FORMATS):
            return replace(info, rotation=self._rotation(packet))
        return info

    def _rotation(self, packet: av.Packet[VideoStream]) -> int:
        """Degrees clockwise until the first picture is upright; only decoding tells."""
        try:
            pictures = self._context.decode(packet) + self._context.decode(None)
        except av.error.FFmpegError:
            return 0
        return -pictures[0].rotation % 360 if pictures else 0

    def _encoded(self) -> Iterator[tuple[StreamInfo, Unit]]:
        """Raw pictures through the encoder; the stream's headers come with its first key frame."""
        encoder: Encoder | None = None
        rate = self.rate or DEFAULT_RATE
        for packet in self._packets():
            for picture in self._pictures(packet):
                encoder = encoder or Encoder(picture.width, picture.height, rate)
                pts_ns = self._ns(picture.pts)
                if pts_ns is not None:
                    shown = painted(picture, self._hides) if self._hides else picture
                    yield from self._described(encoder.encode(shown, pts_ns), picture, rate)

    def _pictures(self, packet: av.Packet[VideoStream]) -> list[av.VideoFrame]:
        """V4L2 gives an empty packet for a buffer that the camera spoilt; the decoder would take that for the end, which has no time."""
        if packet.is_corrupt or (not packet.size and packet.pts is not None):
            self.lost["damaged"] += 1
            return []
        try:
            return self._context.decode(packet)
        except (av.error.InvalidDataError, av.error.ArgumentError):  # shorter than a picture
            self.lost["damaged"] += 1
            return []

    def _described(self, units: Iterator[Unit], picture: av.VideoFrame, rate: Fraction) -> Iterator[tuple[StreamInfo, Unit]]:
        for unit in units:
            if self._info is None:
                coded = encoded_stream(self.camera, unit, (picture.width, picture.height), rate, self.epoch)
                self._info = replace(coded, sound=self._sound)
            yield self._info, replace(unit, duration_ns=int(1e9 / rate), sounds=self._heard())


def encoded_stream(camera: str, first: Unit, size: tuple[int, int], rate: Fraction, epoch: int = 0) -> StreamInfo:
    """The stream that our own encoder makes, described by its first key frame."""
    sets = ParameterSets("h264", b"")
    width, height = size
    sets.normalise(first.data, key=True)
    return StreamInfo(camera, "h264", width - width % 2, height - height % 2, sets.extradata(), "yuv420p", rate, epoch)


def _picture_stream(camera: str, container: InputContainer) -> VideoStream:
    for stream in container.streams.video:
        if not stream.disposition & ATTACHED_PICTURE and stream.codec_context is not None:
            return stream
    raise HardwareError(f"camera {camera}: there is no video in it that can be read; name a source with video")


def _measured(info: StreamInfo, data: bytes) -> StreamInfo:
    """The stream with the size that a key frame of it decodes to."""
    context = decoder_context(info.codec, info.extradata)
    try:
        pictures = context.decode(av_packet(data)) + context.decode(None)
    except av.error.FFmpegError:
        return info
    return replace(info, width=pictures[0].width, height=pictures[0].height) if pictures else info
