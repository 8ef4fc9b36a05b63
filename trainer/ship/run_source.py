"""A run's folder as what is exported: its network with the best weights, and the parts of its data set that an export may see."""

from __future__ import annotations

from contracts.errors import ConfigError, ProtocolError
from contracts.run import Run
from trainer.home import Home
from trainer.ship.lesson import lesson_of
from trainer.ship.trained import Trained
from trainer.train.config_file import config_of
from trainer.train.family import FAMILY
from trainer.train.run_folder import RunFolder
from trainer.train.weights import digest_of, read_network


def is_ours(run: Run) -> bool:
    """Whether its network is one of the family; a name with a colon is an adapter's."""
    return config_of(run.config).model.architecture in FAMILY


def trained_of(folder: RunFolder, run: Run, home: Home) -> Trained:
    """ConfigError: there is nothing to export yet. ProtocolError: the weights are not those of its run.json."""
    if not folder.best.is_file():
        raise ConfigError(f"run {run.id}: is {run.state} and has no best weights yet; train it, or go on with it by --resume {run.id}")
    if run.state == "done" and run.weights_sha256 not in {None, digest_of(folder.best)}:
        raise ProtocolError(f"{folder.best}: are not the weights that run.json names; restore the file or train again")
    network, about = read_network(folder.best)
    lesson = lesson_of(config_of(run.config).data, home, about.classes)
    return Trained(network, about.classes, about.size, lesson, notes=tuple(run.notes))
