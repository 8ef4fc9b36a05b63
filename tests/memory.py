"""How much memory a piece of a test takes at its worst."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROC = Path("/proc/self")


@contextmanager
def at_most_mib(most: int) -> Iterator[None]:
    """Fails when this process takes more on top of what it has, if only for a moment."""
    (PROC / "clear_refs").write_text("5")  # the peak is counted anew
    before = _mib("VmRSS")
    yield
    grown = _mib("VmHWM") - before
    assert grown < most, f"{grown} MiB more than before, at its worst"


def _mib(name: str) -> int:
    line = next(line for line in (PROC / "status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) >> 10
