"""ClipWriter: one clip from its first key frame to its manifest, `.part` until it is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from av.error import FFmpegError

from contracts.clip import Audio, Cause, Clip, Why, clip_id
from contracts.errors import HardwareError
from contracts.wire import utc_from_ns
from device.pipeline.codec_string import codec_string
from device.pipeline.mux import Muxer, container_of, duration_ns
from device.pipeline.packets import Packet, StreamInfo
from device.pipeline.sound import Sound
from device.record.clipfile import ClipFile
from device.record.closing import finish, give_up, refused
from device.record.continuity import Continuity
from device.record.layout import clip_path, part_of, write_manifest
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
        self.hears = hears
        self._sounds = self.sounds_lost = 0
        self._sound = info.sound if hears else None
        self._pictures = Continuity(first, after)
        self.newest_pts_ns = first.pts_ns  # of the pictures written so far, in the order of showing
        self._end_ns, self._end_wall_ns, self._frames = first.pts_ns, first.wall_ns, 0
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
        return Tail(self._pictures.last, self._end_ns)

    @property
    def kept_ns(self) -> int:
        """Media time of what is in it, holes not counted."""
        holes = (hole.until_pts_ns - hole.from_pts_ns for hole in self._pictures.holes if hole.from_pts_ns >= self._first.pts_ns)
        return self._end_ns - self._first.pts_ns - sum(holes)

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
            raise refused(self._file, error) from error
        except (FFmpegError, ValueError):  # a packet that is none of its codec: the pictures go on
            heard = False
        self._sounds += heard
        self.sounds_lost += not heard

    def write(self, packet: Packet) -> bool:
        """True when something more is safe on the disk now. Pictures that cannot be decoded here are left out."""
        if not self._pictures.takes(packet, self._end_ns):
            return False
        try:
            self._muxer.write(packet)
        except OSError as error:
            raise refused(self._file, error) from error
        self._frames += 1
        self.newest_pts_ns = max(self.newest_pts_ns, packet.pts_ns)
        end_ns = packet.pts_ns + duration_ns(packet)
        if end_ns > self._end_ns:
            self._end_ns, self._end_wall_ns = end_ns, packet.wall_ns + duration_ns(packet)
        return self._file.sync()

    def close(self, causes: Sequence[Cause], reason: Why, ended_pts_ns: int | None) -> Clip:
        """Whole on the disk under its own name, then its manifest. `ended_pts_ns`: where the last event ended, if all have."""
        size, digest = finish(self._muxer, self._file, self.video)
        clip = self._manifest(causes, reason, ended_pts_ns).model_copy(update={"state": "complete", "bytes": size, "sha256": digest})
        write_manifest(self.video, clip)
        return clip

    def abandon(self) -> Path:
        """After an error: the file stays as it is for `recover`."""
        give_up(self._muxer, self._file)
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
            last_frame=self._pictures.last.seq,
            frames=self._frames,
            bytes=0,
            sha256=NO_HASH,
            holes=self._pictures.holes,
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
