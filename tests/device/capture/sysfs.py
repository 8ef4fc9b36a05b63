"""A sysfs and a /dev as the kernel lays them out for cameras, in a folder; plugging in and out is making and removing."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from device.capture.local import LocalCamera, local_cameras
from device.capture.querycap import Capability

CONTROLLER = "pci0000:00/0000:00:14.0"


@dataclass
class Bench:
    root: Path
    answers: dict[str, Capability | int] = field(default_factory=dict)  # an errno where it refuses

    def look(self) -> list[LocalCamera]:
        return local_cameras(self.root / "sys", self.root / "dev", self._ask)

    def _ask(self, node: Path) -> Capability:
        answer = self.answers.get(node.name, errno.ENOENT)
        if isinstance(answer, int):
            raise OSError(answer, os.strerror(answer))
        return answer

    def plug_usb(
        self, port: str, first: int, *, serial: str = "", model: tuple[str, str] = ("046d", "0892"), cameras: int = 1, name: str = "C920"
    ) -> None:
        """Each camera has a node that gives pictures and one for metadata, as UVC has."""
        device = self.root / "sys/devices" / CONTROLLER / "usb1" / f"1-{port}"
        write(device / "idVendor", model[0] + "\n")
        write(device / "idProduct", model[1] + "\n")
        if serial:
            write(device / "serial", serial + "\n")
        for which in range(cameras):
            for index, pictures in enumerate([True, False]):
                node = f"video{first + 2 * which + index}"
                self._node(device / f"1-{port}:1.{2 * which}" / "video4linux" / node, name, index, pictures, f"usb-0000:00:14.0-{port}")

    def plug_platform(self, driver: str, node: str, bus: str) -> None:
        self._node(self.root / "sys/devices/platform" / driver / "video4linux" / node, "vivid", 0, True, bus)

    def _node(self, place: Path, name: str, index: int, pictures: bool, bus: str) -> None:
        write(place / "name", name + "\n")
        write(place / "index", f"{index}\n")
        listed = self.root / "sys/class/video4linux" / place.name
        listed.parent.mkdir(parents=True, exist_ok=True)
        listed.symlink_to(place)
        write(self.root / "dev" / place.name, "")
        self.answers[place.name] = Capability(name, bus, pictures)

    def unplug(self, *nodes: str) -> None:
        for node in nodes:
            listed = self.root / "sys/class/video4linux" / node
            shutil.rmtree(listed.resolve())
            listed.unlink()
            (self.root / "dev" / node).unlink()
            del self.answers[node]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
