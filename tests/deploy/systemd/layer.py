"""A release laid over the tree of a box: the files of this checkout and the packages a box needs, with the Python of the tree."""

from __future__ import annotations

import compileall
import os
import re
import shutil
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RELEASE = "opt/vedette/releases/0.0.1"
PYTHON = "python3.11"  # of Debian 12; the packages here must be for it
PACKAGES = ("contracts", "vision", "dataset", "broker", "serving", "device")
HEAVY = {"torch", "onnx", "onnx-ir", "onnxscript", "ml-dtypes", "sympy", "networkx", "setuptools"}
ENTRY = """#!/opt/vedette/current/bin/python
import sys
from {program}.main import main
sys.exit(main())
"""


def make_layer(folder: Path) -> Path:
    release = folder / RELEASE
    site = release / "lib" / PYTHON / "site-packages"
    site.mkdir(parents=True)
    (release / "bin").mkdir()
    (release / "bin/python").symlink_to(f"/usr/bin/{PYTHON}")
    (release / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    (release / "bin/vedette").write_text(ENTRY.format(program="device"))
    (release / "bin/vedette").chmod(0o755)
    (folder / "opt/vedette/current").symlink_to("releases/0.0.1")
    for name in required():
        lay(metadata.distribution(name), site)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
        compileall.compile_dir(site / package, quiet=2)  # as pip does: the service may not write here
    shutil.copy(Path(__file__).with_name("site_stuck.py"), site)
    shutil.copy(Path(__file__).with_name("probe.py"), release)
    for shared in ("configs", "models"):
        shutil.copytree(ROOT / shared, release / "share/vedette" / shared)
    for unit in (ROOT / "deploy/systemd").glob("vedette.service*"):
        place = folder / "usr/lib/systemd/system" / unit.name
        place.parent.mkdir(parents=True, exist_ok=True)
        if unit.is_file():
            shutil.copy(unit, place)
    return folder


def make_trainer_layer(folder: Path) -> Path:
    """What the trainer has besides, laid over the other: all but what only training and export load."""
    release = folder / RELEASE
    site = release / "lib" / PYTHON / "site-packages"
    site.mkdir(parents=True)
    (release / "bin").mkdir()
    (release / "bin/vedette-trainer").write_text(ENTRY.format(program="trainer"))
    (release / "bin/vedette-trainer").chmod(0o755)
    for name in sorted({*names("trainer")} - {*names("box")} - HEAVY):
        if installed(name):
            lay(metadata.distribution(name), site)
    shutil.copytree(ROOT / "trainer", site / "trainer", ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(site / "trainer", quiet=2)
    (folder / "usr/lib/systemd/system").mkdir(parents=True)
    for unit in (ROOT / "deploy/systemd").glob("vedette-*.service"):
        shutil.copy(unit, folder / "usr/lib/systemd/system")
    return folder


def names(lock: str) -> list[str]:
    """One is there for each Python."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    return [*dict.fromkeys(re.findall(r"^([A-Za-z0-9_.-]+)==", text, re.MULTILINE))]


def required() -> list[str]:
    """Of the lock for boxes those that are installed here: what is for another system has no place in the box either."""
    return [*(name for name in names("box") if installed(name)), "vedette"]


def installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def lay(found: metadata.Distribution, site: Path) -> None:
    """Hard links: a box only reads them."""
    for file in found.files or []:
        source = Path(str(file.locate()))
        if ".." in file.parts or file.suffix == ".pth" or not source.is_file():
            continue
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:  # another disk
            shutil.copy(source, target)
