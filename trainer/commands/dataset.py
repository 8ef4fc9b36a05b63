"""vedette-trainer dataset: training data and its formats as on the box, and what only the trainer needs: roots, splits, lineage."""

from __future__ import annotations

import argparse

from dataset.commands import tree
from trainer.datasets.actions import check, hash, lineage, split

SUMMARY = "convert, divide, compare and check training data"
ACTIONS = {**tree.ACTIONS, "check": check, "hash": hash, "split": split, "lineage": lineage}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tree.add_arguments(parser, ACTIONS)


def run(args: argparse.Namespace) -> int:
    return tree.run(args, ACTIONS)
