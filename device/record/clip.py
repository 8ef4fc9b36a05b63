"""ClipWriter: one clip from its first key frame to its manifest, `.part` until it is whole."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from av.error import FFmpegError

from contracts.clip import Audio, Cause, Clip, Hole, Why, clip_id
from contracts.errors import HardwareError, StorageError
from contracts.files import rename_durably
from contracts.wire import utc_from_ns
from device.pipeline.codec_string import codec_string
from device.pipeline.mux import Muxer, container_of, duration_ns
from device.pipeline.packets import Packet, StreamInfo
from device.pipeline.sound import Sound
from device.record.clipfile import ClipFile
from device.record.layout import clip_path, part_of, sized, write_manifest
from device.record.order import Order, Tail

NO_HASH = "0" * 64


class ClipWriter:
    """Raises StorageError (the disk) or HardwareError (the stream); then `abandon` it. What it wrote is left for `recover`."""

    def __init__(
        self,
        data: Path,
        first: Packet,
        order: Order,
        causes: Sequence[Cause],
        reserve_bytes: int = 0,
        *,
        hears: bool = False,
        after: Tail | None = None,
    ) -> None:
        info, self._order, self._first = first.stream, order, first
        self.hears, self._after = hears, after
        self._sounds = self.sounds_lost = 0
        self._sound = info.sound if hears else None
        self._seen = self._last = first
        self.newest_pts_ns = first.pts_ns  # of the pictures written so far, in the order of showing
        self._end_ns, self._end_wall_ns, self._frames = first.pts_ns, first.wall_ns, 0
        self._from_pts_ns = first.pts_ns  # where decoding (re)starts: what is shown before needs pictures that are not here
        self._holes: list[Hole] = []
        if after:
            self._note_gap(after)
        self.id = clip_id(order.owner.seed, order.segment)
        self.video = clip_path(data, info.camera, utc_from_ns(first.wall_ns), self.id, container_of(info.codec, self._sound))
        self._file = ClipFile(part_of(self.video), reserve_bytes)
        try:
            self._muxer = Muxer(self._file, first, self._manifest(causes, "cut off").model_dump_json(), sound=self._sound)
        except HardwareError:
            self._file.close()
            self.part.unlink()  # nothing has been written to it
            raise

    @property
    def part(self) -> Path:
        return self._file.path

    @property
    def start_pts_ns(self) -> int:
        return self._first.pts_ns

    @property
    def tail(self) -> Tail:
        return Tail(self._last, self._end_ns)

    @property
    def kept_ns(self) -> int:
        """Media time of what is in it, holes not counted."""
        holes = (hole.until_pts_ns - hole.from_pts_ns for hole in self._holes if hole.from_pts_ns >= self._first.pts_ns)
        return self._end_ns - self._first.pts_ns - sum(holes)

    def _note_gap(self, after: Tail) -> None:
        """Something may have been missed since the segment before."""
        first, last = self._first, after.last
        away, missed = first.stream.epoch != last.stream.epoch, first.seq - last.seq - 1
        if away or missed > 0:
            self._add_hole(after, "reconnect" if away else "skipped", None if away else missed)

    def _add_hole(self, after: Tail, reason: Literal["reconnect", "skipped"], missed: int | None) -> None:
        hole = Hole(reason=reason, after_frame=after.last.seq, from_pts_ns=after.end_ns, until_pts_ns=self._first.pts_ns, packets=missed)
        self._holes.append(hole)

    def fits(self, info: StreamInfo) -> bool:
        """Whether packets of this stream can go on in the same file."""
        return info is self._first.stream or replace(info, epoch=0, rate=None) == replace(self._first.stream, epoch=0, rate=None)

    def hear(self, sound: Sound) -> None:
        """What was said before the first picture is not in this clip."""
        if self._sound is None or sound.pts_ns < self._first.pts_ns:
            return
        try:
            heard = self._muxer.hear(sound)
        except OSError as error:
            raise self._refused(error) from error
        except (FFmpegError, ValueError):  # a packet that is none of its codec: the pictures go on
            heard = False
        self._sounds += heard
        self.sounds_lost += not heard

    def _refused(self, error: OSError | FFmpegError) -> StorageError:
        return self._file.refusal() or StorageError(f"{self.part}: {error}; see the disk's state")

    def write(self, packet: Packet) -> bool:
        """True when something more is safe on the disk now. Pictures that cannot be decoded here are left out."""
        if not self._decodable(packet):
            return False
        try:
            self._muxer.write(packet)
        except OSError as error:
            raise self._refused(error) from error
        self._last, self._frames = packet, self._frames + 1
        self.newest_pts_ns = max(self.newest_pts_ns, packet.pts_ns)
        end_ns = packet.pts_ns + duration_ns(packet)
        if end_ns > self._end_ns:
            self._end_ns, self._end_wall_ns = end_ns, packet.wall_ns + duration_ns(packet)
        return self._file.sync()

    def _decodable(self, packet: Packet) -> bool:
        away = packet.stream.epoch != self._last.stream.epoch
        if away and not packet.key:
            return False
        missed = packet.seq - self._seen.seq - 1
        self._seen = packet
        if away or missed > 0:
            self._note_hole(packet, None if away else missed)
        shown = packet.pts_ns >= self._from_pts_ns
        if not shown and self._after and self._from_pts_ns == self._first.pts_ns:
            self._note_leading(self._after)
        return shown

    def _note_leading(self, after: Tail) -> None:
        """Pictures behind our first that are shown before it, and need the segment before to be decoded."""
        if self._holes:
            self._holes[0] = self._holes[0].model_copy(update={"packets": (self._holes[0].packets or 0) + 1})
        else:
            self._add_hole(after, "skipped", 1)

    def _note_hole(self, packet: Packet, missed: int | None) -> None:
        if packet.key:
            self._from_pts_ns = packet.pts_ns
        reason: Literal["reconnect", "skipped"] = "reconnect" if missed is None else "skipped"
        hole = Hole(
            reason=reason, after_frame=self._last.seq, from_pts_ns=self._end_ns, until_pts_ns=packet.pts_ns, packets=missed
        )
        self._holes.append(hole)

    def close(self, causes: Sequence[Cause], reason: Why, ended_pts_ns: int | None) -> Clip:
        """Whole on the disk under its own name, then its manifest. `ended_pts_ns`: where the last event ended, if all have."""
        try:
            self._muxer.close()
        except (OSError, FFmpegError) as error:
            raise self._refused(error) from error
        refusal = self._file.refusal()
        if refusal:
            raise refusal
        self._file.close()
        size, digest = sized(self.part)
        rename_durably(self.part, self.video)
        clip = self._manifest(causes, reason, ended_pts_ns).model_copy(update={"state": "complete", "bytes": size, "sha256": digest})
        write_manifest(self.video, clip)
        return clip

    def abandon(self) -> Path:
        """After an error: let go of the file, which stays as it is for `recover`."""
        with suppress(OSError, FFmpegError):  # the error that led here is the one to report
            self._file.give_up()
            self._muxer.close()
        with suppress(StorageError):
            self._file.close()
        return self.part

    def _manifest(self, causes: Sequence[Cause], reason: Why, ended_pts_ns: int | None = None) -> Clip:
        """As known now; before the end it goes into the file itself, so that a file that was cut still says what it is."""
        info, order, first = self._first.stream, self._order, self._first
        return Clip(
            id=self.id,
            segment=order.segment,
            camera=info.camera,
            file=self.video.name,
            group=order.owner.group,
            trigger=order.owner.trigger,
            note=order.owner.note,
            container=container_of(info.codec, self._sound),
            codec=info.codec,
            codec_string=codec_string(first),
            width=info.width,
            height=info.height,
            start=utc_from_ns(first.wall_ns),
            end=utc_from_ns(max(first.wall_ns, self._end_wall_ns)),  # the clock may have been set back in between
            start_pts_ns=first.pts_ns,
            end_pts_ns=self._end_ns,
            origin_pts_ns=first.dts_ns,
            pre_roll_asked_ms=order.pre_roll_ms,
            pre_roll_ms=(order.start_pts_ns - first.pts_ns) / 1e6,
            post_roll_asked_ms=order.owner.post_roll_ms,
            post_roll_ms=None if ended_pts_ns is None else (self._end_ns - ended_pts_ns) / 1e6,
            first_frame=first.seq,
            last_frame=self._last.seq,
            frames=self._frames,
            bytes=0,
            sha256=NO_HASH,
            holes=self._holes,
            events=list(causes),
            audio=self._audio(),
            device=order.device,
            software=order.software,
            state="recovered",
            reason=reason,
        )

    def _audio(self) -> Audio | None:
        info = self._first.stream.sound
        if info is None:
            return None
        left_out = ""
        if not self.hears:
            left_out = "none came when the clip began" if info.head else f"neither MP4 nor Matroska takes {info.codec} as it is"
        return Audio(
            codec=info.kept_as,
            sent="" if info.kept_as == info.codec.removesuffix("float") else info.codec,
            sample_rate=info.sample_rate,
            channels=info.channels,
            packets=self._sounds,
            lost=self.sounds_lost,
            left_out=left_out,
        )
