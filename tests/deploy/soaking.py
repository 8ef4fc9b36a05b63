"""Tests in boxes of scripts/nspawn.py: that they are long, and what a machine has to have for them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

PACKAGES = {
    "systemd-nspawn": "systemd-container", "debootstrap": "debootstrap", "nsenter": "util-linux", "ip": "iproute2",
    "ssh": "openssh-client", "ssh-keygen": "openssh-client",
}  # fmt: skip


def mark_all(items: list[pytest.Item], folder: Path, timeout_s: int) -> None:
    """Every test below a folder."""
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.soak)
            item.add_marker(pytest.mark.timeout(timeout_s))


def skip_without_boxes() -> None:
    missing = sorted({package for program, package in PACKAGES.items() if shutil.which(program) is None})
    if missing or os.geteuid():
        pytest.skip(f"boxes need root and what `scripts/system soak` installs; here: {', '.join(missing) or 'no root'}")
