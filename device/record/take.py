"""Take: one recording of several cameras in its own folder, from its first line in the log to its last clip."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from contracts.errors import HardwareError, StorageError
from contracts.event import Event
from contracts.takes import Saved, TakeClip, TakeEnd, TakeHead, TakeLine, TakeLook
from device.pipeline.ring import RingReader
from device.pipeline.take_log import TakeLog
from device.record.session import About, Placed
from device.record.session_options import SessionOptions
from device.record.take_clip import ClipOfTake
from device.record.take_video import MS, Wanted

log = logging.getLogger(__name__)
SYNC_NS = 500_000_000  # a power cut costs at most what came since
SETTLE_NS = 2_000_000_000  # after the post-roll is over by the clock, who has given nothing gives nothing more


class Take:
    """`step` it until `done`, then `close`. StorageError comes out of every method; then `abandon` it.

    Clips are written as far as analysis of the deciding camera has come, so that no more than the post-roll follows the end.
    A camera whose stream cannot be recorded costs its own clip, and is named in `faults`.
    """

    def __init__(self, folder: Path, head: TakeHead, wanted: Wanted, readers: Mapping[str, RingReader]) -> None:
        self.folder, self.head = folder, head
        self._clips = {camera: ClipOfTake(folder, reader, wanted) for camera, reader in readers.items()}
        self._log = TakeLog(folder)
        try:
            self._log.write(TakeLine(head=head))
            self._log.sync()
        except StorageError:
            self.abandon()
            raise
        self._marks = dict.fromkeys(readers, head.start_ns)
        self._end: TakeEnd | None = None
        self._until_ns: int | None = None
        self._synced_ns = 0
        self.faults: list[str] = []
        self.done = False

    def see(self, looks: Iterable[TakeLook]) -> None:
        """Frames from the pre-roll to the post-roll; others are none of its."""
        first_ns = self.head.start_ns - self.head.pre_roll_ms * MS
        for look in looks:
            if look.camera not in self._marks:
                continue
            self._marks[look.camera] = max(self._marks[look.camera], look.mono_ns)
            if first_ns <= look.mono_ns and (self._until_ns is None or look.mono_ns <= self._until_ns):
                self._log.write(TakeLine(look=look))

    def end(self, end: datetime, end_ns: int, reason: str) -> None:
        self._end = TakeEnd(end=end, end_ns=max(end_ns, self.head.start_ns), reason=reason)
        self._until_ns = self._end.end_ns + self.head.post_roll_ms * MS

    @property
    def ended(self) -> bool:
        return self._end is not None

    def step(self, mono_ns: int, live: bool) -> bool:
        """Feed every clip; True when there was something to write."""
        mark_ns = self._marks[self.head.camera]
        busy = [self._feed(camera, clip, mark_ns) for camera, clip in list(self._clips.items())]
        if mono_ns - self._synced_ns >= SYNC_NS:
            self._synced_ns = mono_ns
            self._log.sync()
            for clip in self._clips.values():
                clip.sync()
        self.done = self._over(mono_ns if live else None)
        return any(busy)

    def _feed(self, camera: str, clip: ClipOfTake, mark_ns: int) -> bool:
        if clip.done:
            return False
        try:
            return clip.step(mark_ns, self._until_ns)
        except HardwareError as error:
            self._lose(camera, clip, str(error))
            return True

    def _lose(self, camera: str, clip: ClipOfTake, words: str) -> None:
        log.error("a take goes on without a camera", extra={"take": self.head.pitch_id, "camera": camera, "reason": words})
        clip.abandon()
        del self._clips[camera]
        self.faults.append(words[:500])

    def _over(self, mono_ns: int | None) -> bool:
        if self._until_ns is None:
            return False
        if mono_ns is not None and mono_ns > self._until_ns + SETTLE_NS:
            return True
        looked = all(self._marks[camera] > self._until_ns or clip.why != "end of event" for camera, clip in self._clips.items())
        return looked and all(clip.done for clip in self._clips.values())

    def close(self) -> list[TakeClip]:
        """Every clip under its own name, then the log's last line; what is made of it is the exporter's matter."""
        end = self._end or TakeEnd(end=self.head.start, end_ns=self.head.start_ns, reason="stopped")
        clips = []
        for camera, clip in list(self._clips.items()):
            try:
                closed = clip.close(end.end_ns)
            except HardwareError as error:
                self._lose(camera, clip, str(error))
                continue
            if closed is None:
                self.faults.append(f"camera {camera}: there was no picture of it; see its state")
                continue
            clips.append(closed)
            self._log.write(TakeLine(clip=closed))
        self._log.write(TakeLine(end=end.model_copy(update={"faults": self.faults})))
        self._log.close()
        return clips

    def abandon(self) -> None:
        """After an error: let go of everything; what is there stays to be recovered."""
        for clip in self._clips.values():
            clip.abandon()
        try:
            self._log.close()
        except StorageError as error:
            log.warning("the log of a take could not be closed", extra={"take": self.head.pitch_id, "reason": str(error)})


def head_of(options: SessionOptions, about: About, placed: Placed, event: Event, start_ns: int, model: str | None) -> TakeHead:
    """The first line of its log."""
    return TakeHead(
        pitch_id=placed.pitch_id,
        session_id=placed.session_id,
        event=event.id,
        start=event.start,
        start_ns=start_ns,
        camera=event.camera,
        cameras=list(about.cameras),
        pre_roll_ms=options.pre_roll_ms,
        post_roll_ms=options.post_roll_ms,
        saved=Saved(
            detections=options.save_detections,
            observations=options.save_observations,
            training_frames=options.save_training_frames,
            frame_save_interval=options.frame_save_interval,
        ),
        frame_budget_percent=options.frame_budget_percent,
        config_hash=about.config_hash,
        model=event.model or model,
        device=about.device,
        software=about.software,
    )
