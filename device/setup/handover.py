"""Handover: logins that outlive a new start of the program: as hashes, for this boot of the machine, read once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from contracts.files import write_durably

FILE = Path("config/logins.json")  # in the data folder
BOOT = Path("/proc/sys/kernel/random/boot_id")
HASH = re.compile(r"[0-9a-f]{64}")
LARGEST = 64 << 10


def leave(data: Path, logins: Mapping[str, int]) -> None:
    """Their ends are of the monotonic clock, which goes on from process to process until the machine starts anew."""
    write_durably(data / FILE, json.dumps({"boot": _boot(), "logins": dict(logins)}).encode(), 0o600)


def take(data: Path) -> dict[str, int]:
    """What was left, and nothing for whoever asks next; nothing too when it is not whole: then people log in again."""
    path = data / FILE
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(LARGEST))
        right = said["boot"] == _boot() and not path.is_symlink()
        logins = {str(key): int(ends) for key, ends in said["logins"].items() if HASH.fullmatch(str(key))} if right else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        logins = {}
    with suppress(OSError):
        path.unlink(missing_ok=True)
    return logins


def _boot() -> str:
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""
