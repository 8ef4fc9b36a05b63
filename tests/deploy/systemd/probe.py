"""What a process under the appliance's own settings may and may not do, as JSON: run in the place of the service by test_hardening."""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)


def said(what: Callable[[], object]) -> str:
    try:
        what()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    return "yes"


def native(name: str, *args: object) -> None:
    ctypes.set_errno(0)
    if getattr(LIBC, name)(*args) < 0 and ctypes.get_errno():
        raise OSError(ctypes.get_errno(), name)


def opened(path: str, flags: int = os.O_RDONLY) -> Callable[[], object]:
    return lambda: os.close(os.open(path, flags))


def processes() -> int:
    return len([path for path in Path("/proc").iterdir() if path.name.isdigit()])


def executable() -> None:
    """Memory that is written and run: engines compile code."""
    with mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as code:
        code.write(b"\xc3")


def shared_memory() -> None:
    path = Path("/dev/shm/vedette-probe")  # noqa: S108  the place is what is probed
    path.write_bytes(b"x")
    path.unlink()


PROBES: dict[str, Callable[[], object]] = {
    "write /usr": lambda: Path("/usr/x").write_text("x"),
    "write /etc": lambda: Path("/etc/vedette/x").write_text("x"),
    "write state": lambda: Path("/var/lib/vedette/probe").write_text("x"),
    "write run": lambda: Path("/run/vedette/probe").write_text("x"),
    "write tmp": lambda: Path("/tmp/probe").write_text("x"),  # noqa: S108  the same
    "write kernel": lambda: Path("/proc/sys/kernel/hostname").write_text("x"),
    "read shadow": opened("/etc/shadow"),
    "read root's home": lambda: list(Path("/root").iterdir()),
    "open the allowed device": opened("/dev/probe-allowed", os.O_RDWR),
    "open another device": opened("/dev/probe-other", os.O_RDWR),
    "open null": opened("/dev/null", os.O_RDWR),
    "packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    "tcp socket": lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close(),
    "unix socket": lambda: socket.socket(socket.AF_UNIX).close(),
    "uevents": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15).close(),
    "mount": lambda: native("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "new namespace": lambda: native("unshare", 0x10000000),
    "become root": lambda: os.setuid(0),
    "trace another": lambda: native("ptrace", 16, os.getppid(), 0, 0),
    "set the clock": lambda: native("clock_settime", 0, (ctypes.c_long * 2)(0, 0)),
    "ask systemd for the clock": lambda: subprocess.run(["timedatectl", "show", "-p", "NTPSynchronized"], check=True),
    "run what was written": executable,
    "shared memory": shared_memory,
    "limit a child": lambda: resource.setrlimit(resource.RLIMIT_AS, resource.getrlimit(resource.RLIMIT_AS)),
    "choose cores": lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
    "give way": lambda: os.nice(1),
    "lock memory": lambda: native("mlock", ctypes.create_string_buffer(4096), 4096),
    "place memory": lambda: native("syscall", 239, None, None, 0, None, 0),  # get_mempolicy: what CUDA asks
    "run a program": lambda: subprocess.run(["/bin/true"], check=True),
}

if __name__ == "__main__":
    found = {name: said(probe) for name, probe in PROBES.items()}
    sys.stdout.write("PROBE " + json.dumps(found | {"processes": str(processes())}) + "\n")
