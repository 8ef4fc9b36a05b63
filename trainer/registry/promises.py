"""Promises: what a bundle stands for besides its network: confidences that were frozen, golden pictures, how its pictures were sampled."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.bundle import Sampled
from contracts.errors import ConfigError
from contracts.evaluation import SavedAnswers
from contracts.run import Run
from dataset.layout import read_small
from trainer.home import Home
from trainer.judge.answers_file import contestant
from trainer.judge.asked import read_saved
from trainer.judge.asking import ask
from trainer.judge.loading import judged_root
from trainer.judge.points import Choice, choose
from trainer.registry.golden import MOST_BYTES, Chosen, choose_golden, sample
from trainer.registry.lesson import lesson_of
from vision.bundle import StoredBundle

DEFAULT_CONFIDENCE = 0.25
FOLDER = "golden/"
MOST = 16
WORDS = {
    "sure": "what it is sure of", "hard": "hard, and right", "empty": "nothing is there, and it says so", "any": "one more",
    "given": "given by whoever made the bundle",
}  # fmt: skip


@dataclass(frozen=True)
class Promises:
    """`pictures` by their path in the bundle, which says why each is there: golden/02-hard.png."""

    class_confidence: Mapping[str, float]
    min_confidence: float
    pictures: Mapping[str, bytes]
    points_root: str | None = None
    sampling: Mapping[str, Sampled] = field(default_factory=dict)

    def reasons(self) -> dict[str, str]:
        return {path: _reason(path) for path in sorted(self.pictures)}


def from_draft(judged: StoredBundle) -> Promises:
    """Those of the draft that was judged: other confidences would be another model."""
    manifest = judged.manifest
    pictures = {golden.image: judged.read(golden.image) for golden in manifest.golden}
    lineage = manifest.lineage
    root, sampling = (lineage.points_root, lineage.sampling) if lineage else (None, {})
    return Promises(manifest.class_confidence, manifest.min_confidence, pictures, root, sampling)


def given(pictures: Sequence[Path], points: Path | None, labels: Sequence[str]) -> Promises:
    if len(pictures) > MOST:
        raise ConfigError(f"golden pictures: {len(pictures)} are given, at most {MOST} are taken; choose")
    named = {_path(number, "given", path.suffix): read_small(path, MOST_BYTES) for number, path in enumerate(pictures, 1)}
    chosen, root = _read_points(points, labels)
    return Promises(chosen, _lowest(chosen, labels), named, root)


def learnt(
    home: Home,
    run: Run,
    labels: Sequence[str],
    points: Path | None,
    most: int,
    bundle: Callable[[], Path],
    tick: Callable[[int], Callable[[int], None]],
) -> Promises:
    """Chosen on validation pictures of the run: confidences by F1 where none are given, then the golden ones."""
    lesson = lesson_of(home, run, labels)
    asked = lesson if points is None else sample(lesson)
    saved = ask(bundle(), asked.val, tick=tick(len(asked.val)))
    said = contestant(saved, asked.ground)
    if points is None:
        chosen = {name: round(point.confidence, 6) for name, point in choose(asked.ground, said.answers, Choice()).items()}
        root: str | None = judged_root(asked.ground)
    else:
        chosen, root = _read_points(points, labels)
    lowest = _lowest(chosen, labels)
    floors = {name: chosen.get(name, lowest) for name in labels}
    golden = choose_golden(asked, said.answers, floors, min(most, MOST))
    pictures = {_path(number, each.why, _suffix(each)): each.data for number, each in enumerate(golden, 1)}
    return Promises(chosen, lowest, pictures, root, lesson.sampling)


def _read_points(path: Path | None, labels: Sequence[str]) -> tuple[dict[str, float], str | None]:
    if path is None:
        return {}, None
    saved: SavedAnswers = read_saved(path)
    if not saved.points or saved.points_root is None:
        raise ConfigError(f"{path}: no operating points were chosen in it; write it with `evaluate --split val --choose f1 --save`")
    strangers = sorted(set(saved.points) - set(labels))
    if strangers:
        raise ConfigError(f"{path}: has a point for {strangers[0]}, which the model does not know; choose points with this model")
    return dict(saved.points), saved.points_root


def _lowest(points: Mapping[str, float], labels: Sequence[str]) -> float:
    """For a class that has no point of its own: nothing says where it lies."""
    return min(points.values()) if points and set(points) == set(labels) else DEFAULT_CONFIDENCE


def _suffix(each: Chosen) -> str:
    return each.item.path.suffix if each.item.path else ".png"


def _path(number: int, why: str, suffix: str) -> str:
    word = re.sub(r"[^A-Za-z0-9-]+", "-", why)[:60]
    return f"{FOLDER}{number:02}-{word}{suffix.lower() if re.fullmatch(r'[.][A-Za-z0-9]{1,5}', suffix) else ''}"


def _reason(path: str) -> str:
    word = path.removeprefix(FOLDER).partition("-")[2].rpartition(".")[0]
    return WORDS.get(word, f"one of {word.removeprefix('class-')}" if word.startswith("class-") else "one more")
