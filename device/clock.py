"""Time comes from here, and only this file asks the system for it."""

import ctypes
import time
from pathlib import Path
from typing import Literal, Protocol

ClockState = Literal["ntp", "rtc", "unsynced"]
STA_UNSYNC = 0x0040  # linux/timex.h: the kernel says its clock is not disciplined
BUILT_NS = 1_763_769_600_000_000_000  # 2025-11-22: no honest clock is before the software was written


class Clock(Protocol):
    def mono_ns(self) -> int:
        """For durations, pairing and pre-roll; never steps."""
        ...

    def wall_ns(self) -> int:
        """UTC since 1970, for names and the wire; may step."""
        ...

    def state(self) -> ClockState:
        """How far `wall_ns` can be trusted."""
        ...


class SystemClock:
    def mono_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        return time.time_ns()

    def state(self) -> ClockState:
        if self.wall_ns() < BUILT_NS:
            return "unsynced"
        if Path("/run/systemd/timesync/synchronized").exists() or _kernel_synchronised():
            return "ntp"
        return "rtc" if Path("/dev/rtc0").exists() else "unsynced"


def _kernel_synchronised() -> bool:
    """adjtimex(2) with no modes set only reads; its return value 5 (TIME_ERROR) means not synchronised."""
    buffer = ctypes.create_string_buffer(512)  # struct timex is 208 bytes on 64-bit Linux
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(0 <= libc.adjtimex(buffer) < 5)
