"""Notify: tells systemd how the appliance is; through systemd-python where it is installed, else by the socket itself."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping

Send = Callable[[str], bool]


class Notify:
    """Every method returns whether systemd was told; nothing happens where there is none."""

    def __init__(self, send: Send | None = None) -> None:
        self._send = send or sender()

    def ready(self, status: str = "") -> bool:
        return self._send("READY=1" + (f"\nSTATUS={_line(status)}" if status else ""))

    def watchdog(self) -> bool:
        return self._send("WATCHDOG=1")

    def overdue(self) -> bool:
        """systemd (243 and later) does at once what it does when no WATCHDOG came in time."""
        return self._send("WATCHDOG=trigger")

    def status(self, text: str) -> bool:
        return self._send(f"STATUS={_line(text)}")

    def stopping(self, status: str = "") -> bool:
        return self._send("STOPPING=1" + (f"\nSTATUS={_line(status)}" if status else ""))

    def extend_timeout(self, seconds: float) -> bool:
        """Starting or stopping takes that much longer: an engine is being built."""
        return self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")


def watchdog_s(environment: Mapping[str, str] = os.environ, pid: int | None = None) -> float | None:
    """How often WATCHDOG must be sent at least; half of it is a good interval. None: nobody watches this process."""
    meant = environment.get("WATCHDOG_PID")
    if meant and meant != str(os.getpid() if pid is None else pid):
        return None
    text = environment.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 if text.isdigit() and int(text) > 0 else None


def sender() -> Send:
    """systemd-python's notify, or ours."""
    try:
        from systemd import daemon
    except ImportError:
        return send_to_socket
    return lambda state: bool(daemon.notify(state))


def send_to_socket(state: str) -> bool:
    """sd_notify(3): one datagram to NOTIFY_SOCKET; a name with @ is in the abstract namespace."""
    name = os.environ.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return False
    address = "\0" + name[1:] if name.startswith("@") else name
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.setblocking(False)  # systemd that does not read must not hold up the appliance
            sock.sendto(state.encode(), address)
        except OSError:
            return False
    return True


def _line(text: str) -> str:
    """A status is one line; a second one would be read as another message."""
    return " ".join(text.split())
