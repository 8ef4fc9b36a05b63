"""The wheels of a release: every locked one, fetched by hash for the box's kind, and the project's own, built from its files."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import parse_wheel_filename

from scripts.release_lock import Pin, Target

ROOT = Path(__file__).resolve().parent.parent
TREE = (
    "pyproject.toml", "README.md", "LICENSE", "contracts", "vision", "dataset", "broker", "serving", "device", "trainer", "configs",
    "models",
)  # fmt: skip
VERSION = re.compile(r"[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?")  # PEP 440 without epoch and local part
TAG = re.compile(r"manylinux_2_(\d+)_")
NAMED = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}


@dataclass(frozen=True)
class Wheel:
    path: Path
    name: str
    version: str

    @classmethod
    def of(cls, path: Path) -> Wheel:
        name, version, _, _ = parse_wheel_filename(path.name)
        return cls(path, name, str(version))

    def line(self) -> str:
        """What pip is given: this file, known by its hash."""
        return f"{self.name}=={self.version} --hash=sha256:{hashlib.sha256(self.path.read_bytes()).hexdigest()}"

    def glibc(self) -> int:
        """2.x of the oldest C library that loads it; 0: any."""
        tags = {tag.platform for tag in parse_wheel_filename(self.path.name)[3]}
        found = [int(match[1]) for tag in tags if (match := TAG.match(tag))]
        found += [minor for name, minor in NAMED.items() if any(tag.startswith(name + "_") for tag in tags)]
        return min(found, default=0)


def fits(wheel: Wheel, target: Target) -> bool:
    tags = parse_wheel_filename(wheel.path.name)[3]
    pythons = {"py3", "py2.py3", f"cp{target.python.replace('.', '')}"}
    platforms = {"any", *target.platforms()}
    return any(tag.platform in platforms and (tag.interpreter in pythons or tag.abi == "abi3") for tag in tags)


def fetch(pins: Iterable[Pin], target: Target, cache: Path) -> list[Wheel]:
    """Into the cache, where an earlier run's are taken from; a package without a wheel for this box is an error that names it."""
    cache.mkdir(parents=True, exist_ok=True)
    every = list(pins)
    for some, check in (([pin for pin in every if pin.hashes], ["--require-hashes"]), ([pin for pin in every if not pin.hashes], [])):
        if some:
            download([pin.line() for pin in some], [*check, *target.pip_options()], cache)
    return [in_cache(pin, target, cache) for pin in every]


def download(lines: Sequence[str], options: Sequence[str], cache: Path) -> None:
    listed = cache / "wanted.txt"
    listed.write_text("\n".join(lines) + "\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--quiet", "--no-deps", "--dest", str(cache)]
    done = subprocess.run([*pip, "--requirement", str(listed), *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"pip could not fetch every locked wheel:\n{done.stderr.strip()[-2000:]}\n"
            "a package that has no wheel for this box is built there (`pip wheel NAME==VERSION`) and given with --with FILE"
        )


def in_cache(pin: Pin, target: Target, cache: Path) -> Wheel:
    found = [Wheel.of(path) for path in sorted(cache.glob("*.whl"))]
    found = [wheel for wheel in found if (wheel.name, public(wheel.version)) == (pin.name, public(pin.version)) and fits(wheel, target)]
    if len(found) != 1:
        raise SystemExit(f"{pin.name} {pin.version}: {len(found)} wheels for {target.name} in {cache}; empty that folder and try again")
    return found[0]


def public(version: str) -> str:
    return version.partition("+")[0]


def with_own(wheels: Sequence[Wheel], own: Sequence[Path], target: Target) -> list[Wheel]:
    """Wheels made by oneself take the place of the locked ones of their name, or come on top."""
    mine = [Wheel.of(path) for path in own]
    for wheel in mine:
        if not fits(wheel, target):
            raise SystemExit(f"{wheel.path.name} does not fit {target.arch} with Python {target.python}; build it on such a machine")
    names = {wheel.name for wheel in mine}
    return sorted([*(wheel for wheel in wheels if wheel.name not in names), *mine], key=lambda wheel: wheel.name)


def project_version() -> str:
    found = re.search(r'^version = "([^"]+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    if not found:
        raise SystemExit("pyproject.toml states no version")
    return found[1]


def export(to: Path, revision: str) -> Path:
    """The tree that is released: that of a commit, or with none the files as they lie here."""
    to.mkdir()
    if revision:
        archive = subprocess.run(["git", "archive", "--format=tar", revision], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "--extract", "--directory", str(to)], input=archive, check=True)
        return to
    for name in lying():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, to / name)
    return to


def lying() -> list[Path]:
    if (ROOT / ".git").exists():
        words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
        return sorted(Path(name) for name in names if name and (ROOT / name).is_file())
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return sorted(path for path in found if not {"__pycache__", ".venv", ".cache"} & set(path.parts))


def build(source: Path, version: str, epoch: int, work: Path) -> Wheel:
    """The same bytes for the same files, version and time."""
    if not VERSION.fullmatch(version):
        raise SystemExit(f"{version!r} is no version; write it like 0.2.0, 0.2.0rc1 or 0.2.0.post1")
    tree, out = work / "tree", work / "built"
    shutil.copytree(source, tree, ignore=lambda folder, names: set(names) - set(TREE) if Path(folder) == source else set())
    project = tree / "pyproject.toml"
    project.write_text(re.sub(r'^version = "[^"]+"$', f'version = "{version}"', project.read_text(), count=1, flags=re.MULTILINE))
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the project's wheel could not be built:\n{done.stderr.strip()[-2000:]}")
    return Wheel.of(next(out.glob("*.whl")))
