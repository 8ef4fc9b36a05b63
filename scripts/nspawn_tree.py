"""The Debian tree that boxes of scripts/nspawn.py stand on: made once by debootstrap, from where apt of this machine gets its packages."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.nspawn_process import call

SUITE = "bookworm"
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "udev", "openssh-server", "sudo", "iproute2", "procps", "ca-certificates", "zstd", "python3",
    "python3-venv", "python3-apt", "python3-systemd", "mosquitto", "mosquitto-clients", "libfaketime", "curl",
)  # fmt: skip
OFF = ("mosquitto.service", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer")


def home() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("VEDETTE_NSPAWN") or cache / "vedette" / "nspawn")


@contextmanager
def alone(name: str) -> Iterator[None]:
    """One process at a time makes a tree, or takes an address."""
    home().mkdir(parents=True, exist_ok=True)
    with (home() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def source() -> tuple[str, list[str]]:
    """Where apt of this machine gets Debian's main packages, and the keys that sign them."""
    pattern = "$(REPO_URI)|$(ORIGIN)|$(COMPONENT)|$(RELEASE)"
    for line in call("apt-get", "indextargets", "--format", pattern, "Created-By: Packages").splitlines():
        uri, origin, component, release = line.split("|")
        if (origin, component) == ("Debian", "main") and "-" not in release:
            return uri, ["--keyring=/usr/share/keyrings/debian-archive-keyring.gpg"]
    raise SystemExit("apt of this machine has no Debian source; add one to /etc/apt/sources.list, or make the tree elsewhere and copy it")


def make_tree(suite: str = SUITE, packages: Sequence[str] = PACKAGES, *, fresh: bool = False) -> Path:
    """The tree of a suite, made when it is not there. What a broken-off run left is made again."""
    tree, temp = home() / "trees" / suite, home() / "trees" / f".{suite}.part"
    with alone(f"tree-{suite}"):
        if fresh and tree.exists():
            shutil.rmtree(tree)
        if not tree.exists():
            shutil.rmtree(temp, ignore_errors=True)
            temp.parent.mkdir(parents=True, exist_ok=True)
            uri, keys = source()
            call("debootstrap", "--variant=minbase", f"--include={','.join(packages)}", *keys, suite, str(temp), uri)
            prepare(temp)
            temp.rename(tree)
    return tree


def prepare(root: Path) -> None:
    """What every box has: networkd with its address, ssh for root by key, nothing that starts by itself."""
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").write_text("")
    (root / "etc/ssh/sshd_config.d").mkdir(parents=True, exist_ok=True)
    (root / "etc/ssh/sshd_config.d/boxes.conf").write_text("PermitRootLogin prohibit-password\nPasswordAuthentication no\nUseDNS no\n")
    shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
    (root / "var/cache/apt/archives/partial").mkdir(parents=True)
    here = [unit for unit in OFF if any((root / folder / unit).exists() for folder in ("lib/systemd/system", "usr/lib/systemd/system"))]
    call("systemctl", f"--root={root}", "mask", *[unit for unit in here if unit.endswith(".timer")])
    call("systemctl", f"--root={root}", "disable", *[unit for unit in here if unit.endswith(".service")])
    call("systemctl", f"--root={root}", "enable", "systemd-networkd.service")
