"""What a worker on another machine does: proves that it is the same software and sees the same file, then looks at a unit."""

from __future__ import annotations

import logging
import platform
import threading
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from contracts.errors import VedetteError
from device.batch.work import Work

log = logging.getLogger(__name__)
DONE, FAILED, STRANGER = b"+", b"-", b"!"
ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("contracts", "vision", "dataset", "device")
LIBRARIES = ("vedette", "onnxruntime", "opencv-python-headless", "numpy", "av")
SEEN_BYTES = 1 << 20
_one = threading.Lock()  # a process keeps one set of models, which one unit uses at a time


@lru_cache(maxsize=1)
def software() -> dict[str, str]:
    """All of the program and its libraries that decides what is found."""
    parts = sha256()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return {
        **{library: version(library) for library in LIBRARIES},
        "program": parts.hexdigest()[:16],
        "python": ".".join(platform.python_version_tuple()[:2]),
        "machine": platform.machine(),
    }


def differences(wanted: dict[str, str], there: dict[str, str]) -> str:
    """What is not the same, for a person."""
    names = [name for name in {**wanted, **there} if wanted.get(name) != there.get(name)]
    return ", ".join(f"{name} {there.get(name, 'missing')} and not {wanted.get(name, 'missing')}" for name in names)


def sight_of(path: str) -> str:
    """Size, and a digest of the first and last megabyte: whether two machines see one file. OSError when it cannot be read."""
    with Path(path).open("rb") as file:
        head = file.read(SEEN_BYTES)
        size = file.seek(0, 2)
        file.seek(max(0, size - SEEN_BYTES))
        return f"{size}:{sha256(head + file.read(SEEN_BYTES)).hexdigest()}"


def look_there(work: Work, recipe: str, unit: str, path: str, sight: str, wanted: dict[str, str]) -> bytes:
    """In the worker. What is wrong is said in the answer: an exception would travel as a pickle."""
    if said := differences(wanted, software()):
        return STRANGER + f"{platform.node()}: {said}".encode()
    if said := _unseen(path, sight):
        return FAILED + said.encode()
    try:
        with _one:
            return DONE + work(recipe, unit)
    except VedetteError as error:
        return FAILED + f"worker {platform.node()}: {error}".encode()
    except Exception as error:  # a site's stage or a decoder may raise anything: that recording has failed, others go on
        log.exception("a unit failed")
        return FAILED + f"worker {platform.node()}: {type(error).__name__}: {error}".encode()


def _unseen(path: str, sight: str) -> str:
    try:
        there = sight_of(path)
    except OSError as error:
        return f"worker {platform.node()} cannot read {path} ({error.strerror}); mount the videos there under the same path"
    return "" if there == sight else f"worker {platform.node()} has another file at {path}; mount the videos there under the same path"
