"""The Debian package: dpkg installs, changes, goes back, removes and purges, through the install.sh that it carries."""

from __future__ import annotations

import logging
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts import deb
from tests.deploy.install.release_box import DEAD, NEW, OLD, ReleaseBox, name_of

log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def packages(stick: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("packages")
    return {version: deb.make(stick / "srv/media" / name_of(version), folder) for version in (OLD, NEW, DEAD)}


def test_dpkg_takes_a_box_from_nothing_to_ready_and_away_again(box: ReleaseBox, packages: dict[str, Path]) -> None:
    for version, package in packages.items():
        shutil.copyfile(package, box.box.root / f"srv/{version}.deb")
    box.configure()
    assert f"Vedette {OLD} is READY" in box.program("dpkg", "-i", f"/srv/{OLD}.deb")
    assert box.serves()
    box.program("dpkg", "-i", f"/srv/{NEW}.deb")
    assert (box.version(), box.link("previous")) == (NEW, OLD)
    box.program("dpkg", "-i", f"/srv/{OLD}.deb")
    assert (box.version(), box.link("previous"), box.serves()) == (OLD, NEW, True)
    said = box.program("dpkg", "-i", f"/srv/{DEAD}.deb", expect=1)
    assert f"Vedette {OLD} is READY again" in said
    assert (box.version(), box.serves()) == (OLD, True), "what dpkg could not configure does not serve"
    box.program("dpkg", "-i", f"/srv/{NEW}.deb")
    assert box.version() == NEW
    box.program("dpkg", "--remove", "vedette")
    assert box.sh("ls -d /opt/vedette /usr/bin/vedette /usr/lib/vedette 2>/dev/null || true") == ""
    assert box.sh("ls /etc/vedette") == "device.yaml"
    box.program("dpkg", "--purge", "vedette")
    assert box.sh("ls -d /etc/vedette /var/lib/vedette 2>/dev/null; getent passwd vedette; true") == ""
    assert "vedette" not in box.sh("dpkg-query -W -f '${Package}\\n'").split()
    log.info("seconds: %s", box.took_s)


@pytest.mark.skipif(shutil.which("lintian") is None, reason="lintian is not installed (Debian: lintian)")
def test_lintian_has_nothing_to_say(packages: dict[str, Path]) -> None:
    said = subprocess.run(
        ["lintian", "--fail-on", "error,warning", str(packages[OLD])], capture_output=True, text=True, check=False, timeout=900
    )
    assert said.returncode == 0, said.stdout + said.stderr
