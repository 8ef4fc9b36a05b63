"""Configuring: what configurations that are pushed need of this box: the check in a process of its own, how it is, its restart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from device.clock import Clock
from device.config import Loaded
from device.pipeline.board import Board
from device.pipeline.crew import Crew
from device.pipeline.tally import Tally
from device.update.config_options import ConfigOptions
from device.update.config_slots import Revisions
from device.update.config_starts import Starts
from device.update.config_trial import Configuring
from device.update.vitals import vitals

PART = "config"
MOST_FAULTS = 3  # said of a configuration; the rest is counted
LARGEST_ANSWER = 1 << 20


def configuring(
    loaded: Loaded, options: ConfigOptions, crew: Crew, *, board: Board, tally: Tally, clock: Clock, restart: Callable[[], None]
) -> Configuring:
    """`restart` ends this process in order; the next one runs what is linked then."""
    data = loaded.settings.data
    revisions = Revisions(data)
    if loaded.set_aside:
        board.part(PART, "degraded", f"the pushed configuration is not in force: {loaded.set_aside}"[:400], clock.wall_ns())
    return Configuring(
        revisions=revisions, starts=Starts(data), check=lambda path: in_child(loaded, path, options.check_s), running=loaded.pushed,
        set_aside=loaded.set_aside, cameras=frozenset(loaded.settings.cameras), vitals=lambda: vitals(board, tally), restart=restart,
        options=options, clock=clock, died=lambda: crew.crash is not None,
    )  # fmt: skip


def in_child(loaded: Loaded, revision: Path, limit_s: float) -> str:
    """What `vedette check` has against it, in words; nothing: it may be tried. Whatever it does to that process, it does not do here."""
    said = loaded.said
    command = [sys.executable, "-m", "device.main", "--log", "ERROR", "check", "--json", "--revision", str(revision)]
    command += ["--config", str(said.device_file)] if said.device_file else []
    command += ["--profile", said.profile] if said.profile else []
    command += [f"--set={key}={json.dumps(value, default=str)}" for key, value in said.overrides.items()]
    process = subprocess.Popen(  # the same program with the arguments it has itself
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, env=_environment()
    )
    try:
        out, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        return f"`vedette check` gives no answer within {limit_s:g} s; see whether a camera or a bundle in it hangs"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    return _words(out[:LARGEST_ANSWER], process.returncode)


def _environment() -> dict[str, str]:
    """Ours, without what would let the child speak to systemd for us."""
    ours = {name: value for name, value in os.environ.items() if name not in {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}}
    root = str(Path(__file__).resolve().parents[1])
    return {**ours, "PYTHONPATH": os.pathsep.join([root, *ours.get("PYTHONPATH", "").split(os.pathsep)]).rstrip(os.pathsep)}


def _words(out: bytes, code: int) -> str:
    try:
        findings = json.loads(out)["findings"]
        faults = [f"{each['what']}: {each['text']}; {each['mend']}" for each in findings if each["level"] == "error"]
    except (ValueError, KeyError, TypeError):
        return f"`vedette check` ended with {code} and no answer; check it on the box: `vedette check --revision FILE`"
    if not faults:
        return "" if code == 0 else f"`vedette check` ended with {code}; check it on the box: `vedette check --revision FILE`"
    more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
    return "; ".join(faults[:MOST_FAULTS]) + more
