"""What the programs inside the virtual machine share: lines for the serial line, waiting, modules, and switching it off."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

from device.clock import SystemClock

MODULES = Path("/run/modules")
CLOCK = SystemClock()
PATIENCE_S = 900.0  # a virtual machine without help of the processor is thirty times slower, and not alone


def say(what: str, **facts: Any) -> None:
    print("VM " + json.dumps({"what": what, "t": round(CLOCK.mono_ns() / 1e9, 2), **facts}), flush=True)  # noqa: T201  # to the serial line


def busybox(*words: str) -> None:
    subprocess.run(["busybox", *words], check=True)


def until(what: str, true: Callable[[], bool]) -> None:
    pause, began_ns = Event(), CLOCK.mono_ns()
    while not true():
        if CLOCK.mono_ns() > began_ns + int(PATIENCE_S * 1e9):
            raise TimeoutError(what)
        pause.wait(0.1)
    say(what, took_s=round((CLOCK.mono_ns() - began_ns) / 1e9, 2))


def off() -> None:
    """A process 1 that ends is a panic, so the machine is switched off first."""
    sys.stdout.flush()
    Path("/proc/sysrq-trigger").write_text("o")
    Event().wait(30)
