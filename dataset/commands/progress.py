"""Progress of long work: a bar on stderr where somebody watches, nothing where nobody does."""

from __future__ import annotations

import sys
from typing import TextIO

WIDTH = 30
EVERY = 200  # items between two drawings, where the end is not known


class Progress:
    """`tick(done)` may be called for every item: it draws when a hundredth more is done."""

    def __init__(self, what: str, total: int | None, stream: TextIO | None = None) -> None:
        self._what, self._total, self._stream = what, total, stream or sys.stderr
        self._shown, self._drawn = self._stream.isatty(), -1

    def tick(self, done: int) -> None:
        step = done * 100 // self._total if self._total else done // EVERY
        if not self._shown or step == self._drawn:
            return
        self._drawn = step
        if self._total:
            full = min(done, self._total) * WIDTH // self._total
            bar = f"[{'#' * full}{'.' * (WIDTH - full)}] {min(step, 100):3d} %  {done} of {self._total}"
        else:
            bar = f"{done} pictures"
        self._stream.write(f"\r\x1b[K{self._what}  {bar}")
        self._stream.flush()

    def end(self) -> None:
        if self._shown and self._drawn >= 0:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
