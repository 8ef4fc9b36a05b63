"""Writing: the file of a take's clip, and what has been written to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid5

from contracts.clip import Cause, Why, group_id
from contracts.errors import HardwareError
from contracts.event import NAMESPACE
from contracts.files import file_name
from contracts.takes import Begins, TakeClip
from contracts.wire import utc_from_ns
from device.pipeline.codec_string import codec_string
from device.pipeline.mux import Muxer, container_of, duration_ns
from device.pipeline.packets import Packet, StreamInfo
from device.record.clipfile import ClipFile
from device.record.closing import finish, give_up, refused
from device.record.continuity import Continuity
from device.record.layout import part_of

MS = 1_000_000
NO_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a clip is for; times are monotonic capture times."""

    event: UUID
    kind: str
    start_ns: int
    pre_roll_ms: int
    post_roll_ms: int
    device: str
    software: str
    reserve_bytes: int = 0


class Writing:
    """StorageError and HardwareError come out of every method; then `abandon` it."""

    def __init__(self, folder: Path, first: Packet, wanted: Wanted) -> None:
        info, self._wanted, self._first = first.stream, wanted, first
        self._pictures, self._latest = Continuity(first), first
        self._end_ns, self._end_wall_ns, self._frames = first.pts_ns, first.wall_ns, 0
        self.newest_pts_ns = first.pts_ns
        self.video = folder / f"{file_name(info.camera)}.{container_of(info.codec)}"
        self.file = ClipFile(part_of(self.video), wanted.reserve_bytes)
        try:
            self._muxer = Muxer(self.file, first, self._comment())
        except HardwareError:
            self.file.close()
            self.file.path.unlink()  # nothing has been written to it
            raise

    def fits(self, info: StreamInfo) -> bool:
        return replace(info, epoch=0, rate=None, sound=None) == replace(self._first.stream, epoch=0, rate=None, sound=None)

    def write(self, packet: Packet) -> None:
        if not self._pictures.takes(packet, self._end_ns):
            return
        try:
            self._muxer.write(packet)
        except OSError as error:
            raise refused(self.file, error) from error
        self._frames += 1
        if packet.pts_ns >= self.newest_pts_ns:
            self.newest_pts_ns, self._latest = packet.pts_ns, packet
            self._end_ns, self._end_wall_ns = packet.pts_ns + duration_ns(packet), packet.wall_ns + duration_ns(packet)

    def close(self, why: Why, ended_ns: int | None) -> TakeClip:
        size, digest = finish(self._muxer, self.file, self.video)
        return self._manifest(why, ended_ns).model_copy(update={"state": "complete", "bytes": size, "sha256": digest})

    def abandon(self) -> None:
        give_up(self._muxer, self.file)

    def _comment(self) -> str:
        """Without monotonic times, which differ from run to run: the same video gives the same bytes. The log has them."""
        return self._manifest("cut off", None).model_copy(update={"first_frame_ns": 0, "last_frame_ns": 0}).model_dump_json()

    def _manifest(self, why: Why, ended_ns: int | None) -> TakeClip:
        """As known now; before the end it goes into the file itself, so that a file that was cut still says what it is."""
        info, wanted, first = self._first.stream, self._wanted, self._first
        return TakeClip(
            id=take_clip_id(wanted.event, info.camera),
            group=group_id(str(wanted.event)),
            camera=info.camera,
            file=self.video.name,
            container=container_of(info.codec),
            codec=info.codec,
            codec_string=codec_string(first),
            width=info.width,
            height=info.height,
            start=utc_from_ns(first.wall_ns),
            end=utc_from_ns(max(first.wall_ns, self._end_wall_ns)),
            start_pts_ns=first.pts_ns,
            end_pts_ns=self._end_ns,
            origin_pts_ns=first.dts_ns,
            pre_roll_asked_ms=wanted.pre_roll_ms,
            pre_roll_ms=(wanted.start_ns - first.mono_ns) / 1e6,
            post_roll_asked_ms=wanted.post_roll_ms,
            post_roll_ms=None if ended_ns is None else (self._latest.mono_ns + duration_ns(self._latest) - ended_ns) / 1e6,
            first_frame=first.seq,
            last_frame=self._pictures.last.seq,
            frames=self._frames,
            bytes=0,
            sha256=NO_HASH,
            holes=self._pictures.holes,
            events=causes(wanted),
            device=wanted.device,
            software=wanted.software,
            state="recovered",
            reason=why,
            first_frame_ns=max(0, first.mono_ns),
            last_frame_ns=max(0, self._latest.mono_ns),
            begins=begins(wanted.start_ns - wanted.pre_roll_ms * MS - first.mono_ns, duration_ns(first)),
        )


def causes(wanted: Wanted) -> list[Cause]:
    return [Cause(id=wanted.event, kind=wanted.kind)]


def begins(early_ns: int, frame_ns: int) -> Begins:
    """Where the first picture lies against what was asked for."""
    if abs(early_ns) <= frame_ns:
        return "as asked"
    return "at the key frame before" if early_ns > 0 else "later than asked"


def take_clip_id(event: UUID, camera: str) -> UUID:
    """The same video gives the same clips."""
    return uuid5(NAMESPACE, f"take clip|{event}|{camera}")
