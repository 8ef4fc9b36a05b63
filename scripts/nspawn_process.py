"""Programs of this machine as scripts/nspawn.py runs them: to their end, or for as long as a box is up."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def call(*words: str, **more: object) -> str:
    """The output of a program that must not fail."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return str(done.stdout)


def spawn(words: Sequence[str], console: Path, pid_file: Path, group: Path | None) -> int:
    """Lives on when this process ends; `group`: a cgroup of its own, which it enters before anything else."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, console, flags, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2),
    ]  # fmt: skip
    environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
    if group:
        group.mkdir(exist_ok=True)
        words = ["sh", "-c", 'echo 0 > "$1" && shift && exec "$@"', "sh", str(group / "cgroup.procs"), *words]
    pid = os.posix_spawnp(words[0], list(words), environment, file_actions=files, setsid=True)
    pid_file.write_text(str(pid))
    return pid


def own_group(name: str) -> Path | None:
    """Where no systemd of this machine gives one: all boxes would be the same cgroups, and one systemd would end what another started."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    place = next((Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"), None)
    return None if place is None or Path("/run/systemd/system").is_dir() else place / f"box-{name}"


def forget(group: Path | None) -> None:
    """The folders of a cgroup, once nothing runs in it."""
    if group and group.is_dir():
        for folder in sorted((path for path in group.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts)):
            folder.rmdir()
        group.rmdir()


def gone(pid: int, within_s: float) -> bool:
    """Whether a process, of ours or not, has ended, or does so in time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ending = select.poll()
        ending.register(handle, select.POLLIN)
        ended = bool(ending.poll(within_s * 1000))
    finally:
        os.close(handle)
    if ended:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return ended
