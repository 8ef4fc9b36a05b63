"""Uevents: the kernel's word, over netlink, that a camera came or went; only a hint to look again, so nothing in it is believed."""

from __future__ import annotations

import errno
import logging
import select
import socket

log = logging.getLogger(__name__)
KOBJECT_UEVENT = 15
KERNEL, UDEV = 1, 2  # groups: as it happens, and when udev has set who may open the device
LONGEST, MOST = 8192, 256  # bytes of a message; messages read in one go
SUBJECTS = (b"SUBSYSTEM=video4linux", b"SUBSYSTEM=media")


class Uevents:
    """Where the kernel tells nobody (a container, a seccomp filter) `wait` only waits."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._socket: socket.socket | None = None
        try:
            self._socket = listening()
        except OSError as error:
            log.info("no word from the kernel of cameras that come and go: they are looked for", extra={"reason": error.strerror})
        else:
            self._poll.register(self._socket, select.POLLIN)

    def wait(self, seconds: float) -> bool:
        """At most so long; True: look now."""
        self._poll.poll(seconds * 1000)
        return self._socket is not None and heard(self._socket)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


def listening() -> socket.socket:
    found = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, KOBJECT_UEVENT)
    try:
        found.bind((0, KERNEL | UDEV))
    except OSError:
        found.close()
        raise
    return found


def heard(from_there: socket.socket) -> bool:
    """All that waits, within bounds; True when something of it was about a camera, or was lost."""
    about = False
    for _ in range(MOST):
        try:
            about |= concerns(from_there.recv(LONGEST))
        except BlockingIOError:
            return about
        except OSError as error:
            return about or error.errno == errno.ENOBUFS  # more came than was read
    return True


def concerns(message: bytes) -> bool:
    """`add@/devices/...` and lines that end in NUL, the kernel's way and, behind a header of its own, udev's."""
    return any(line in SUBJECTS for line in message.split(b"\0"))
