"""The same unit on an older and on a newer systemd than Debian 12's: of Debian 11 (247) and Debian 13 (257).

Debian 11's Python is too old for the appliance: there a small program stands in its place that says to systemd what the appliance says.
On Debian 13 the appliance itself runs, with the Python of Debian 12 laid beside the system's.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts import nspawn
from scripts.nspawn_tree import make_tree
from tests.deploy.systemd.appliance import DATA, Appliance, tell
from tests.deploy.systemd.conftest import ALONE
from tests.deploy.systemd.layer import PYTHON, ROOT

UNITS = ROOT / "deploy" / "systemd"
SMALL = Path(__file__).with_name("small_vedette.py")


@contextmanager
def a_box(suite: str, layers: list[Path]) -> Iterator[Appliance]:
    name = f"{suite}-{os.getpid()}"
    try:
        make_tree(suite)
    except SystemExit as error:
        pytest.skip(f"no tree of {suite} is to be had here: {str(error)[:200]}")
    nspawn.clone(name, suite, layers=layers)
    try:
        found = Appliance(nspawn.boot(name))
        found.call("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "vedette")
        yield found
    finally:
        nspawn.remove(name)


@pytest.fixture(scope="module")
def older(layer: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    folder = tmp_path_factory.mktemp("older")
    (folder / "opt/vedette/current/bin").mkdir(parents=True)
    shutil.copy(SMALL, folder / "opt/vedette/current/bin/vedette")
    (folder / "opt/vedette/current/bin/vedette").chmod(0o755)
    shutil.copy(UNITS / "vedette.service", folder / "opt/vedette.service")
    with a_box("bullseye", [folder]) as found:
        found.call("cp", "/opt/vedette.service", "/etc/systemd/system/vedette.service")
        found.call("systemctl", "daemon-reload")
        yield found


def version(appliance: Appliance) -> int:
    found = re.match(r"systemd (\d+)", appliance.call("systemctl", "--version"))
    assert found
    return int(found[1])


def test_an_older_systemd_reads_every_word_of_it(older: Appliance) -> None:
    assert version(older) == 247
    said = older.call("systemd-analyze", "verify", "--man=no", "/etc/systemd/system/vedette.service", check=False)
    assert "Unknown" not in said + older.call("journalctl", "--no-pager", "-b", "-t", "systemd")


def test_on_an_older_systemd_it_is_ready_watched_and_given_its_secret(older: Appliance) -> None:
    older.start()
    assert older.show("StatusText") == "small"
    assert older.call("stat", "-c", "%U %a", DATA).split() == ["vedette", "750"]
    assert (older.data / "guarded").read_text() == "x", "a boot guard that fails does not prevent the start"
    assert (older.data / "told").read_text() == "False"
    older.stop()
    older.drop_in("credentials", "[Service]\nLoadCredential=VEDETTE_MQTT__PASSWORD:/etc/hostname\n")
    (older.data / "guarded").unlink()
    older.start()
    assert (older.data / "told").read_text() == "True"
    assert not (older.data / "guarded").exists(), (
        "it runs nothing before a service with credentials: so the appliance counts its start itself"
    )
    pid = older.main_pid()
    older.call("touch", f"{DATA}/stuck")
    older.until_ready_again(pid, within_s=20)
    assert "watchdog" in older.tail().lower()
    pid = older.main_pid()
    older.call("kill", "-STOP", str(pid))
    took = older.until_ready_again(pid, within_s=60)
    tell(f"systemd {version(older)}: stopped process to READY: {took:.1f} s")
    for _ in range(8):
        older.until(lambda: older.main_pid() != 0)
        older.call("kill", "-KILL", str(older.main_pid()), check=False)
        assert older.show("ActiveState") != "failed"
    older.until(older.ready)
    assert older.stop() < 5


def test_a_newer_udev_has_nothing_to_say_of_the_rules_and_much_of_a_misspelt_one(newer: Appliance) -> None:
    """Debian 12's cannot be asked."""
    for rules in (ROOT / "deploy/udev").glob("*.rules"):
        newer.call("sh", "-c", f"cat > /run/{rules.name}", stdin=rules.read_text())
        assert newer.call("udevadm", "verify", "--no-summary", f"/run/{rules.name}") == ""
    newer.call("sh", "-c", "cat > /run/90-wrong.rules", stdin='SUBSYSTEM="video4linux", GRUOP="video"\n')
    assert newer.fails("udevadm", "verify", "--no-summary", "/run/90-wrong.rules")


@pytest.fixture(scope="module")
def newer(layer: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    folder, debian12 = tmp_path_factory.mktemp("newer"), make_tree()
    (folder / "usr/bin").mkdir(parents=True)
    (folder / "usr/lib").mkdir()
    shutil.copy(debian12 / "usr/bin" / PYTHON, folder / "usr/bin" / PYTHON)
    shutil.copytree(debian12 / "usr/lib" / PYTHON, folder / "usr/lib" / PYTHON, symlinks=True)
    place = folder / "usr/lib/systemd/system/vedette.service.d"
    place.mkdir(parents=True)
    shutil.copy(UNITS / "vedette.service.d/254-restart.conf", place)
    with a_box("trixie", [folder, layer]) as found:
        found.drop_in("machine", ALONE)
        found.configure()
        yield found


def test_on_a_newer_systemd_the_appliance_runs_with_its_drop_in(newer: Appliance) -> None:
    assert version(newer) >= 254
    assert newer.call("systemd-analyze", "verify", "--man=no", "vedette.service") == ""
    newer.start()
    pid = newer.main_pid()
    newer.call("runuser", "-u", "vedette", "--", "touch", f"{DATA}/stuck")
    took = newer.until_ready_again(pid)
    tell(f"systemd {version(newer)}: stuck thread to READY: {took:.1f} s")
    assert took < 35
    assert newer.asked("/api/v1/health")["parts"]
    assert newer.stop() < 5


def test_on_a_newer_systemd_the_pause_of_a_crash_loop_grows_and_has_an_end(newer: Appliance) -> None:
    newer.configure({"cameras": {"yard": {"use": "patern"}}})
    newer.call("systemctl", "start", "--no-block", "vedette")
    pauses = []
    for number in (1, 3, 5):
        newer.until(lambda number=number: newer.restarts() >= number)  # type: ignore[misc]
        pauses.append(newer.show("RestartUSecNext"))
    assert len(set(pauses)) == 3
    assert newer.show("RestartMaxDelayUSec") == "10s"
    assert newer.show("ActiveState") != "failed"
    newer.configure()
    newer.until(newer.ready)
