"""TakeCheck: one take of a session against its own manifest, clip by clip and file by file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Protocol, TypeVar

from contracts.errors import HardwareError, StorageError
from contracts.files import file_name
from contracts.session import SessionManifest
from contracts.takes import CameraDetections, Detection, StereoObservations, TakeClip, TakeManifest
from contracts.wire import Wire
from device.export.detections import detections_path, observations_path
from device.export.film import Film, film_of
from device.export.key_frames import Frames
from device.export.take_metrics import metrics
from device.export.verify_frames import FramesCheck

W = TypeVar("W", bound=Wire)
MS = 1_000_000
BLOCK_BYTES = 1 << 20
SAME_NS = 2_000_000  # containers round times to a millisecond
AGAIN = "copy it again from the box, or record it again"
CLOSES = "start the box once more, which closes what a crash left; else record it again"


class Reports(Protocol):
    """Where findings go, and how files are read."""

    def error(self, path: Path, text: str, mend: str) -> None: ...
    def note(self, path: Path, text: str) -> None: ...
    def file(self, path: Path, mend: str) -> Path | None: ...
    def read(self, path: Path, model: type[W], mend: str) -> W | None: ...


class TakeCheck:
    def __init__(self, report: Reports, folder: Path, session: SessionManifest | None, frames: Frames) -> None:
        self._report, self._folder, self._session, self._frames = report, folder, session, frames
        self._path = folder / "manifest.json"

    def run(self) -> None:
        for path in sorted(self._folder.glob("*.part")):
            self._report.error(path, "was never finished", CLOSES)
        manifest = self._report.read(self._path, TakeManifest, CLOSES)
        if manifest is None:
            return
        self._names(manifest)
        films = {clip.camera: film for clip in manifest.clips if (film := self._clip(manifest, clip)) is not None}
        found = self._detections(manifest, films)
        observations = self._observations(manifest)
        self._metrics(manifest, films, found, observations)
        if manifest.saved.training_frames:
            FramesCheck(self._report, self._folder, manifest).run(films, found)

    def _wrong(self, text: str, mend: str = AGAIN) -> None:
        self._report.error(self._path, text, mend)

    def _names(self, manifest: TakeManifest) -> None:
        if manifest.pitch_id != self._folder.name:
            self._wrong(f"pitch_id is {manifest.pitch_id}, and the folder is {self._folder.name}", "give the folder its name back")
        session = self._session
        if session and (manifest.session_id, manifest.cameras) != (session.session_id, session.cameras):
            self._wrong("is of another session, or of other cameras than its session")
        if manifest.end < manifest.start:
            self._wrong("it ends before it starts")
        span_ns, timing = manifest.end - manifest.start, manifest.performance_metrics.timing_accuracy
        if abs(span_ns - timedelta(microseconds=timing.duration_ns // 1000)) > timedelta(milliseconds=100):
            self._report.note(self._path, "start and end lie otherwise apart than duration_ns says: the wall clock was set in between")
        cameras = [clip.camera for clip in manifest.clips]
        for camera in manifest.cameras:
            if cameras.count(camera) != 1:
                self._wrong(f"has {cameras.count(camera)} clips of camera {camera}", "see the faults it names, and record it again")
        for words in manifest.faults:
            self._report.note(self._path, f"said when it was recorded: {words}")

    def _clip(self, manifest: TakeManifest, clip: TakeClip) -> Film | None:
        if clip.file != (name := f"{file_name(clip.camera)}.{clip.container}"):
            self._wrong(f"camera {clip.camera}: its clip is called {clip.file[:100]!r}, and should be {name}")
            return None
        path = self._report.file(self._folder / name, AGAIN)
        if path is None:
            return None
        try:
            size, digest = hashed(path)
            if (size, digest) != (clip.bytes, clip.sha256):
                self._report.error(path, f"is not what was recorded: {size} bytes of {clip.bytes}, or its hash is another", AGAIN)
            film = film_of(path, clip)
            self._played(path, clip, film)
        except (HardwareError, StorageError, OSError) as error:
            text, _, mend = str(error).partition("; ")
            self._report.error(path, text, mend or AGAIN)
            return None
        self._pre_roll(manifest, clip, film, path)
        return film

    def _played(self, path: Path, clip: TakeClip, film: Film) -> None:
        if len(film) != clip.frames:
            self._report.error(path, f"holds {len(film)} pictures, the manifest says {clip.frames}", AGAIN)
        decoded, sizes = 0, set()
        for frame in self._frames(path):
            decoded += 1
            sizes.add((frame.planes.width, frame.planes.height))
        if decoded != len(film):
            self._report.error(path, f"of {len(film)} pictures {decoded} can be decoded", AGAIN)
        if not sizes <= {(clip.width, clip.height), (clip.height, clip.width)}:
            self._report.error(path, f"shows pictures of {sizes}, the manifest says {clip.width}x{clip.height}", AGAIN)

    def _pre_roll(self, manifest: TakeManifest, clip: TakeClip, film: Film, path: Path) -> None:
        """The first picture within one of `start - pre_roll_ms`, or the manifest says that it is the key frame before it."""
        asked_ns = manifest.performance_metrics.timing_accuracy.start_ns - manifest.pre_roll_ms * MS
        early_ns = asked_ns - film.first_ns
        frame_ns = film.frame_ns + SAME_NS
        if early_ns < -frame_ns:
            self._report.error(
                path,
                f"begins {-early_ns / 1e6:.0f} ms later than the pre-roll asks",
                "let the camera send a key frame each second; a take right after the start of the box has no pre-roll",
            )
        elif early_ns > frame_ns and clip.begins != "at the key frame before":
            self._report.error(path, f"begins {early_ns / 1e6:.0f} ms early, and the manifest does not say so", AGAIN)
        if clip.begins == "at the key frame before" and early_ns < -SAME_NS:
            self._report.error(path, "does not begin at the key frame before the pre-roll, as the manifest says", AGAIN)

    def _detections(self, manifest: TakeManifest, films: dict[str, Film]) -> dict[str, Sequence[Detection]] | None:
        """None: they were not kept, or cannot be read."""
        if not manifest.saved.detections:
            return None
        found: dict[str, Sequence[Detection]] = {}
        for camera in manifest.cameras:
            path = detections_path(self._folder, camera)
            read = self._report.read(path, CameraDetections, AGAIN)
            if read is None:
                continue
            if (read.pitch_id, read.camera) != (manifest.pitch_id, camera):
                self._report.error(path, f"is of {read.pitch_id}, camera {read.camera}", AGAIN)
            film = films.get(camera)
            if film:
                self._places(path, read.detections, film)
            found[camera] = read.detections
        return found if len(found) == len(manifest.cameras) else None

    def _places(self, path: Path, found: Sequence[Detection], film: Film) -> None:
        outside = [each.frame_index for each in found if each.frame_index >= len(film)]
        if outside:
            self._report.error(path, f"names picture {outside[0]}, and the clip has {len(film)}", AGAIN)
            return
        apart_ns = max((abs(film.mono_ns(each.frame_index) - each.timestamp_ns) for each in found), default=0)
        if apart_ns > film.frame_ns + SAME_NS:
            self._report.error(path, f"times lie up to {apart_ns / 1e6:.0f} ms from those of the pictures they name", AGAIN)

    def _observations(self, manifest: TakeManifest) -> int | None:
        if not manifest.saved.observations:
            return None
        path = observations_path(self._folder)
        read = self._report.read(path, StereoObservations, AGAIN)
        if read and read.pitch_id != manifest.pitch_id:
            self._report.error(path, f"is of {read.pitch_id}", AGAIN)
        return read.observation_count if read else None

    def _metrics(
        self, manifest: TakeManifest, films: dict[str, Film], found: dict[str, Sequence[Detection]] | None, observations: int | None
    ) -> None:
        """Those that can be worked out again from the files; a damaged file has been told of already."""
        said, timing = manifest.performance_metrics, manifest.performance_metrics.timing_accuracy
        quality = said.detection_quality
        if timing.end_ns < timing.start_ns or timing.duration_ns != timing.end_ns - timing.start_ns:
            self._wrong(f"duration_ns is {timing.duration_ns}, from start_ns to end_ns it is {timing.end_ns - timing.start_ns}")
            return
        if observations is not None and observations != quality.stereo_observations:
            self._wrong(f"stereo_observations is {quality.stereo_observations}, and there are {observations}")
        looks = quality.frames_analysed, quality.frames_without_answer
        again = metrics(films, found or {}, (timing.start_ns, timing.end_ns), looks, quality.stereo_observations)
        if len(films) == len(manifest.cameras) and again.timing_accuracy != timing:
            frames = again.timing_accuracy.pre_roll_frames_captured
            self._wrong(f"pre_roll_frames_captured is {timing.pre_roll_frames_captured}, in the clips there are {frames}")
        if found is None:
            return
        for name, value in again.detection_quality.model_dump().items():
            if value != (was := getattr(quality, name)):
                self._wrong(f"{name} is {was}, worked out again from the detections it is {value}")


def hashed(path: Path) -> tuple[int, str]:
    digest, size = sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()
