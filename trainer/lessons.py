"""What a recipe learns from and is measured on: frames of one recording in three parts, labelled by a teacher."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer import teacher
from trainer.evaluate import Truth
from trainer.footage import count, frames, sha256
from trainer.labels import Label, Sighting, empty_scene, labels, moved
from trainer.split import Split, by_time
from vision.bundle import StoredBundle
from vision.detector import open_detector
from vision.types import Image

STEP = 2  # every second frame is labelled
SCENE_FRAMES = 40
REPORTED = 40  # every so many frames of the teacher


@dataclass(frozen=True)
class Parts:
    """Shares of the recording, frames of the gaps between them, and frames wanted besides."""

    train: float
    validation: float
    gap: int
    also: tuple[int, ...] = ()


@dataclass(frozen=True)
class Lessons:
    """Frames are BGR by number; labels by part and number."""

    split: Split
    images: dict[int, Image]
    labels: dict[str, dict[int, Label]]
    scene: Image  # the empty scene of the training part
    footage_sha256: str

    def truths(self, part: str) -> dict[int, Truth]:
        return {i: Truth(label.boxes, label.ignored) for i, label in self.labels[part].items()}

    def digest(self) -> str:
        parts = {part: {i: [v.boxes.tolist(), v.ignored.tolist()] for i, v in known.items()} for part, known in self.labels.items()}
        return hashlib.sha256(json.dumps([self.footage_sha256, parts], sort_keys=True).encode()).hexdigest()


def teach(video: Path, bundle: StoredBundle, parts: Parts, work: Path, report: Callable[[str], None]) -> Lessons:
    """The teacher's sightings become labels, part by part: none is helped by what happens in another."""
    total = count(video)
    split = by_time(total, parts.train, parts.validation, parts.gap)
    wanted = [i for i in range(0, total, STEP) if split.part(i)]
    images = frames(video, {*wanted, *parts.also})
    sightings = sight_all(bundle, {i: images[i] for i in wanted}, work / "sightings.jsonl", report)
    known, scenes = {}, {}
    for part in ("train", "validation", "test"):
        mine = [i for i in wanted if split.part(i) == part]
        scenes[part] = empty_scene([images[i] for i in mine[:: max(1, len(mine) // SCENE_FRAMES)]])
        seen = {i: sightings[i] for i in mine}
        known[part] = labels(seen, {i: moved(images[i], scenes[part], seen[i].boxes) for i in mine})
    report("labels: " + ", ".join(f"{sum(len(v.boxes) for v in known[p].values())} persons in {len(known[p])} frames ({p})" for p in known))
    return Lessons(split, images, known, scenes["train"], sha256(video))


def sight_all(bundle: StoredBundle, images: Mapping[int, Image], kept: Path, report: Callable[[str], None]) -> dict[int, Sighting]:
    """One line a frame is kept, so that a run broken off goes on where it was."""
    sightings = {i: seen for i, seen in _read(kept).items() if i in images}
    missing = [i for i in images if i not in sightings]
    detector = open_detector(bundle, min_confidence=teacher.LEAST, wanted=[teacher.LABEL])
    with kept.open("w") as out, ThreadPoolExecutor(2) as pool:
        out.writelines(_line(i, seen) for i, seen in sightings.items())
        for number, (index, seen) in enumerate(zip(missing, pool.map(lambda i: teacher.sight(detector, images[i]), missing), strict=True)):
            out.write(_line(index, seen))
            out.flush()
            sightings[index] = seen
            if number % REPORTED == 0:
                report(f"teacher: frame {number + 1} of {len(missing)}")
    detector.close()
    return sightings


def _line(index: int, seen: Sighting) -> str:
    return json.dumps([index, seen.boxes.tolist(), seen.confidence.tolist(), seen.votes.tolist()]) + "\n"


def _read(kept: Path) -> dict[int, Sighting]:
    found = {}
    for line in kept.read_text().splitlines() if kept.exists() else []:
        try:
            index, boxes, confidence, votes = json.loads(line)
        except ValueError:
            continue  # the last line of a run that was broken off
        found[index] = Sighting(np.array(boxes, np.float32).reshape(-1, 4), np.array(confidence, np.float32), np.array(votes, np.int32))
    return found
