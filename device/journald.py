"""Journald: log records to the journal of systemd with their fields, in its native protocol; nothing but a socket is needed."""

from __future__ import annotations

import logging
import os
import re
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
LARGEST = 96 << 10  # bytes of one field; a datagram that is larger the kernel refuses
PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))  # syslog(3)
PREFIX = "VEDETTE_"
PLAIN = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}


class JournalSocket(logging.Handler):
    """A record's `extra` becomes fields: camera -> VEDETTE_CAMERA. What the journal does not take goes to stderr, which it reads too."""

    def __init__(self, identifier: str, path: Path = SOCKET) -> None:
        super().__init__()
        self._identifier, self._path = identifier, path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  logging's own rule: a line that cannot be made must not take the program down
            self.handleError(record)
            return
        try:
            self._socket.sendto(datagram(self._fields(record, text)), str(self._path))
        except OSError:
            os.write(2, f"<{priority(record.levelno)}>{text}\n".encode(errors="replace"))

    def _fields(self, record: logging.LogRecord, text: str) -> dict[str, str]:
        own = {field_name(key): str(value) for key, value in record.__dict__.items() if key not in PLAIN}
        return own | {
            "MESSAGE": text, "PRIORITY": str(priority(record.levelno)), "SYSLOG_IDENTIFIER": self._identifier, "LOGGER": record.name,
            "THREAD_NAME": str(record.threadName), "CODE_FILE": record.pathname, "CODE_LINE": str(record.lineno),
            "CODE_FUNC": record.funcName,
        }  # fmt: skip

    def close(self) -> None:
        self._socket.close()
        super().close()


def priority(level: int) -> int:
    return next((number for least, number in PRIORITIES if level >= least), 7)


def field_name(key: str) -> str:
    """Capitals, digits and underscores, 64 at most; ours begin with ours."""
    return (PREFIX + re.sub(r"[^A-Z0-9]", "_", key.upper()))[:64]


def datagram(fields: Mapping[str, str]) -> bytes:
    """Each as NAME, newline, its length, itself, newline: so no value can forge a field."""
    parts = []
    for name, value in fields.items():
        raw = value.encode(errors="backslashreplace")[:LARGEST]
        parts.append(name.encode() + b"\n" + struct.pack("<Q", len(raw)) + raw + b"\n")
    return b"".join(parts)
