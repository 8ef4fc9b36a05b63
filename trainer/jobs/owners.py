"""Owners: who holds a job: a process of one machine, and whether it still lives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def machine() -> str:
    """This start of this machine, and this container of it: a process number says nothing anywhere else."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:13]
    space = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    return f"{boot}.{space}"


def owner_of(pid: int) -> str:
    """ProcessLookupError for one that is gone."""
    return f"{machine()}:{pid}:{_began(pid)}"


def living(owners: Iterable[str]) -> dict[str, bool]:
    """Of the owners on this machine, whether they live; others are not known."""
    here = machine()
    return {owner: _lives(owner) for owner in owners if owner.rpartition(":")[0].rpartition(":")[0] == here}


def _lives(owner: str) -> bool:
    _, pid, began = owner.rsplit(":", 2)
    try:
        return _began(int(pid)) == began
    except (ProcessLookupError, ValueError):
        return False


def _began(pid: int) -> str:
    """When it was started, by the machine's count: a number that is used again has another."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError as error:
        raise ProcessLookupError(pid) from error
    if words[0] in {"Z", "X"}:
        raise ProcessLookupError(pid)
    return words[19]
