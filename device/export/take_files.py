"""The files of a take, made of its log and its clips when it has ended; made again from the same log they are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from contracts.errors import HardwareError, ProtocolError
from contracts.files import inside, storage, sync_folder
from contracts.takes import Absent, CameraFrames, Detection, Moment, StereoObservations, TakeEnd, TakeHead, TakeManifest
from device.export.detections import Located, locate, write_detections, write_json, write_observations
from device.export.film import Film, film_of
from device.export.key_frames import Frames, camera_frames, frames_folder, moments, save
from device.export.take_metrics import looked_at, metrics
from device.pipeline.take_log import NAME, TakeStory, read_log

MANIFEST = "manifest.json"
ALL_MOMENTS: tuple[Moment, ...] = tuple(moment for moment in get_args(Moment) if moment != "interval")


@dataclass(frozen=True, slots=True)
class Ended:
    """A take of which everything is known."""

    folder: Path
    head: TakeHead
    end: TakeEnd
    story: TakeStory
    films: Mapping[str, Film]

    @property
    def span_ns(self) -> tuple[int, int]:
        return self.head.start_ns, self.end.end_ns


def make_files(folder: Path, frames: Frames) -> TakeManifest | None:
    """The manifest is written last and the log removed behind it, so whatever cuts this is done again by the next start.

    None: there is no log any more. StorageError where the disk refuses, ProtocolError for a log that is none.
    """
    story = read_log(folder)
    if story is None:
        return None
    if story.head is None or story.end is None:
        raise ProtocolError(f"{folder / NAME}: has no beginning or no end; the next start closes it")
    faults = [*story.end.faults, *([f"{story.torn} line(s) of the log were torn"] if story.torn else [])]
    take = Ended(folder, story.head, story.end, story, _films(folder, story, faults))
    located = {
        camera: locate((look for look in story.looks if look.camera == camera), take.films.get(camera)) for camera in story.head.cameras
    }
    manifest = _write(take, located, faults, frames)
    with storage(folder):
        (folder / NAME).unlink()
        sync_folder(folder)
    return manifest


def _films(folder: Path, story: TakeStory, faults: list[str]) -> dict[str, Film]:
    films = {}
    for camera, clip in story.clips.items():
        try:
            films[camera] = film_of(inside(folder, clip.file), clip)
        except (HardwareError, ProtocolError) as error:
            faults.append(str(error)[:500])
    return films


def _write(take: Ended, located: Mapping[str, Located], faults: list[str], frames: Frames) -> TakeManifest:
    head, end = take.head, take.end
    found = {camera: each.detections() for camera, each in located.items()}
    for camera, each in located.items():
        if each.outside:
            faults.append(f"camera {camera}: {each.outside} detection(s) were in pictures that its clip has not")
        if head.saved.detections:
            write_detections(take.folder, head.pitch_id, camera, found[camera])
    if head.saved.observations:
        write_observations(take.folder, StereoObservations(pitch_id=head.pitch_id, observation_count=0, observations=[]))
    kept = {camera: _pictures(take, camera, found[camera], frames) for camera in head.cameras} if head.saved.training_frames else {}
    manifest = TakeManifest(
        pitch_id=head.pitch_id,
        session_id=head.session_id,
        event=head.event,
        start=head.start,
        end=max(head.start, end.end),
        camera=head.camera,
        cameras=head.cameras,
        clips=[take.story.clips[camera] for camera in head.cameras if camera in take.story.clips],
        performance_metrics=metrics(take.films, found, take.span_ns, looked_at(located, *take.span_ns), 0),
        frames=kept,
        saved=head.saved,
        pre_roll_ms=head.pre_roll_ms,
        post_roll_ms=head.post_roll_ms,
        config_hash=head.config_hash,
        model=head.model,
        device=head.device,
        software=head.software,
        state=end.state,
        reason=end.reason,
        faults=faults,
    )
    write_json(take.folder / MANIFEST, manifest)
    return manifest


def _pictures(take: Ended, camera: str, found: list[Detection], frames: Frames) -> CameraFrames:
    film, clip = take.films.get(camera), take.story.clips.get(camera)
    if film is None or clip is None:
        return CameraFrames(absent=[Absent(moment=moment, reason="this camera has no clip") for moment in ALL_MOMENTS])
    named, absent = moments(film, found, take.span_ns)
    steps = range(0, len(film), take.head.saved.frame_save_interval)
    percent = take.head.frame_budget_percent
    most_bytes = None if percent is None else clip.bytes * percent // 100
    pictures = frames(take.folder / clip.file)
    written = save(frames_folder(take.folder, camera), film, pictures, named, steps, most_bytes)
    return camera_frames(written, named, absent, len(steps))
