"""Finish: the best weights judged on val: operating points chosen and frozen, targets compared, the report written."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from contracts.evaluation import Evaluation, SavedAnswers
from contracts.files import write_durably
from contracts.run import Run, Target
from trainer.judge.answers_file import Contestant, save_answers
from trainer.judge.ground import Answers
from trainer.judge.hotcoco_evaluator import evaluator
from trainer.judge.loading import judged_root
from trainer.judge.points import choose, parse_choice
from trainer.judge.report import evaluate
from trainer.train.config import Targets
from trainer.train.material import Material
from trainer.train.report import page
from trainer.train.run_folder import RunFolder
from trainer.train.score import answers
from trainer.train.weights import digest_of, read_network
from trainer.train.worst import worst


def judge(folder: RunFolder, material: Material, choice: str) -> tuple[SavedAnswers, Evaluation, Answers]:
    """What the best weights of a run say of val, and how good that is at points chosen there."""
    network, about = read_network(folder.best)
    said, root = answers(network, about, material.val_items), judged_root(material.val)
    points = {name: point.confidence for name, point in choose(material.val, said, parse_choice(choice)).items()}
    saved = SavedAnswers(
        model=digest_of(folder.best),
        labels=list(about.classes),
        points=points,
        points_root=root,
        pictures={
            name: [
                (box[0], box[1], box[2], box[3], sure, kind)
                for box, sure, kind in zip(found.boxes.tolist(), found.confidence.tolist(), found.kinds.tolist(), strict=True)
            ]
            for name, found in said.items()
        },
    )
    judged = evaluate(material.val, Contestant(saved.model, said, points, root), evaluator(), "val")
    return saved, judged, said


def finish(folder: RunFolder, run: Run, material: Material, targets: Targets) -> Run:
    """`answers-val.json`, `evaluation.json` and `report.html`; the run as it is then."""
    saved, judged, said = judge(folder, material, targets.points)
    save_answers(folder.path / "answers-val.json", saved)
    write_durably(folder.path / "evaluation.json", judged.model_dump_json(indent=1).encode() + b"\n")
    run = run.model_copy(update={"targets": reached(targets, judged), "weights_sha256": saved.model})
    shots = worst(material.val, said, saved.points, material.val_items)
    write_durably(folder.path / "report.html", page(run, folder.lines(), judged, shots).encode())
    return run


def reached(targets: Targets, judged: Evaluation) -> dict[str, Target]:
    """Each that was asked for; of what is of each class the worst counts."""
    each = [figures for figures in judged.classes.values() if figures.wanted]
    got: dict[str, tuple[float | None, float | None, Callable[[float, float], bool]]] = {
        "map50_min": (targets.map50_min, judged.coco.get("ap50"), float.__ge__),
        "map_min": (targets.map_min, judged.coco.get("ap"), float.__ge__),
        "recall_min": (targets.recall_min, _worst([f.recall for f in each], min), float.__ge__),
        "precision_min": (targets.precision_min, _worst([f.precision for f in each], min), float.__ge__),
        "count_mae_max": (targets.count_mae_max, _worst([f.count_mae for f in each], max), float.__le__),
    }
    return {
        name: Target(asked=asked, got=value, met=value is not None and met(value, float(asked)))
        for name, (asked, value, met) in got.items()
        if asked is not None
    }


def _worst(values: Sequence[float | None], pick: Callable[[list[float]], float]) -> float | None:
    known = [value for value in values if value is not None]
    return pick(known) if known and len(known) == len(values) else None
