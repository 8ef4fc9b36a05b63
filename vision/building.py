"""Building: where an engine compiles, it does so first in a process of its own, which says how far it is; the box serves meanwhile.

What was built is kept in the folder `work`, and whoever opens the bundle there next has it at once.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from pkgutil import resolve_name
from select import poll
from tempfile import TemporaryFile
from typing import IO, Any

from contracts.errors import BundleError, VedetteError
from vision.bundle import StoredBundle, read_bundle
from vision.engines import ENGINES
from vision.engines.opening import open_engine
from vision.tryout import KINDS, LAST_WORDS, OverBudget, environment

NICE = 10  # what sees comes first
ROUND_S = 1.0
LONGEST_LINE = 64 << 10


@dataclass(frozen=True, slots=True)
class Step:
    """None: not known."""

    percent: float | None
    left_s: float | None


@dataclass(frozen=True, slots=True)
class Wanted:
    path: str
    engine: str
    work: str
    seconds: float
    options: dict[str, Any]


def compiles(engine: str) -> bool:
    """Whether there is anything to build before it runs a model."""
    return bool(resolve_name(ENGINES[engine]).compiles)


def build(
    bundle: StoredBundle, engine: str, work: Path, seconds: float, options: Mapping[str, Any] | None = None
) -> Generator[Step, None, None]:
    """A step at least each second until it is built, or was there. What `open_engine` would raise; OverBudget when it takes too long.
    Who closes the iterator ends the process."""
    wanted = Wanted(str(bundle.path.absolute()), engine, str(work.absolute()), seconds, dict(options or {}))
    command = [sys.executable, "-m", "vision.building", json.dumps(asdict(wanted))]
    with TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, cwd="/", env=environment())
        try:
            yield from _followed(process, wanted, errors)
        finally:
            process.kill()
            process.communicate()


def _followed(process: subprocess.Popen[bytes], wanted: Wanted, errors: IO[bytes]) -> Generator[Step, None, None]:
    began, percent, rest = time.monotonic(), None, b""
    out = process.stdout.fileno() if process.stdout else -1
    poller = poll()
    poller.register(out)
    while (passed := time.monotonic() - began) < wanted.seconds:
        if poller.poll(ROUND_S * 1000):
            piece = os.read(out, LONGEST_LINE)
            *lines, rest = (rest + piece).split(b"\n")
            for said in map(_read, lines):
                if "error" in said:
                    _judge(said)
                    return
                percent = said.get("percent", percent)
            if not piece:
                raise _died(process, wanted, errors)
            rest = rest[-LONGEST_LINE:]
        yield Step(percent, passed * (100 - percent) / percent if percent else None)
    words = f"engine {wanted.engine} is not built within {wanted.seconds:g} s"
    raise OverBudget(f"bundle {wanted.path}: {words}; allow more, or keep the old model")


def _read(line: bytes) -> dict[str, Any]:
    """Libraries print there too: what is not ours is nothing."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _judge(said: dict[str, Any]) -> None:
    if said["error"]:
        raise KINDS.get(str(said["error"]), BundleError)(str(said.get("message", "")))


def _died(process: subprocess.Popen[bytes], wanted: Wanted, errors: IO[bytes]) -> BundleError:
    code = process.wait()
    errors.seek(0)
    last = " ".join(errors.read().decode("utf-8", "replace").split())[-LAST_WORDS:]
    how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
    words = f"the process that built it for engine {wanted.engine} {how}{': ' + last if last else ''}; keep the old model"
    return BundleError(f"bundle {wanted.path}: {words}")


def main() -> None:
    """In the process of its own: what is wanted comes as JSON, lines of JSON go out."""
    wanted = Wanted(**json.loads(sys.argv[1]))
    seconds = int(wanted.seconds * len(os.sched_getaffinity(0))) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))  # it does not go on for ever when nobody waits for it any more
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICE)
    error = message = ""
    try:
        open_engine(read_bundle(wanted.path), wanted.engine, 1, wanted.options, work=Path(wanted.work), told=_say).close()
    except VedetteError as refused:
        error, message = type(refused).__name__, str(refused)
    sys.stdout.write(f"\n{json.dumps({'error': error, 'message': message})}\n")


def _say(percent: float) -> None:
    sys.stdout.write(f"\n{json.dumps({'percent': round(percent, 1)})}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
