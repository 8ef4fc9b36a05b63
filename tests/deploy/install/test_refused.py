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


def one_to_bring(release: Path) -> None:
    """As scripts/release.py --without-gpl makes it; the wheel lies beside."""
    wheel, beside = next((release / "wheels").glob("av-*.whl")), release.parent / "brought"
    beside.mkdir(exist_ok=True)
    wheel.rename(beside / wheel.name)
    other("bring=\n", f"bring={wheel.name}\n")(release)


DROP_IN = "[Service]\\nLoadCredential=VEDETTE_PAGE__PASSWORD:/etc/vedette/credentials/page\\n"
REFUSED: dict[str, tuple[Callable[[Path], None], int, str]] = {
    "another machine": (other("arch=", "arch=riscv64-not-"), 3, "this release is for riscv64"),
    "another Python": (other("python=3.11", "python=3.12"), 3, "needs Python 3.12"),
    "a newer C library": (other("glibc=2.", "glibc=2.9"), 3, "C library"),
    "a changed wheel": (one_byte, 3, "wheels/av-"),
    "a changed wheel and sums": (one_byte_and_the_sums, 1, "DO NOT MATCH THE HASHES"),
    "a wheel too many": (one_more, 3, "numpy-9.9.9"),
    "a wheel too few": (one_less, 3, "wheels/rich-"),
    "a wheel to bring": (one_to_bring, 3, "say --wheels FOLDER"),
    "no version": (other(f"version={NEW}", "version=../../etc"), 3, "no version that can be one"),
}


def changed(box: ReleaseBox, stick: Path, change: Callable[[Path], None]) -> str:
    """Where the box has it."""
    release = box.box.root / "var/lib/changed" / name_of(NEW)
    shutil.rmtree(release.parent, ignore_errors=True)
    shutil.copytree(stick / "srv/media" / name_of(NEW), release)
    change(release)
    return f"/var/lib/changed/{name_of(NEW)}"


@pytest.mark.parametrize("what", REFUSED)
def test_a_release_that_is_not_right_is_refused(box: ReleaseBox, stick: Path, what: str) -> None:
    change, code, words = REFUSED[what]
    said = box.install(NEW, "install", at=changed(box, stick, change), expect=code)
    assert words in said
    assert box.sh("ls /opt/vedette/releases /usr/bin/vedette 2>/dev/null || true").replace("/opt/vedette/releases:", "").strip() == ""


def test_a_box_that_nobody_configured_leads_its_owner_through_its_page(box: ReleaseBox) -> None:
    assert f"Vedette {OLD} is READY" in box.install(OLD, "install", "--wait-s", "300")
    assert len(box.sh("vedette setup-code")) >= 6
    box.install(OLD, "remove", "--purge")


def test_what_a_release_may_not_carry_is_brought_and_known_by_its_hash(box: ReleaseBox, stick: Path) -> None:
    at = changed(box, stick, one_to_bring)
    said = box.install(NEW, "install", "--no-start", "--wheels", "/var/lib/changed/brought", at=at)
    assert f"Vedette {NEW} is in force" in said
    assert box.sh("/opt/vedette/current/bin/python -c 'import av; print(av.__file__)'").startswith("/opt/vedette/current/lib/")
    box.install(NEW, "remove", "--purge")
    (wheel,) = (box.box.root / "var/lib/changed/brought").iterdir()
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"x")
    assert "DO NOT MATCH THE HASHES" in box.install(NEW, "install", "--wheels", "/var/lib/changed/brought", at=at, expect=1)


def test_faults_and_mistakes_change_nothing(box: ReleaseBox) -> None:
    box.configure()
    box.install(OLD, "install", "--wait-s", "300")
    pid = box.show("MainPID")
    busy = "exec 9>/run/vedette-install.lock; flock 9; /opt/vedette/install.sh downgrade; exit $?"
    assert "another install.sh" in box.program("bash", "-c", busy, expect=6)
    assert "not known" in box.install(NEW, "upgrade", "--frm", expect=2)
    assert "no release before" in box.program("/opt/vedette/install.sh", "downgrade", expect=3)
    box.sh("echo 'camras: {}' >> /etc/vedette/device.yaml")
    assert "camras" in box.install(NEW, "upgrade", expect=3)
    assert (box.version(), box.show("MainPID")) == (OLD, pid), "a restart would not have come up"


def test_a_release_is_tried_with_the_credentials_and_the_fences_of_the_service(box: ReleaseBox) -> None:
    """A page that others reach has to have a password, and that is in a credential of a drop-in: nobody else could read it."""
    box.configure()
    box.install(OLD, "install", "--start", "--wait-s", "300")
    box.sh("echo 'page: {host: 0.0.0.0}' >> /etc/vedette/device.yaml")
    box.sh("install -d -m 0700 /etc/vedette/credentials && umask 077 && echo a-long-password > /etc/vedette/credentials/page")
    box.sh(f"mkdir -p /etc/systemd/system/vedette.service.d && printf '{DROP_IN}' > /etc/systemd/system/vedette.service.d/page.conf")
    box.sh("systemctl daemon-reload && systemctl restart vedette || { journalctl -n 30 -o cat -u vedette; false; }")
    before = box.sh("stat -c '%i %U %a' /run/vedette")
    assert f"Vedette {NEW} is READY" in box.install(NEW, "upgrade", "--wait-s", "300")
    assert box.sh("systemctl list-units --all --plain --no-legend 'vedette_*'") == "", "nothing of the trial is left"
    assert box.sh("ls -d /run/vedette_* /run/systemd/system/vedette_* 2>/dev/null || true") == ""
    assert before.split()[1:] == box.sh("stat -c '%U %a' /run/vedette").split()
    box.sh("rm /etc/vedette/credentials/page")
    pid = box.show("MainPID")
    said = box.install(OLD, "install", expect=3)
    assert "finds fault with" in said
    assert (box.version(), box.show("MainPID")) == (NEW, pid), "it would not have come up: systemd has no credential to give"
