"""Going out: the train and val parts as a YOLO folder for a program that knows nothing of doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from contracts.errors import ConfigError
from dataset.findings import Findings
from dataset.formats.yolo_write import YoloWriter
from dataset.items import Item, Label
from trainer.judge.loading import MACHINES
from trainer.ship.lesson import Lesson
from trainer.train.config import Data

Doubt = Literal["leave_out", "background"]


@dataclass
class WentOut:
    """`left_out`: pictures that stayed here, by reason."""

    folder: Path
    pictures: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def notes(self) -> list[str]:
        return [f"{count} pictures did not go out: {why}" for why, count in sorted(self.left_out.items())]


def go_out(lesson: Lesson, data: Data, folder: Path, doubt: Doubt) -> WentOut:
    """Copies, so that nothing out there can change the data set. The test part stays.

    `doubt` leave_out: a picture that is not labelled whole stays too, else what nobody labelled would be learnt as "nothing there".
    """
    done = WentOut(folder)
    writer = YoloWriter(folder, lesson.categories, "copy", Findings())
    try:
        for split, items in (("train", lesson.train), ("val", lesson.val)):
            for item in items:
                labels, why = certain(item, lesson.labels, data)
                if why and doubt == "leave_out":
                    done.left_out[why] += 1
                    continue
                writer.write(replace(item, labels=labels, split=split, file=_flat(item)))
                done.pictures[split] += 1
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    for split in ("train", "val"):
        if not done.pictures[split]:
            what = "; ".join(done.notes()) or "the split gave it none"
            raise ConfigError(f"the {split} part has no picture that can go out ({what}); label pictures whole, or set doubt: background")
    return done


def certain(item: Item, classes: Sequence[str], data: Data) -> tuple[tuple[Label, ...], str]:
    """The labels to learn, and why the picture is not labelled whole; empty: it is."""
    mine = [label for label in item.labels if label.category in classes]
    sure = [label for label in mine if not label.crowd and _is_learnt(label, data)]
    if item.exhaustive_for is not None and set(classes) - set(item.exhaustive_for):
        return tuple(sure), "not every class was labelled in it"
    if item.ignore or any(label.crowd for label in mine):
        return tuple(sure), "parts of it are not judged"
    if len(sure) < len(mine):
        return tuple(sure), "a machine's boxes in it were looked at by nobody"
    return tuple(sure), ""


def _is_learnt(label: Label, data: Data) -> bool:
    if label.verified or label.source not in MACHINES:
        return True
    return data.machine_labels == "learn" and (label.confidence is None or label.confidence >= data.min_confidence)


def _flat(item: Item) -> str:
    """Folders of the set would become folders beside `train`, which not every program reads."""
    return item.file.replace("/", "_")
