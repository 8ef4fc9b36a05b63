"""Licences of what is installed on a box: read from the packages themselves, nothing AGPL or GPL."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
COPYLEFT = re.compile(r"\bA?GPL|Affero|(?<!Lesser )General Public", re.IGNORECASE)
COPYLEFT_LIBRARIES = re.compile(r"lib(x26[45]|xvid|postproc|faac|fdk-aac|rubberband|vidstab)[-.]")


def locked(name: str) -> list[Requirement]:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    return [Requirement(line.rstrip(" \\")) for line in lines if "==" in line and line[0].isalnum()]


BOX = [requirement.name for requirement in locked("box") if requirement.marker is None or requirement.marker.evaluate()]


def licence_of(package: str) -> str:
    """What the package says of itself: expression, else short text, else classifiers."""
    about = metadata.metadata(package)
    short = about.get("License") or ""
    classifiers = [line for line in about.get_all("Classifier") or [] if line.startswith("License ::")]
    return about.get("License-Expression") or " ".join([*classifiers, short if len(short) < 200 else ""]).strip()


def alternatives(licence: str) -> list[str]:
    """`A OR B` is ours to choose from."""
    return re.split(r"\s+OR\s+", licence)


def copyleft(licence: str) -> bool:
    return all(COPYLEFT.search(choice) for choice in alternatives(licence))


@pytest.mark.parametrize("package", BOX)
def test_a_box_carries_no_copyleft_package(package: str) -> None:
    licence = licence_of(package)
    assert licence, f"{package} states no licence"
    assert not copyleft(licence), f"{package}: {licence}"


def test_copyleft_is_recognised() -> None:
    assert copyleft("AGPL-3.0-only")
    assert copyleft("GPL-2.0-or-later")
    assert copyleft("License :: OSI Approved :: GNU Affero General Public License v3")
    assert not copyleft("EPL-2.0 OR BSD-3-Clause")
    assert not copyleft("GPL-2.0-only OR MIT")
    assert not copyleft("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)")


def test_the_copyleft_libraries_inside_wheels_are_those_that_notice_names() -> None:
    """A wheel may carry libraries under other licences than its own."""
    notice = (ROOT / "NOTICE").read_text()
    files = [file.name for package in BOX for file in metadata.files(package) or ()]
    found = {match.group(0).rstrip("-.") for name in files if (match := COPYLEFT_LIBRARIES.match(name))}
    assert found <= {"libx264", "libx265"}
    assert all(name in notice for name in found)
