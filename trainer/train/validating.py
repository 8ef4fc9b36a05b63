"""Validating: a run's best weights, or a bundle, judged on the val part again."""

from __future__ import annotations

from pathlib import Path

from contracts.errors import ConfigError
from contracts.evaluation import Evaluation
from trainer.home import Home
from trainer.jobs.told import Told
from trainer.judge.answers_file import contestant
from trainer.judge.asking import ask
from trainer.judge.hotcoco_evaluator import evaluator
from trainer.judge.report import evaluate
from trainer.train.config import TrainConfig
from trainer.train.config_file import config_of
from trainer.train.finish import judge
from trainer.train.material import Material, gather
from trainer.train.parent import parent_path
from trainer.train.pictures import with_readable_val
from trainer.train.run_folder import RunFolder


def validate(name: str, config: TrainConfig | None, home: Home, told: Told) -> Evaluation:
    """`name`: a run, at operating points chosen on val now; or a bundle, at its own, on the val part that `config` names."""
    path = parent_path(name, home)
    if (path / "run.json").is_file():
        folder = RunFolder(path)
        if not folder.best.is_file():
            raise ConfigError(f"run {name}: has no weights yet; they come with its first validation")
        config = config or config_of(folder.read().config)
        material = _material(config, home, told)
        return judge(folder, material, config.targets.points)[1]
    if config is None:
        raise ConfigError(f"validate {name}: a bundle does not say what to judge it on; give --config FILE with its data")
    material = _material(config, home, told)
    total = len(material.val_items)
    saved = ask(Path(path), material.val_items, 1, lambda done: told.progress(done / total, f"{done} of {total} pictures"))
    return evaluate(material.val, contestant(saved, material.val), evaluator(), "val")


def _material(config: TrainConfig, home: Home, told: Told) -> Material:
    told.progress(0.0, f"reading data set {config.data.set}")
    return with_readable_val(gather(config.data, home), config.data.broken_max_share, config.training.loaders, told)
