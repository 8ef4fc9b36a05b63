"""Time comes from here, and only this file asks the system for it."""

import ctypes
import errno
import time
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from device.timedated import Timedated

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
    _timedated: ClassVar[Timedated] = Timedated()  # one for the process: whoever makes a clock asks nobody anew

    def mono_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        return time.time_ns()

    def state(self) -> ClockState:
        if self.wall_ns() < BUILT_NS:
            return "unsynced"
        if Path("/run/systemd/timesync/synchronized").exists() or self._synchronised():
            return "ntp"
        return "rtc" if Path("/dev/rtc0").exists() else "unsynced"

    def _synchronised(self) -> bool:
        """The kernel knows, whoever disciplines it (chrony, ntpd, PTP); under ProtectClock= it may not be asked."""
        said = kernel_synchronised()
        return self._timedated.synchronised() if said is None else said


def kernel_synchronised() -> bool | None:
    """adjtimex(2) with no modes set only reads; its return value 5 (TIME_ERROR) means not synchronised. None: it is forbidden."""
    buffer = ctypes.create_string_buffer(512)  # struct timex is 208 bytes on 64-bit Linux
    libc = ctypes.CDLL(None, use_errno=True)
    state = int(libc.adjtimex(buffer))
    if state < 0 and ctypes.get_errno() == errno.EPERM:
        return None
    return 0 <= state < 5
