"""What does not fit a box, was changed on the way, or finds fault with the configuration is refused by name, and nothing is changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.install.release_box import NEW, OLD, ReleaseBox, name_of, resum


def other(old: str, new: str) -> Callable[[Path], None]:
    def change(release: Path) -> None:
        about = release / "RELEASE"
        assert old in about.read_text()
        about.write_text(about.read_text().replace(old, new))
        resum(release)

    return change


def one_byte(release: Path) -> None:
    wheel = next((release / "wheels").glob("av-*.whl"))
    data = bytearray(wheel.read_bytes())
    data[len(data) // 2] ^= 1
    wheel.write_bytes(data)


def one_byte_and_the_sums(release: Path) -> None:
    """pip still knows each by its hash."""
    one_byte(release)
    resum(release)


def one_more(release: Path) -> None:
    (release / "wheels/numpy-9.9.9-py3-none-any.whl").write_bytes(b"PK")


def one_less(release: Path) -> None:
    next((release / "wheels").glob("rich-*.whl")).unlink()


REFUSED: dict[str, tuple[Callable[[Path], None], int, str]] = {
    "another machine": (other("arch=", "arch=riscv64-not-"), 3, "this release is for riscv64"),
    "another Python": (other("python=3.11", "python=3.12"), 3, "needs Python 3.12"),
    "a newer C library": (other("glibc=2.", "glibc=2.9"), 3, "C library"),
    "a changed wheel": (one_byte, 3, "wheels/av-"),
    "a changed wheel and sums": (one_byte_and_the_sums, 1, "DO NOT MATCH THE HASHES"),
    "a wheel too many": (one_more, 3, "numpy-9.9.9"),
    "a wheel too few": (one_less, 3, "wheels/rich-"),
    "no version": (other(f"version={NEW}", "version=../../etc"), 3, "no version that can be one"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_release_that_is_not_right_is_refused(box: ReleaseBox, stick: Path, what: str) -> None:
    change, code, words = REFUSED[what]
    release = box.box.root / "var/lib/changed" / name_of(NEW)
    shutil.rmtree(release, ignore_errors=True)
    shutil.copytree(stick / "srv/media" / name_of(NEW), release)
    change(release)
    said = box.install(NEW, "install", at=f"/var/lib/changed/{name_of(NEW)}", expect=code)
    assert words in said
    assert box.sh("ls /opt/vedette/releases /usr/bin/vedette 2>/dev/null || true").replace("/opt/vedette/releases:", "").strip() == ""


def test_a_box_that_nobody_configured_leads_its_owner_through_its_page(box: ReleaseBox) -> None:
    assert f"Vedette {OLD} is READY" in box.install(OLD, "install", "--wait-s", "300")
    assert len(box.sh("vedette setup-code")) >= 6
    box.install(OLD, "remove", "--purge")


def test_faults_and_mistakes_change_nothing(box: ReleaseBox) -> None:
    box.configure()
    box.install(OLD, "install", "--wait-s", "300")
    pid = box.show("MainPID")
    busy = "exec 9>/run/lock/vedette-install.lock; flock 9; /opt/vedette/install.sh downgrade; exit $?"
    assert "another install.sh" in box.program("bash", "-c", busy, expect=6)
    assert "not known" in box.install(NEW, "upgrade", "--frm", expect=2)
    assert "no release before" in box.program("/opt/vedette/install.sh", "downgrade", expect=3)
    box.sh("echo 'camras: {}' >> /etc/vedette/device.yaml")
    assert "camras" in box.install(NEW, "upgrade", expect=3)
    assert (box.version(), box.show("MainPID")) == (OLD, pid), "a restart would not have come up"
