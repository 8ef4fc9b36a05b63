"""vedette-trainer dataset: training data and its formats; the same on the box and on the trainer's machine."""

from dataset.commands.tree import add_arguments, run

__all__ = ["SUMMARY", "add_arguments", "run"]
SUMMARY = "convert, divide, compare and check training data"
