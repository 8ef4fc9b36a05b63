"""install.sh killed in the middle, the power cut, a disk that fills up: what served goes on serving, and a second run finishes the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts import nspawn
from tests.deploy.install.release_box import DEAD, MEDIA, NEW, OLD, ReleaseBox, name_of


@pytest.fixture
def old(box: ReleaseBox) -> Iterator[ReleaseBox]:
    """The old release in force and READY, and no other there."""
    box.configure()
    box.install(OLD, "install", "--start", "--wait-s", "300")
    box.sh(f"rm -rf /opt/vedette/previous /opt/vedette/releases/{NEW} /opt/vedette/releases/{DEAD}")
    yield box
    if box.sh("mountpoint /opt/vedette || true").endswith("is a mountpoint"):
        box.sh("systemctl stop vedette && umount /opt/vedette && rmdir /opt/vedette && mv /opt/vedette.was /opt/vedette")


def moments(root: Path) -> dict[str, Callable[[], bool]]:
    release = root / f"opt/vedette/releases/{NEW}"

    def site(name: str) -> bool:
        return any(release.glob(f"lib/python*/site-packages/{name}"))

    return {
        "an empty environment": lambda: (release / "bin/python").is_symlink(),
        "half of the packages": lambda: site("av") or site("anyio"),
        "built, not whole": lambda: (release / "release").is_dir(),
        "whole, not in force": lambda: (release / "COMPLETE").exists(),
        "noted": lambda: (root / "opt/vedette/pending").exists(),
        "in force, not restarted": lambda: (root / "opt/vedette/current").readlink().name == NEW,
    }


@pytest.mark.parametrize(
    "moment",
    ["an empty environment", "half of the packages", "built, not whole", "whole, not in force", "noted", "in force, not restarted"],
)
def test_killed_in_the_middle_it_serves_on_and_is_finished_by_a_second_run(old: ReleaseBox, moment: str) -> None:
    words = (f"{MEDIA}/{name_of(NEW)}/install.sh", "upgrade", "--wait-s", "300")
    assert old.broken_off(words, moments(old.box.root)[moment]), "it was done before it could be killed"
    assert old.show("ActiveState") in {"active", "activating", "deactivating"}, "what was in force goes on, or is being restarted"
    old.install(NEW, "upgrade", "--wait-s", "300")
    assert (old.version(), old.link("previous"), sorted(old.releases())) == (NEW, OLD, [OLD, NEW])
    assert old.serves()
    assert old.sh("ls /opt/vedette/pending 2>/dev/null || true") == ""


def test_a_power_cut_in_the_middle_of_a_bad_change_is_mended_at_the_next_start(old: ReleaseBox, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (f"{MEDIA}/{name_of(DEAD)}/install.sh", "upgrade", "--wait-s", "300")
    assert old.broken_off(words, lambda: (old.box.root / "opt/vedette/current").readlink().name == DEAD)
    nspawn.stop(old.box.name, hard=True)
    assert (old.box.root / "opt/vedette/current").readlink().name == DEAD
    monkeypatch.setattr(nspawn, "BOOT_S", 900.0)  # the box is `starting` for as long as the bad release is tried
    nspawn.boot(old.box.name)
    assert (old.version(), old.link("current")) == (OLD, OLD)
    assert old.serves()
    assert old.sh("ls /opt/vedette/pending 2>/dev/null || true") == ""


def on_a_disk_of(box: ReleaseBox, options: str) -> None:
    """/opt/vedette is a file system of its own."""
    box.sh("systemctl stop vedette && mv /opt/vedette /opt/vedette.was && mkdir /opt/vedette")
    box.sh(f"mount -t tmpfs -o {options} disk /opt/vedette && cp -a /opt/vedette.was/. /opt/vedette/")
    box.sh("systemctl start vedette", timeout=300)


def test_a_disk_without_room_is_said_before_anything_begins(old: ReleaseBox) -> None:
    on_a_disk_of(old, "size=1000m")
    pid = old.show("MainPID")
    said = old.install(NEW, "upgrade", expect=5)
    assert "make room" in said
    assert (old.version(), old.show("MainPID"), old.releases()) == (OLD, pid, [OLD])


def test_a_disk_that_fills_up_on_the_way_leaves_nothing_half_done(old: ReleaseBox) -> None:
    """Room for the bytes and not for the files: what `df` shows looks good."""
    on_a_disk_of(old, "size=4g")
    used = int(old.sh("df --output=iused /opt/vedette | tail -n 1"))
    old.sh(f"mount -o remount,nr_inodes={used + used // 2} /opt/vedette")
    pid = old.show("MainPID")
    said = old.install(NEW, "upgrade", expect=5)
    assert "full" in said
    assert (old.version(), old.show("MainPID"), old.releases()) == (OLD, pid, [OLD])
    old.sh("mount -o remount,nr_inodes=0 /opt/vedette")
    old.install(NEW, "upgrade", "--wait-s", "300")
    assert old.version() == NEW
