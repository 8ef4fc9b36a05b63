"""The services as systemd reads them: nothing misspelt, hardly exposed, never given up."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
MOST_EXPOSED = 20  # tenths; what nobody hardened has 96

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (Debian: systemd)")


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False, timeout=60)


def settings(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("unit", [*SERVICES, UNITS.parent / "install" / "vedette-settle.service"], ids=lambda unit: unit.name)
def test_systemd_has_nothing_to_say_about_it(unit: Path, tmp_path: Path) -> None:
    """With a program that is there in the place of ours, which is not installed here."""
    (tmp_path / unit.name).write_text(re.sub(r"/opt/vedette/\S+", "/bin/true", unit.read_text()))
    said = analyze("verify", "--man=no", str(tmp_path / unit.name))
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_it_is_hardly_exposed(unit: Path) -> None:
    said = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", str(unit))
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("drop_in", sorted((UNITS / "vedette.service.d").glob("*.conf")), ids=lambda path: path.name)
def test_with_each_drop_in_systemd_has_nothing_to_say_and_it_is_hardly_exposed(drop_in: Path, tmp_path: Path) -> None:
    """A file of a newer systemd is for that; the others are read by this one."""
    number = re.match(r"(\d{3})-", drop_in.name)
    if number and version() < int(number[1]):
        pytest.skip(f"systemd {version()} does not know what {drop_in.name} says, and install.sh leaves it out")
    unit = tmp_path / "vedette.service"
    unit.write_text(re.sub(r"/opt/vedette/\S+", "/bin/true", (UNITS / unit.name).read_text()))
    (tmp_path / "vedette.service.d").mkdir()
    (tmp_path / "vedette.service.d" / drop_in.name).write_text(drop_in.read_text())
    said = analyze("verify", "--man=no", str(unit))
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    unit.write_text(f"{unit.read_text()}\n{drop_in.read_text()}")  # the exposure of a file is of that file alone
    said = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", str(unit))
    assert said.returncode == 0, said.stdout


def version() -> int:
    found = re.match(r"systemd (\d+)", analyze("--version").stdout)
    assert found
    return int(found[1])


def test_a_service_that_nobody_hardened_would_be_found_out(tmp_path: Path) -> None:
    (tmp_path / "bare.service").write_text("[Service]\nExecStart=/bin/true\n")
    said = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", str(tmp_path / "bare.service"))
    assert said.returncode != 0


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_it_is_never_left_failed_for_good(unit: Path) -> None:
    """systemd gives a service up after five quick ends unless it is told otherwise (systemd.unit(5))."""
    said = settings(unit)
    assert (said["StartLimitIntervalSec"], said["Restart"]) == (["0"], ["always"])
    assert "RestartPreventExitStatus" not in said


def test_the_appliance_is_watched_and_a_model_can_be_given_limits() -> None:
    said = settings(UNITS / "vedette.service")
    assert (said["Type"], said["WatchdogSec"], said["WatchdogSignal"]) == (["notify"], ["30"], ["SIGABRT"])
    assert not any("@resources" in value for value in said["SystemCallFilter"]), "the first trial of a model calls setrlimit"
    assert "MemoryDenyWriteExecute" not in said, "engines compile code"


# Which version of systemd brought a setting, by its NEWS; those without a number are older than 245.
OLD = re.findall(
    r"\w+",
    """
    After AmbientCapabilities CapabilityBoundingSet ConditionPathExists Description DeviceAllow DevicePolicy Documentation Environment
    EnvironmentFile ExecStart ExecStartPre Group LimitCORE LimitNOFILE LockPersonality MemoryMax NoNewPrivileges NotifyAccess
    OOMScoreAdjust PrivateDevices PrivateMounts PrivateTmp ProtectControlGroups ProtectHome ProtectHostname ProtectKernelLogs
    ProtectKernelModules ProtectKernelTunables ProtectSystem RemainAfterExit RemoveIPC Restart RestartSec RestrictAddressFamilies
    RestrictNamespaces RestrictRealtime RestrictSUIDSGID RuntimeDirectory RuntimeDirectoryMode StartLimitIntervalSec StateDirectory
    StateDirectoryMode SupplementaryGroups SystemCallArchitectures SystemCallErrorNumber SystemCallFilter TasksMax TimeoutAbortSec
    TimeoutStartSec TimeoutStopSec Type UMask User WantedBy Wants WatchdogSec WatchdogSignal WorkingDirectory
    """,
)
BROUGHT = {**dict.fromkeys(OLD, 244), "ProtectClock": 245, "ProtectProc": 247, "RestartSteps": 254, "RestartMaxDelaySec": 254}
SAID_AND_GONE_ON = {"ProtectProc"}  # an older systemd says that it does not know it, and goes on


def test_every_setting_is_one_of_systemd_245_or_in_a_file_that_says_of_which() -> None:
    """JetPack 6 has systemd 249. A setting that is new here needs its version in BROUGHT, by what systemd's NEWS says."""
    files = [*sorted(UNITS.rglob("*.service")), *sorted(UNITS.rglob("*.conf")), *sorted((UNITS.parent / "install").glob("*.service"))]
    assert len(files) > 9
    for path in files:
        number = re.match(r"(\d{3})-", path.name)
        least, said = int(number[1]) if number else 245, settings(path).keys() - SAID_AND_GONE_ON
        assert not said - BROUGHT.keys(), path
        assert not {name for name in said if BROUGHT[name] > least}, path
    types = {value for path in files for value in settings(path).get("Type", [])}
    assert types <= {"notify", "exec", "oneshot"}, "notify-reload is of 253"
