"""FramesCheck: the key frames of a take: every one that should be there, each a whole PNG of its camera's size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, get_args
from zlib import crc32

import cv2
import numpy as np

from contracts.takes import CameraFrames, Detection, Moment, TakeClip, TakeManifest
from device.export.film import Film
from device.export.key_frames import frames_folder, interval_file, moments

SIGNATURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
ENDING = b"\0\0\0\0IEND\xaeB`\x82"
MOST_BYTES = 512 << 20
MOST_PIXELS = 64 << 20
AGAIN = "copy it again from the box, or record it again"
MOMENTS: tuple[Moment, ...] = get_args(Moment)


class Reports(Protocol):
    def error(self, path: Path, text: str, mend: str) -> None: ...
    def file(self, path: Path, mend: str) -> Path | None: ...


class FramesCheck:
    def __init__(self, report: Reports, folder: Path, manifest: TakeManifest) -> None:
        self._report, self._folder, self._manifest = report, folder, manifest
        self._path = folder / "manifest.json"

    def run(self, films: Mapping[str, Film], found: Mapping[str, Sequence[Detection]] | None) -> None:
        clips = {clip.camera: clip for clip in self._manifest.clips}
        for camera in self._manifest.cameras:
            said = self._manifest.frames.get(camera)
            if said is None:
                self._report.error(self._path, f"says nothing of the key frames of camera {camera}", AGAIN)
                continue
            self._said(camera, said)
            for file in sorted({each.file for each in said.key_frames}):
                self._picture(frames_folder(self._folder, camera) / file, clips.get(camera))
            self._strangers(camera, said)
            film = films.get(camera)
            if film:
                self._moments(camera, said, film, None if found is None else found[camera])
                self._interval(camera, said, film)

    def _wrong(self, text: str) -> None:
        self._report.error(self._path, text, AGAIN)

    def _said(self, camera: str, said: CameraFrames) -> None:
        """Every moment is either there, once, or absent for a reason."""
        have = [*(each.moment for each in said.key_frames), *(each.moment for each in said.absent)]
        for moment in MOMENTS:
            if moment != "interval" and have.count(moment) != 1:
                self._wrong(f"camera {camera}: names {moment} {have.count(moment)} times, neither there nor absent for one reason")
        for each in said.key_frames:
            if each.file != (interval_file(each.frame_index) if each.moment == "interval" else f"{each.moment}.png"):
                self._wrong(f"camera {camera}: {each.moment} of picture {each.frame_index} is called {each.file}")

    def _picture(self, path: Path, clip: TakeClip | None) -> None:
        if self._report.file(path, AGAIN) is None:
            return
        try:
            data = path.read_bytes() if path.stat().st_size <= MOST_BYTES else b""
        except OSError as error:
            self._report.error(path, f"cannot be read: {error.strerror}", "see the disk's state and the file's rights")
            return
        if not data.startswith(SIGNATURE) or not data.endswith(ENDING):
            self._report.error(path, "is no PNG, or not a whole one", AGAIN)
            return
        width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
        if clip and (width, height) not in {(clip.width, clip.height), (clip.height, clip.width)}:
            self._report.error(path, f"is {width}x{height}, its camera {clip.width}x{clip.height}", AGAIN)
            return
        if width * height > MOST_PIXELS:
            self._report.error(path, f"is {width}x{height}: no camera has such pictures", AGAIN)
            return
        if not sound_png(data) or _decoded(data) != (height, width):
            self._report.error(path, "is a damaged PNG", AGAIN)

    def _strangers(self, camera: str, said: CameraFrames) -> None:
        names = {each.file for each in said.key_frames}
        folder = frames_folder(self._folder, camera)
        for path in sorted(folder.glob("*")) if folder.is_dir() else []:
            if path.name not in names:
                self._report.error(path, "is not in the manifest", "delete it")

    def _moments(self, camera: str, said: CameraFrames, film: Film, found: Sequence[Detection] | None) -> None:
        timing = self._manifest.performance_metrics.timing_accuracy
        wanted, _ = moments(film, found or (), (timing.start_ns, timing.end_ns))
        have = {each.moment: each.frame_index for each in said.key_frames if each.moment != "interval"}
        absent = {each.moment: each.reason for each in said.absent}
        for moment, index in wanted.items():
            if moment not in have and "damaged" not in absent.get(moment, ""):
                self._wrong(f"camera {camera}: {moment} is picture {index}, and it was not kept: {absent.get(moment, 'no reason')}")
            elif moment in have and have[moment] != index:
                self._wrong(f"camera {camera}: {moment} is picture {index}, what was kept is picture {have[moment]}")
        if found is not None and not self._manifest.summary:
            for moment in sorted(set(have) - set(wanted)):
                self._wrong(f"camera {camera}: there can be no {moment} in this take")

    def _interval(self, camera: str, said: CameraFrames, film: Film) -> None:
        step = self._manifest.saved.frame_save_interval
        have = [each.frame_index for each in said.key_frames if each.moment == "interval"]
        wrong = [index for index in have if index % step or index >= len(film)]
        if wrong:
            self._wrong(f"camera {camera}: picture {wrong[0]} is none of every {step}")
        wanted = len(range(0, len(film), step))
        if len(set(have)) + said.left_out != wanted:
            self._wrong(f"camera {camera}: {len(set(have))} pictures of every {step} and {said.left_out} left out make not {wanted}")


def sound_png(data: bytes) -> bool:
    """Every chunk whole, with the check sum it says."""
    at = 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + size]
        if at + 12 + size > len(data) or crc32(body) != int.from_bytes(data[at + 8 + size : at + 12 + size], "big"):
            return False
        at += 12 + size
    return at == len(data)


def _decoded(data: bytes) -> tuple[int, ...] | None:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else picture.shape[:2]
