"""An NVMe disk's own health log, asked of the driver (ioctl): no other program is needed, but root's rights."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contracts.wear import Reserve

ADMIN_COMMAND = 0xC0484E41  # linux/nvme_ioctl.h: _IOWR('N', 0x41, struct nvme_passthru_cmd)
COMMAND = struct.Struct("=BBHIIIQQII6III")  # that structure: 72 bytes
GET_LOG_PAGE, HEALTH_LOG, EVERY_NAMESPACE = 0x02, 0x02, 0xFFFFFFFF
LOG_BYTES = 512
UNIT_BYTES = 512_000  # "data units" are thousands of 512 bytes
SPARE_LOW, UNRELIABLE, READ_ONLY = 0x01, 0x04, 0x08  # bits of the critical warning
PATIENCE_MS = 2000


@dataclass(frozen=True, slots=True)
class HealthLog:
    used_percent: int
    spare_percent: int
    reserve: Reserve
    written_bytes: int  # in its whole life
    media_errors: int
    unsafe_shutdowns: int
    temperature_c: float


LogAt = Callable[[Path], HealthLog | str]


def read_log(namespace: Path) -> HealthLog | str:
    """Of the disk a namespace (/dev/nvme0n1) is on; words where it cannot be had."""
    buffer = ctypes.create_string_buffer(LOG_BYTES)
    page = HEALTH_LOG | (LOG_BYTES // 4 - 1) << 16
    words = (page, 0, 0, 0, 0, 0)
    command = COMMAND.pack(GET_LOG_PAGE, 0, 0, EVERY_NAMESPACE, 0, 0, 0, ctypes.addressof(buffer), 0, LOG_BYTES, *words, PATIENCE_MS, 0)
    try:
        handle = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        return "only root may ask it: `sudo vedette diag` does"
    except OSError as error:
        return f"{namespace}: {error.strerror}"
    try:
        status = fcntl.ioctl(handle, ADMIN_COMMAND, bytearray(command))
    except OSError as error:
        return f"{namespace} does not answer: {error.strerror}"
    finally:
        os.close(handle)
    return parse(buffer.raw) if status == 0 else f"{namespace} refuses its health log (status {status:#x})"


def parse(log: bytes) -> HealthLog | str:
    """NVM Express 1.4, figure 194."""
    if len(log) < LOG_BYTES or not any(log):
        return "its health log is empty"
    warning, kelvin, spare, least, used = struct.unpack_from("<BHBBB", log)
    bad = warning & (UNRELIABLE | READ_ONLY)
    reserve: Reserve = "critical" if bad else "low" if warning & SPARE_LOW or spare < least else "normal"
    written, shutdowns, errors = (int.from_bytes(log[at : at + 16], "little") for at in (48, 144, 160))
    return HealthLog(used, spare, reserve, written * UNIT_BYTES, errors, shutdowns, round(kelvin - 273.15, 1) if kelvin else 0.0)
