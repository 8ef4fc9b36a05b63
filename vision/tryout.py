"""Tryout: a bundle is loaded and run in a process of its own first, with limits, so that a model that hangs or swells harms nobody."""

from __future__ import annotations

import json
import math
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contracts.errors import BundleError, ConfigError, HardwareError, VedetteError
from vision.bundle import StoredBundle, read_bundle
from vision.classify import Classifier, open_classifier
from vision.detector import Detector, open_detector
from vision.golden import GoldenReport, check_golden
from vision.golden_scores import check_scores
from vision.text.detect import TextFinder, open_finder
from vision.text.golden import check_text
from vision.text.recognise import Recogniser, open_recogniser
from vision.trial_pictures import pictures


class OverBudget(BundleError):
    """It wants more time or memory than it may have."""


KINDS: Mapping[str, type[VedetteError]] = {kind.__name__: kind for kind in (BundleError, ConfigError, HardwareError, OverBudget)}
HANDED_ON = ("PATH", "LD_LIBRARY_PATH", "HOME", "LANG", "TMPDIR", "CUDA_VISIBLE_DEVICES")  # and no password of this process
NO_MEMORY = re.compile(r"bad_?\s?alloc|allocat", re.IGNORECASE)  # as ONNX Runtime says it
MIB = 1 << 20
LOOKING_S, LEAST_LOOKS = 10.0, 8  # a slow model is looked through fewer times
CPU = "CPUExecutionProvider"
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
    looks: int = 0
    options: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Tryout:
    """What was measured there; zero where nothing was."""

    pictures: int = 0  # with golden answers
    difference: float = 0.0  # the largest, in confidence
    looks: int = 0
    p95_ms: float = 0.0  # of one look, preparing the picture and reading the answer included
    memory_mib: float = 0.0  # most that the process held at once
    grown_mib: float = 0.0  # between a third of the looks and the last


def try_bundle(
    bundle: StoredBundle,
    engine: str = "onnx",
    threads: int = 1,
    *,
    limits: Limits | None = None,
    golden: bool = False,
    work: Path | None = None,
    looks: int = 0,
    options: Mapping[str, Any] | None = None,
) -> Tryout:
    """`options` are those of the engine.

    Open it and look at one picture, or at all its golden ones, then `looks` times for figures (detectors; fewer when they are slow).
    What `open_detector` would raise, or BundleError for what it did."""
    limits = limits or Limits()
    where = None if work is None else str(work.absolute())
    attempt = Attempt(str(bundle.path.absolute()), engine, threads, golden, where, asdict(limits), looks, dict(options or {}))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "vision.tryout"],
            input=json.dumps(asdict(attempt)),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            cwd="/",
            env=environment(),
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        mend = "keep the old model, or allow more with model.trial_s on a slow box"
        raise OverBudget(f"bundle {bundle.path}: gives no answer within {limits.seconds:g} s; {mend}") from error
    return _judge(bundle, done, limits)


def _judge(bundle: StoredBundle, done: subprocess.CompletedProcess[str], limits: Limits) -> Tryout:
    try:
        said = json.loads(done.stdout.strip().rpartition("\n")[2])
        kind, message, seen = said["error"], said["message"], Tryout(**said["seen"])
    except (ValueError, KeyError, TypeError) as error:
        how = f"was killed by signal {-done.returncode}" if done.returncode < 0 else f"ended with {done.returncode}"
        last = " ".join(done.stderr.split())[-LAST_WORDS:]
        mend = f"keep the old model, or allow more than {limits.memory_mib} MB with model.trial_memory_mb"
        text = f"bundle {bundle.path}: the process that tried it {how}{': ' + last if last else ''}; {mend}"
        killed = -done.returncode in {signal.SIGKILL, signal.SIGXCPU}  # by the kernel, for memory or time
        raise (OverBudget if killed else BundleError)(text) from error
    if kind:
        raise KINDS.get(kind, BundleError)(message)
    return seen


def environment() -> dict[str, str]:
    """The same code is found from a folder where nobody else can have put a module."""
    kept = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(str(Path(place).absolute()) for place in sys.path if place)}


def main() -> None:
    """In the process of its own: one attempt as JSON comes in, one line of JSON goes out."""
    attempt = Attempt(**json.load(sys.stdin))
    _bound(Limits(**attempt.limits), attempt)
    error, message, seen = "", "", Tryout()
    try:
        seen = _attempt(attempt)
    except VedetteError as refused:
        error, message = type(refused).__name__, str(refused)
        if error != "ConfigError" and NO_MEMORY.search(message):
            error = "OverBudget"
    except MemoryError:
        error, message = "OverBudget", f"bundle {attempt.path}: wants more memory than model.trial_memory_mb allows; keep the old model"
    sys.stdout.write(f"\n{json.dumps({'error': error, 'message': message, 'seen': asdict(seen)})}\n")


def _attempt(attempt: Attempt) -> Tryout:
    stored = read_bundle(attempt.path)
    opened = OPENED[stored.manifest.task](stored, attempt)
    try:
        report = _check(opened, stored) if attempt.golden else GoldenReport(0, 0, 0.0, 1.0)
        times, grown = _looked(opened, stored, attempt.looks) if isinstance(opened, Detector) else ([], 0.0)
    finally:
        opened.close()
    p95 = sorted(times)[math.ceil(0.95 * len(times)) - 1] if times else 0.0
    return Tryout(report.pictures, report.largest_difference, len(times), p95, _memory("VmHWM"), grown)


def _check(opened: Detector | Classifier | TextFinder | Recogniser, stored: StoredBundle) -> GoldenReport:
    manifest = stored.manifest
    if isinstance(opened, Detector):
        return check_golden(opened, stored)
    if isinstance(opened, Recogniser):
        check_text(opened, stored)
    elif isinstance(opened, Classifier):
        check_scores(opened, stored)
    else:
        check_golden(opened, stored)
    return GoldenReport(len(manifest.golden) + len(manifest.golden_text) + len(manifest.golden_scores), 0, 0.0, 1.0)


def _looked(detector: Detector, stored: StoredBundle, looks: int) -> tuple[list[float], float]:
    """Milliseconds of each look, in turn at golden pictures and noise, and by how many MiB the process grew meanwhile."""
    times: list[float] = []
    early = 0.0
    shown = pictures(stored) if looks else []
    until = time.monotonic() + LOOKING_S
    while len(times) < looks and (len(times) < LEAST_LOOKS or time.monotonic() < until):
        begun = time.perf_counter()
        answer = detector.detect(shown[len(times) % len(shown)])
        times.append((time.perf_counter() - begun) * 1e3)
        if answer.status != "ok":
            raise BundleError(f"bundle {stored.path}: gives no answer to a picture: {detector.reason}; keep the old model")
        if len(times) == max(1, looks // 3):
            early = _memory("VmRSS")
    return times, max(0.0, _memory("VmRSS") - early) if early else 0.0


def _memory(what: str) -> float:
    """MiB, of this process alone: what rusage calls the most began with its parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{what}:")), 0.0)


def _detector(stored: StoredBundle, attempt: Attempt) -> Detector:
    work = None if attempt.work is None else Path(attempt.work)
    return open_detector(stored, attempt.engine, attempt.threads, options=attempt.options, work=work)


def _classifier(stored: StoredBundle, attempt: Attempt) -> Classifier:
    work = None if attempt.work is None else Path(attempt.work)
    return open_classifier(stored, attempt.engine, attempt.threads, options=attempt.options, work=work)


OPENED: Mapping[str, Callable[[StoredBundle, Attempt], Detector | Classifier | TextFinder | Recogniser]] = {  # by task
    "detect": _detector,
    "classify": _classifier,
    "find_text": lambda stored, attempt: open_finder(stored, attempt.threads),
    "read_text": lambda stored, attempt: open_recogniser(stored, attempt.threads),
}


def _bound(limits: Limits, attempt: Attempt) -> None:
    """The kernel's limits hold when the one who waits for this process has died: it does not go on for ever."""
    seconds = int(limits.seconds * len(os.sched_getaffinity(0))) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    providers = (attempt.options or {}).get("providers") or [CPU]
    if attempt.engine == "onnx" and providers == [CPU]:  # what runs on a GPU maps more than it uses
        resource.setrlimit(resource.RLIMIT_DATA, (limits.memory_mib * MIB, limits.memory_mib * MIB))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


if __name__ == "__main__":
    main()
