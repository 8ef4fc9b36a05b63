"""`vedette dataset`: training data and its formats; the same on the box and on the trainer's machine."""

from dataset.commands.tree import add_arguments, run

__all__ = ["add_arguments", "run"]
