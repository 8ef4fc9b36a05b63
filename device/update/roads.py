"""Roads: how bytes of the repository come here; none is believed, one verifier judges what any of them brings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from device.update.refusal import Refusal


class Missing(Exception):
    """The road is good, and the file is not there."""


class Road(Protocol):
    """HTTPS, MQTT or a stick. Whatever goes wrong is a Refusal E_FETCH, which is tried again; too many bytes are E_SIZE."""

    name: str

    def metadata(self, name: str, limit: int) -> bytes:
        """The whole of `metadata/<name>`, at most `limit` bytes. Missing when it is not there."""
        ...

    def stream(self, target: str, begin: int, end: int) -> Iterator[bytes]:
        """Bytes of `targets/<target>` from `begin` on, never beyond `end`; it may break off, and then raises after what it had."""
        ...


def hashed_name(target: str, sha256: str) -> str:
    """Where a target lies in a repository with consistent snapshots: its hash stands before the last part of its name."""
    folder, slash, name = target.rpartition("/")
    return f"{folder}{slash}{sha256}.{name}"


class Pace:
    """A road that trickles holds the box up as well as one that is closed: too few bytes in a window are E_FETCH."""

    def __init__(self, mono_ns: Callable[[], int], least_bytes_per_s: float, window_s: float, what: str) -> None:
        self._mono_ns, self._least, self._window_ns, self._what = mono_ns, least_bytes_per_s, int(window_s * 1e9), what
        self._since, self._bytes = mono_ns(), 0

    def got(self, count: int) -> None:
        self._bytes += count
        if (passed := self._mono_ns() - self._since) < self._window_ns:
            return
        if self._bytes < self._least * passed / 1e9:
            words = f"{self._what}: {self._bytes} bytes in {passed / 1e9:.0f} s, at least {self._least:g} a second are wanted"
            raise Refusal("E_FETCH", f"{words}; see what slows it, or lower update.least_bytes_per_s")
        self._since, self._bytes = self._mono_ns(), 0
