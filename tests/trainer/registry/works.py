"""A trainer's home in which a run was trained and exported: a small real network that finds bright boxes, and pictures of its data set."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2

from contracts.exported import Exported, ExportedFigures, ExportedFile
from contracts.run import Run, Software
from contracts.verdict import Check, Override, TestSet, Verdict
from dataset.formats.coco_write import CocoWriter
from dataset.items import Category, Item, Label
from tests.vision.bundles import scene
from tests.vision.models import white_box
from trainer.home import Home
from trainer.registry.making import Request, make_bundle
from vision.bundle import read_bundle

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
RUN = "01KAKV1Q0X0000000000000000"
ROOT = "sha256:" + "d" * 64
INPUT = {"name": "image", "size": (64, 96), "multiple": 32, "pad": 114}
# brightness of the box, and where: the network's confidence is brightness / 255
PICTURES = {
    "sure": (255, (10, 10, 40, 40)), "hard": (225, (20, 8, 60, 50)), "empty": (0, None), "dim": (150, (30, 30, 60, 60)),
    "other": (250, (50, 20, 90, 60)),
}  # fmt: skip


def picture(folder: Path, name: str, split: str) -> Item:
    brightness, box = PICTURES[name]
    path = folder / f"{split}-{name}.png"
    assert cv2.imwrite(str(path), scene(96, 64, box, brightness))
    labels = () if box is None else (Label((box[0], box[1], box[2] - box[0], box[3] - box[1]), "box", verified=True),)
    return Item(path.stem, path.name, 96, 64, labels, path, split)


def data_set(home: Home, name: str = "yard") -> Path:
    scratch = home.path / "scratch"
    scratch.mkdir(exist_ok=True)
    writer = CocoWriter(home.sets / name, [Category("box", 1)])
    for split in ("train", "val", "test"):
        for each in PICTURES:
            writer.write(picture(scratch, each, split))
    writer.close()
    return home.sets / name


def exported(model: bytes, **changes: Any) -> Exported:
    digest = sha256(model).hexdigest()
    figures = ExportedFigures(ap=0.8, ap50=0.9, answers=4, cpu_ms=1.5)
    file = ExportedFile(kind="onnx", path="model.onnx", size=len(model), sha256=digest, opset=17, figures=figures)
    head = {"kind": "end2end"}
    said = {"labels": ["box"], "input": INPUT, "head": head, "pictures": 5, "judged": ROOT, "files": [file], "licence": "Apache-2.0"}
    return Exported.model_validate({**said, **changes})


def run_of(**changes: Any) -> Run:
    said = {
        "id": RUN, "state": "done", "config": {"data": {"set": "yard", "split": None}}, "classes": ["box"], "data_root": ROOT,
        "split_root": ROOT, "split_sha256": "5" * 64, "parent": None, "seed": 7, "device": "cpu", "created": NOW,
        "software": Software(vedette="0.1.0", torch="2.13", python="3.11"), "pictures": {"train": 5, "val": 5}, "examples": {"box": 4},
    }  # fmt: skip
    return Run.model_validate({**said, **changes})


def write_run(folder: Path, model: bytes | None = None, run: Run | None = None, **changes: Any) -> Path:
    model = model or white_box()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    (folder / "export.json").write_text(exported(model, **changes).model_dump_json())
    if run is not None:
        (folder / "run.json").write_text(run.model_dump_json())
    return folder


def trained_home(path: Path) -> Home:
    """With the run RUN, made and exported."""
    home = Home(path)
    data_set(home)
    write_run(home.runs / RUN, run=run_of())
    return home


def verdict(candidate: str, answer: str = "pass", **changes: Any) -> Verdict:
    check = Check(
        rule="finds-boxes", kind="absolute", answer=answer, why="recall is 0.950, at least 0.9 is asked for", metric="recall",  # type: ignore[arg-type]
        label="box", limit=0.9, estimate=0.95, low=0.92, high=0.97, recordings=40, objects=300,
    )  # fmt: skip
    overrides = [Override(rule="slow", reason="no box is here to measure", name="Ada", t=NOW)] if changes.pop("aside", False) else []
    said = {
        "answer": answer, "takes_the_title": answer == "pass" and not overrides, "candidate": candidate, "gates_sha256": "9" * 64,
        "confidence": 0.95, "resamples": 2000, "seed": 1, "checks": [check], "overrides": overrides, "t": NOW,
        "test_set": TestSet(root="sha256:" + "e" * 64, uses=1, models=1, level="fresh", note="1 models were judged on this test set"),
    }  # fmt: skip
    return Verdict.model_validate({**said, **changes})


def write_verdict(path: Path, said: Verdict) -> Path:
    path.write_bytes(said.model_dump_json(indent=1).encode() + b"\n")
    return path


def draft(home: Home, name: str = "boxes", version: str = "1.0.0", run: str = RUN) -> Path:
    return make_bundle(home, run, Request(name, version, draft=True))


def passed(home: Home, name: str = "boxes", version: str = "1.0.0", run: str = RUN, **about: Any) -> Path:
    """The whole way: a draft, a verdict of it, the bundle."""
    judged = read_bundle(draft(home, name, version, run))
    file = write_verdict(home.path / f"{name}-{version}.json", verdict(judged.digest, **about))
    return make_bundle(home, run, Request(name, version), file)


def brighter(home: Home, run: str, full: float) -> str:
    """Another run, whose network is a little different: it takes another brightness for certain."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    model = onnx.load_model_from_string(white_box())
    for n, each in enumerate(model.graph.initializer):
        if each.name == "full":
            model.graph.initializer[n].CopyFrom(numpy_helper.from_array(np.array(full, np.float32), "full"))
    write_run(home.runs / run, bytes(model.SerializeToString()), run_of(id=run))
    return run


def manifest(path: Path) -> dict[str, Any]:
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return dict(json.loads(archive.read("bundle.json")))
