"""The locks in requirements/: they hold what pyproject.toml asks for, on every Python, and name no place to fetch it from."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.10", "3.11", "3.12")
MACHINES = ("x86_64", "aarch64")
LOCKS = {"box": "", "dev": "dev", "trainer": "trainer"}


def environment(python: str, machine: str) -> dict[str, str]:
    return {
        "python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux", "platform_system": "Linux",
        "platform_machine": machine, "implementation_name": "cpython", "platform_python_implementation": "CPython", "os_name": "posix",
    }  # fmt: skip


def text_of(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text()


def pins(lock: str, python: str, machine: str) -> dict[str, str]:
    found = {}
    for line in text_of(lock).splitlines():
        if "==" not in line or not line[0].isalnum():
            continue
        requirement = Requirement(line.rstrip(" \\"))
        if requirement.marker is None or requirement.marker.evaluate(environment(python, machine)):
            assert requirement.name not in found, f"{requirement.name} twice for {python} on {machine}"
            found[canonicalize_name(requirement.name)] = str(requirement.specifier).removeprefix("==")
    return found


def asked(extra: str) -> list[Requirement]:
    """What the distribution itself declares, as built from pyproject.toml."""
    requirements = [Requirement(line) for line in metadata.requires("vedette") or ()]
    return [r for r in requirements if r.marker is None or (extra and r.marker.evaluate({"extra": extra}))]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_is_asked_for(lock: str, python: str, machine: str) -> None:
    have = pins(lock, python, machine)
    wanted = asked(LOCKS[lock])
    assert len(wanted) > 10
    lacking = [str(r) for r in wanted if not r.specifier.contains(have.get(canonicalize_name(r.name), "0"), prereleases=True)]
    assert not lacking, f"run `make lock`: requirements/{lock}.txt lacks {lacking}"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", ["dev", "trainer"])
def test_the_other_locks_agree_with_the_box(lock: str, python: str) -> None:
    box, other = pins("box", python, "x86_64"), pins(lock, python, "x86_64")
    assert {name: other.get(name) for name in box} == box


@pytest.mark.parametrize("lock", ["build", "box", "dev"])
def test_every_locked_file_is_known_by_its_hash(lock: str) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", text_of(lock))[1:]
    assert len(blocks) > 5
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", block) for block in blocks)


@pytest.mark.parametrize("lock", ["build", *LOCKS])
def test_a_lock_names_no_place_to_fetch_from(lock: str) -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links", text_of(lock))


def test_the_trainer_brings_no_gpu_library() -> None:
    """torch names those it needs itself; a CPU build needs none."""
    names = set(pins("trainer", "3.11", "x86_64"))
    assert "torch" in names
    assert not {name for name in names if name.startswith(("nvidia", "cuda")) or name == "triton"}
