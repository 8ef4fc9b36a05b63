"""Tryout: a bundle is loaded and run in a process of its own first, with limits, so that a model that hangs or swells harms nobody."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contracts.errors import BundleError, ConfigError, HardwareError, VedetteError
from vision.bundle import StoredBundle, read_bundle
from vision.classify import Classifier, open_classifier
from vision.detector import Detector, open_detector
from vision.golden import check_golden
from vision.golden_scores import check_scores
from vision.text.detect import TextFinder, open_finder
from vision.text.golden import check_text
from vision.text.recognise import Recogniser, open_recogniser

KINDS: Mapping[str, type[VedetteError]] = {kind.__name__: kind for kind in (BundleError, ConfigError, HardwareError)}
HANDED_ON = ("PATH", "LD_LIBRARY_PATH", "HOME", "LANG", "TMPDIR", "CUDA_VISIBLE_DEVICES")  # and no password of this process
MIB = 1 << 20
LAST_WORDS = 300  # characters of what a process said that died


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_mib` of an engine that runs on the CPU; one that compiles for a GPU maps more than it uses, and is bound by time only."""

    seconds: float = 120.0
    memory_mib: int = 2048


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the process is asked to do."""

    path: str
    engine: str
    threads: int
    golden: bool
    work: str | None
    limits: dict[str, Any]


def try_bundle(
    bundle: StoredBundle,
    engine: str = "onnx",
    threads: int = 1,
    *,
    limits: Limits | None = None,
    golden: bool = False,
    work: Path | None = None,
) -> None:
    """Open it and look at one picture, or at all its golden ones. What `open_detector` would raise, or BundleError for what it did."""
    limits = limits or Limits()
    where = None if work is None else str(work.absolute())
    attempt = Attempt(str(bundle.path.absolute()), engine, threads, golden, where, asdict(limits))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "vision.tryout"],
            input=json.dumps(asdict(attempt)),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            cwd="/",
            env=_environment(),
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        mend = "keep the old model, or allow more with model.trial_s on a slow box"
        raise BundleError(f"bundle {bundle.path}: gives no answer within {limits.seconds:g} s; {mend}") from error
    _judge(bundle, done, limits)


def _judge(bundle: StoredBundle, done: subprocess.CompletedProcess[str], limits: Limits) -> None:
    try:
        said = json.loads(done.stdout.strip().rpartition("\n")[2])
        kind, message = said["error"], said["message"]
    except (ValueError, KeyError, TypeError) as error:
        how = f"was killed by signal {-done.returncode}" if done.returncode < 0 else f"ended with {done.returncode}"
        last = " ".join(done.stderr.split())[-LAST_WORDS:]
        mend = f"keep the old model, or allow more than {limits.memory_mib} MB with model.trial_memory_mb"
        text = f"bundle {bundle.path}: the process that tried it {how}{': ' + last if last else ''}; {mend}"
        raise BundleError(text) from error
    if kind:
        raise KINDS.get(kind, BundleError)(message)


def _environment() -> dict[str, str]:
    """The same code is found from a folder where nobody else can have put a module."""
    kept = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(str(Path(place).absolute()) for place in sys.path if place)}


def main() -> None:
    """In the process of its own: one attempt as JSON comes in, one line of JSON goes out."""
    attempt = Attempt(**json.load(sys.stdin))
    _bound(Limits(**attempt.limits), attempt.engine)
    error, message = "", ""
    try:
        _attempt(attempt)
    except VedetteError as refused:
        error, message = type(refused).__name__, str(refused)
    except MemoryError:
        error, message = "BundleError", f"bundle {attempt.path}: wants more memory than model.trial_memory_mb allows; keep the old model"
    sys.stdout.write(f"\n{json.dumps({'error': error, 'message': message})}\n")


def _attempt(attempt: Attempt) -> None:
    stored = read_bundle(attempt.path)
    opened = OPENED[stored.manifest.task](stored, attempt)
    try:
        if attempt.golden:
            _check(opened, stored)
    finally:
        opened.close()


def _check(opened: Detector | Classifier | TextFinder | Recogniser, stored: StoredBundle) -> None:
    if isinstance(opened, Recogniser):
        check_text(opened, stored)
    elif isinstance(opened, Classifier):
        check_scores(opened, stored)
    else:
        check_golden(opened, stored)


def _detector(stored: StoredBundle, attempt: Attempt) -> Detector:
    return open_detector(stored, attempt.engine, attempt.threads, work=None if attempt.work is None else Path(attempt.work))


def _classifier(stored: StoredBundle, attempt: Attempt) -> Classifier:
    return open_classifier(stored, attempt.engine, attempt.threads, work=None if attempt.work is None else Path(attempt.work))


OPENED: Mapping[str, Callable[[StoredBundle, Attempt], Detector | Classifier | TextFinder | Recogniser]] = {  # by task
    "detect": _detector,
    "classify": _classifier,
    "find_text": lambda stored, attempt: open_finder(stored, attempt.threads),
    "read_text": lambda stored, attempt: open_recogniser(stored, attempt.threads),
}


def _bound(limits: Limits, engine: str) -> None:
    """The kernel's limits hold when the one who waits for this process has died: it does not go on for ever."""
    seconds = int(limits.seconds * len(os.sched_getaffinity(0))) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if engine == "onnx":
        resource.setrlimit(resource.RLIMIT_DATA, (limits.memory_mib * MIB, limits.memory_mib * MIB))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


if __name__ == "__main__":
    main()
