"""Logs: one line an event on stderr, whatever others put into names, paths and reasons."""

from __future__ import annotations

import logging
import sys
from typing import Any

from contracts.shown import shown


class Lines(logging.Formatter):
    """`WARNING words`. What an exception says is indented, so that no line of it reads as an event of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        return shown(super().formatMessage(record)).replace("\n", "\\n")

    def formatException(self, ei: Any) -> str:  # noqa: N802  logging's own name
        return "\n".join(f"  {shown(line)}" for line in super().formatException(ei).splitlines())


def set_up(level: int = logging.WARNING) -> None:
    """Once, at the start of a program that stays."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines("%(levelname)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
