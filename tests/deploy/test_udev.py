"""The udev rules: each line is one that udev reads, and cameras are opened by the group that the service is in."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = sorted((DEPLOY / "udev").glob("*.rules"))
KEYS = re.compile(
    r"(ACTION|KERNEL|SUBSYSTEM|DRIVER|ATTR\{[\w./]+\}|ENV\{\w+\})(==|!=)\"[^\"]+\"|(GROUP|MODE|TAG|SYMLINK|ENV\{\w+\}|ATTR\{[\w./]+\})(\+?=)\"[^\"]+\""
)


def lines(rules: Path) -> list[str]:
    return [line for line in rules.read_text().splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.name)
def test_each_part_is_a_key_an_operator_and_a_quoted_value(rules: Path) -> None:
    for line in lines(rules):
        for part in line.split(", "):
            assert KEYS.fullmatch(part), part


def test_a_misspelt_rule_would_be_found_out() -> None:
    assert not KEYS.fullmatch('GRUOP="video"')
    assert not KEYS.fullmatch('SUBSYSTEM="video4linux"')
    assert not KEYS.fullmatch("KERNEL==video*")


def test_nothing_is_run_and_cameras_belong_to_the_services_group() -> None:
    """A rule runs as root, with what a device says of itself."""
    text = "\n".join(line for rules in RULES for line in lines(rules))
    assert not re.search(r"RUN|PROGRAM|IMPORT", text)
    groups = set(re.findall(r'GROUP="(\w+)"', text))
    unit = (DEPLOY / "systemd" / "vedette.service").read_text()
    assert groups == {"video"} <= set(re.findall(r"^SupplementaryGroups=(\w+)", unit, re.MULTILINE))


@pytest.mark.skipif(shutil.which("udevadm") is None, reason="udevadm is not installed (Debian: udev)")
@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.name)
def test_udev_itself_has_nothing_to_say(rules: Path) -> None:
    said = subprocess.run(["udevadm", "verify", "--no-summary", str(rules)], capture_output=True, text=True, check=False, timeout=30)
    if "Unknown command" in said.stderr:
        pytest.skip("this udevadm is older than 254 and cannot verify rules")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
