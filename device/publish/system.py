"""System figures of the box: memory, CPU time, disk, bytes written; None where the machine does not say."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Figures:
    rss_bytes: int | None
    cpu_ns: int  # of this process since it started
    disk_total_bytes: int | None
    disk_free_bytes: int | None
    written_bytes: int | None


def figures(data: Path, proc: Path = Path("/proc/self")) -> Figures:
    """Cheap enough for every few seconds; `data` names the disk that is meant."""
    total, free = _disk(data)
    times = os.times()
    return Figures(
        rss_bytes=_resident(proc),
        cpu_ns=int((times.user + times.system) * 1e9),
        disk_total_bytes=total,
        disk_free_bytes=free,
        written_bytes=_written(proc),
    )


def _resident(proc: Path) -> int | None:
    try:
        return int((proc / "statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return None


def _disk(data: Path) -> tuple[int | None, int | None]:
    try:
        stat = os.statvfs(data)
    except OSError:
        return None, None
    return stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize


def _written(proc: Path) -> int | None:
    """What this process caused to be written to storage."""
    try:
        lines = (proc / "io").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None
