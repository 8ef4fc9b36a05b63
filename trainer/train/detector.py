"""Training a detector: from a configuration to a run, begun or gone on with; whatever ends it stands in run.json."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from itertools import islice

import torch

from contracts.envelope import Ulids
from contracts.errors import ConfigError
from contracts.run import Best, EpochLine, Run, Software
from contracts.wire import utc_from_ns
from trainer.clock import Clock, SystemClock
from trainer.home import Home
from trainer.jobs.told import Told
from trainer.network import Network
from trainer.train.augment import Augmenter
from trainer.train.config import TrainConfig
from trainer.train.config_file import config_of
from trainer.train.course import Course
from trainer.train.family import FAMILY, build
from trainer.train.feed import Feed, shares
from trainer.train.finish import finish
from trainer.train.learner import Learner
from trainer.train.machine import device_name, device_of, threads
from trainer.train.material import Material, gather
from trainer.train.memory import enough_memory
from trainer.train.parent import Beginning, begin, measure_norms
from trainer.train.pictures import Pictures, with_readable_val
from trainer.train.run_folder import RunFolder, open_run
from trainer.train.score import answers, scored
from trainer.train.team import Team
from trainer.train.weights import About

MIB = 1 << 20
MEASURED = 4  # batches that tell the statistics of a bundle's norms
ID_LENGTH = 26
OnEpoch = Callable[[EpochLine], None]


@dataclass(frozen=True, eq=False)
class Listening:
    """Who hears what a run says."""

    told: Told
    clock: Clock
    on_epoch: OnEpoch


def train_detector(
    config: TrainConfig | None,
    home: Home,
    told: Told,
    resume: str | None = None,
    *,
    clock: Clock | None = None,
    on_epoch: OnEpoch = lambda _: None,
) -> Run:
    """The run as it ended: done, or stopped by `told`. With `resume` (an id) the configuration is the run's own.

    ConfigError, HardwareError and others of ours: it failed, its run.json says why, and what was learnt until then is kept.
    """
    listening = Listening(told, clock or SystemClock(), on_epoch)
    config = _resumed_config(config, home, resume) if resume is not None else config
    if config is None:
        raise ConfigError("training: give a configuration, or the id of a run to resume")
    if config.model.architecture not in FAMILY:
        return _elsewhere(config, home, listening, resume)
    device = device_of(config.training)
    with threads(config.training), Team(device) as team:
        return _Training(config, home, listening, team).run(resume)


def _elsewhere(config: TrainConfig, home: Home, listening: Listening, resume: str | None) -> Run:
    from trainer.adapters.training import train_elsewhere  # only where another program trains

    if resume is not None:
        raise ConfigError(f"run {resume}: was trained by {config.model.architecture}, which begins anew; start it with its --config")
    return train_elsewhere(config, home, listening.told, clock=listening.clock)


class _Training:
    def __init__(self, config: TrainConfig, home: Home, listening: Listening, team: Team) -> None:
        self._config, self._home, self._listening, self._team = config, home, listening, team

    def run(self, resume: str | None) -> Run:
        config = self._config
        self._listening.told.progress(0.0, f"reading data set {config.data.set}")
        material = gather(config.data, self._home)
        if self._team.first:
            material = with_readable_val(material, config.data.broken_max_share, config.training.loaders, self._listening.told)
        network, beginning = self._network(material)
        run, folder = self._resumed(resume, material) if resume is not None else self._new(material, beginning)
        with closing(folder):
            if self._team.first:
                folder.lock()
                run = self._put(folder, run, state="running", why="", ended=None, started=run.started or self._now())
            try:
                return self._learn(folder, run, material, network, beginning)
            except BaseException as error:
                state = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
                if self._team.first:
                    self._put(folder, folder.read(), state=state, why=str(error)[:2000] or type(error).__name__, ended=self._now())
                raise

    def _learn(self, folder: RunFolder, run: Run, material: Material, network: Network, beginning: Beginning) -> Run:
        config, training, team = self._config, self._config.training, self._team
        pictures = Pictures(material.train, config.data.cache_mb * MIB, config.data.broken_max_share, material.broken, material.pictures)
        augmenter = Augmenter(config.augment, config.model.size, pictures.get, len(material.train))
        weights = shares(material.train, config.data.weighting == "inverse_probability", config.data.weight_cap)
        about = About(config.model.architecture, material.classes, config.model.size)
        at_once = training.batch_size * training.accumulate * team.shard.world
        steps = training.steps or -(-len(material.train) // at_once)
        with (
            enough_memory(config),
            Feed(
                augmenter,
                weights,
                config.model.size,
                len(material.classes),
                training.batch_size,
                training.seed,
                training.loaders,
                team.shard,
            ) as feed,
        ):
            if beginning.folded:
                measure_norms(network, [batch.images for batch in islice(feed.batches(0, MEASURED), MEASURED)])
            network.backbone.freeze(config.model.frozen)
            began = config.model.parent or config.model.backbone
            backbone_rate = training.backbone_rate or training.rate / (4 if began else 1)
            learner = Learner(network, training, steps * training.epochs, round(steps * training.warm_up), backbone_rate, team)
            course = Course(
                config, folder, about, learner, feed, steps, team, self._listening.told, self._listening.clock,
                lambda looked: scored(material.val, answers(learner.average, about, material.val_items, looked)), self._listening.on_epoch,
            )  # fmt: skip
            whole = course.run()
        return self._ended(folder, run, material, pictures, whole)

    def _ended(self, folder: RunFolder, run: Run, material: Material, pictures: Pictures, whole: bool) -> Run:
        skipped = [f"{name}: {why}"[:500] for name, why in pictures.broken.items()]
        judged = [line for line in folder.lines() if line.ap50 is not None]
        top = max(judged, key=lambda line: (line.ap50 or 0, line.ap or 0), default=None)
        best = Best(epoch=top.epoch, ap50=top.ap50, ap=top.ap) if top else None
        run = run.model_copy(update={"skipped": skipped, "ended": self._now(), "best": best})
        if not self._team.first:
            return run
        if not whole:
            return self._put(folder, run, state="stopped", why=f"asked to stop; go on with --resume {run.id}")
        self._listening.told.progress(1.0, "judging the best weights, writing the report")
        run = finish(folder, run.model_copy(update={"state": "done"}), material, self._config.targets)
        return self._put(folder, run)

    def _network(self, material: Material) -> tuple[Network, Beginning]:
        torch.manual_seed(self._config.training.seed)
        network = build(self._config.model.architecture, len(material.classes))
        return network, begin(network, self._config.model, material.classes, self._home)

    def _new(self, material: Material, beginning: Beginning) -> tuple[Run, RunFolder]:
        name = self._team.told(Ulids(os.urandom).next(self._listening.clock.wall_ns()), ID_LENGTH)
        folder = RunFolder(self._home.runs / name)
        run = Run(
            id=name,
            state="queued",
            config=self._config.model_dump(mode="json"),
            classes=list(material.classes),
            data_root=material.data_root,
            split_root=material.split_root,
            split_sha256=material.split_sha256,
            parent=beginning.digest,
            seed=self._config.training.seed,
            software=Software(vedette=metadata.version("vedette"), torch=str(torch.__version__), python=platform.python_version()),
            device=device_name(self._team.device),
            processes=self._team.shard.world,
            pictures={"train": len(material.train), "val": len(material.val_items)},
            examples=dict(material.examples),
            created=self._now(),
            notes=_notes(material),
        )
        if self._team.first:
            folder.make()
            folder.write(run)
        return run, folder

    def _resumed(self, resume: str, material: Material) -> tuple[Run, RunFolder]:
        folder = open_run(self._home, resume)
        run = folder.read()
        if run.state == "done":
            raise ConfigError(f"run {run.id}: is done; begin a new one with it as model.parent")
        same = (run.data_root, run.split_sha256, run.classes) == (material.data_root, material.split_sha256, list(material.classes))
        if not same:
            raise ConfigError(f"run {run.id}: its data set or split is not what it began with; begin a new run with it as model.parent")
        return run, folder

    def _put(self, folder: RunFolder, run: Run, **changes: object) -> Run:
        run = run.model_copy(update=changes)
        folder.write(run)
        return run

    def _now(self) -> datetime:
        return utc_from_ns(self._listening.clock.wall_ns())


def _resumed_config(config: TrainConfig | None, home: Home, resume: str) -> TrainConfig:
    """A run that went on with other numbers would be neither the one nor the other."""
    kept = config_of(open_run(home, resume).read().config)
    if config is not None and config != kept:
        raise ConfigError(f"run {resume}: was begun with another configuration; leave --config out, or begin a new run")
    return kept


def _notes(material: Material) -> list[str]:
    wanted = {name: sum(len(case.wanted(kind)) for case in material.val.cases) for kind, name in enumerate(material.classes)}
    return [f"class {name}: nothing of it is labelled in the val part, so its figures are unknown" for name, n in wanted.items() if not n]
