"""A box through its life: installed, upgraded, back, through a release that never comes up, removed; what is its owner's stays."""

from __future__ import annotations

import logging

from tests.deploy.install.release_box import DEAD, NEW, OLD, ReleaseBox

log = logging.getLogger(__name__)
OWNERS = "find /etc/vedette /var/lib/vedette/clips/mine.mp4 -type f | sort"


def test_from_nothing_to_ready_and_through_every_change(box: ReleaseBox) -> None:
    box.configure()
    first(box)
    kept = box.sh(OWNERS).splitlines()
    assert kept == ["/etc/vedette/device.yaml", "/var/lib/vedette/clips/mine.mp4"]
    upgrade_and_back(box)
    one_that_never_comes_up(box)
    assert box.sh(OWNERS).splitlines() == kept
    by_hand(box)
    away(box)
    log.info("seconds: %s", box.took_s)


def first(box: ReleaseBox) -> None:
    said = box.install(OLD, "install")
    assert f"Vedette {OLD} is READY" in said
    assert (box.version(), box.link("current"), box.link("previous")) == (OLD, OLD, "")
    assert box.serves()
    assert box.show("User") == "vedette"
    assert {"video", "vedette"} <= set(box.sh("id -nG vedette").split())
    assert box.sh("stat -c %U:%G:%a /etc/vedette") == "root:vedette:750"
    assert box.sh("find /opt/vedette -writable -user vedette") == ""
    assert box.sh("/opt/vedette/current/bin/python -c 'import systemd; print(systemd.__file__)'").startswith("/opt/vedette/releases/")
    assert "error" in box.sh("/opt/vedette/current/bin/python -c 'import apt' 2>&1 || true").lower(), (
        "only what is named is taken of the system"
    )
    box.sh("install -d -o vedette /var/lib/vedette/clips && echo film > /var/lib/vedette/clips/mine.mp4")
    pid = box.show("MainPID")
    assert "nothing to do" in box.install(OLD, "install")
    assert box.show("MainPID") == pid, "a second run touches nothing"
    log.info("a release takes %s MiB", box.sh("du -sm /opt/vedette/current/ | cut -f1"))


def upgrade_and_back(box: ReleaseBox) -> None:
    box.install(NEW, "upgrade")
    assert (box.version(), box.link("previous"), sorted(box.releases())) == (NEW, OLD, [OLD, NEW])
    assert box.serves()
    assert "older than" in box.install(OLD, "upgrade", expect=3)
    said = box.program("/opt/vedette/install.sh", "downgrade")
    assert f"Vedette {OLD} is READY" in said
    assert (box.version(), box.link("previous")) == (OLD, NEW)
    assert box.serves()


def one_that_never_comes_up(box: ReleaseBox) -> None:
    said = box.install(DEAD, "upgrade", "--wait-s", "15", expect=4)
    assert f"Vedette {OLD} is READY again" in said
    assert (box.version(), box.link("previous"), sorted(box.releases())) == (OLD, NEW, [OLD, NEW])
    assert box.serves()
    assert box.sh("ls /opt/vedette/pending 2>/dev/null || true") == ""


def by_hand(box: ReleaseBox) -> None:
    said = box.program("/opt/vedette/install.sh", "status")
    assert f"installed: {OLD}" in said
    assert f"before: {NEW}" in said
    assert "vedette.service active enabled" in said
    box.sh("systemctl disable --now vedette.service")
    assert "turned off" in box.install(NEW, "upgrade")
    assert box.show("ActiveState") == "inactive", "what its owner has turned off stays off"
    box.install(NEW, "install", "--start")
    assert box.serves()


def away(box: ReleaseBox) -> None:
    kept = box.sh(OWNERS)
    box.install(NEW, "remove")
    assert box.sh("ls -d /opt/vedette /usr/bin/vedette /usr/lib/systemd/system/vedette* 2>/dev/null || true") == ""
    assert box.sh("systemctl list-unit-files --no-legend 'vedette*' || true") == ""
    assert box.sh(OWNERS) == kept
    assert f"Vedette {NEW} is READY" in box.install(NEW, "install")
    assert box.sh(OWNERS) == kept
    box.program("/opt/vedette/install.sh", "remove", "--purge")
    assert (
        box.sh("ls -d /opt/vedette /etc/vedette /var/lib/vedette /usr/bin/vedette /etc/systemd/system/vedette* 2>/dev/null || true") == ""
    )
    assert box.sh("getent passwd vedette || getent group vedette || true") == ""
    assert box.install(NEW, "remove", "--purge"), "what is away already can be taken away again"
