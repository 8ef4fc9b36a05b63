"""What is locked in requirements/ for one kind of box: one line a package, without markers, with its hashes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ARCHES = ("x86_64", "aarch64")
# 2.x of the distribution whose Python it is: Ubuntu 22.04 and JetPack 6, Debian 12, Ubuntu 24.04
GLIBC = {"3.10": 35, "3.11": 36, "3.12": 39}
OLDEST = {"x86_64": 5, "aarch64": 17}  # the first manylinux of a machine
ALIASES = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Target:
    """The box that a release is for."""

    arch: str
    python: str

    @property
    def name(self) -> str:
        return f"{self.arch}-cp{self.python.replace('.', '')}"

    def environment(self) -> dict[str, str]:
        """What markers are judged by. pip would judge them by the Python it runs on, whatever `--python-version` says."""
        return {
            "python_version": self.python, "python_full_version": f"{self.python}.9", "platform_machine": self.arch, "os_name": "posix",
            "sys_platform": "linux", "platform_system": "Linux", "implementation_name": "cpython", "extra": "",
            "platform_python_implementation": "CPython",
        }  # fmt: skip

    def platforms(self) -> list[str]:
        """Tags of wheels that its C library can load, the newest first."""
        found: list[str] = []
        for minor in range(GLIBC[self.python], OLDEST[self.arch] - 1, -1):
            found.append(f"manylinux_2_{minor}_{self.arch}")
            if minor in ALIASES:
                found.append(f"{ALIASES[minor]}_{self.arch}")
        return [*found, f"linux_{self.arch}"]

    def pip_options(self) -> list[str]:
        digits = self.python.replace(".", "")
        tags = [word for platform in self.platforms() for word in ("--platform", platform)]
        abis = [word for abi in (f"cp{digits}", "abi3", "none") for word in ("--abi", abi)]
        return ["--only-binary", ":all:", "--implementation", "cp", "--python-version", digits, *tags, *abis]


@dataclass(frozen=True)
class Pin:
    name: str
    version: str
    hashes: tuple[str, ...] = ()

    def line(self) -> str:
        return " ".join([f"{self.name}=={self.version}", *(f"--hash={each}" for each in self.hashes)])


def blocks(text: str) -> Iterator[str]:
    """One a package: its line and those that go on from it."""
    for block in re.split(r"\n(?=\S)", text):
        if block.strip() and not block.startswith("#"):
            yield block.replace("\\\n", " ")


def pins(text: str, target: Target) -> list[Pin]:
    """In the order of their names."""
    found: dict[str, Pin] = {}
    for block in blocks(text):
        requirement = Requirement(block.split("--hash")[0].split(" #")[0].strip())
        if requirement.marker is not None and not requirement.marker.evaluate(target.environment()):
            continue
        name, version = canonicalize_name(requirement.name), str(requirement.specifier).removeprefix("==")
        if name in found:
            raise SystemExit(f"{name} is locked twice for {target.name}: {found[name].version} and {version}; run `make lock`")
        found[name] = Pin(name, version, tuple(HASH.findall(block)))
    return [found[name] for name in sorted(found)]


def locked(requirements: Path, names: Iterable[str], target: Target) -> list[Pin]:
    """Of several locks; a package that is in more than one keeps the hashes that one of them has."""
    found: dict[str, Pin] = {}
    for name in names:
        for pin in pins((requirements / f"{name}.txt").read_text(), target):
            before = found.setdefault(pin.name, pin)
            if before.version != pin.version:
                raise SystemExit(f"{pin.name} is {before.version} in one lock and {pin.version} in {name}.txt; run `make lock`")
    return [found[name] for name in sorted(found)]
