"""Roads of this box to the trainer's repository: what is plugged in first, what is slow last."""

from __future__ import annotations

from pathlib import Path

from device.clock import Clock
from device.update.https import Https, tls_of
from device.update.mqtt_chunks import MqttChunks
from device.update.options import Options
from device.update.roads import Road
from device.update.usb import Usb


class Roads:
    """`chunks` is the road over the broker."""

    def __init__(self, options: Options, clock: Clock, chunks: MqttChunks) -> None:
        self._options, self._https, self.chunks = options, https_of(options, clock), chunks

    def open(self, *, broker: bool) -> list[Road]:
        """At this moment, the first to be tried first; `broker`: whether this box has one."""
        network: list[Road] = [] if self._https is None else [self._https]
        slow: list[Road] = [self.chunks] if broker and self._options.over_mqtt == "on" else []
        return [*self.sticks(), *network, *slow]

    def sticks(self) -> list[Usb]:
        return [Usb(folder) for folder in self._options.folders if _readable(folder / "metadata")]

    def hang_up(self) -> None:
        """From any thread: who waits for one of them is told that it broke off."""
        self.chunks.hang_up()
        if self._https is not None:
            self._https.hang_up()


def https_of(options: Options, clock: Clock) -> Https | None:
    """None where no address is configured; ConfigError for one that is none, or certificates that cannot be used."""
    if options.url is None:
        return None
    context = tls_of(options.ca, options.cert, options.key) if options.url.startswith("https:") else None
    return Https(options.url, clock, context=context, timeout_s=options.timeout_s, least_bytes_per_s=options.least_bytes_per_s)


def _readable(folder: Path) -> bool:
    """A stick that is broken, or a share that went away, is as good as none."""
    try:
        return folder.is_dir()
    except OSError:
        return False
