"""Local cameras: what is plugged in, from sysfs; one a camera that gives pictures, whatever nodes it has beside."""

from __future__ import annotations

import errno
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from device.capture.device_id import DeviceId, cleaned
from device.capture.querycap import Capability, capability

SYS, DEV = Path("/sys"), Path("/dev")
MOST = 64  # nodes that are looked at
Ask = Callable[[Path], Capability]


@dataclass(frozen=True, slots=True)
class LocalCamera:
    """`full` is everything known of it, `id` the shortest that means it and no other one that is plugged in now."""

    id: str
    name: str
    node: Path
    full: DeviceId
    fault: str = ""  # why it cannot be asked; it is there all the same


def local_cameras(sys: Path = SYS, dev: Path = DEV, ask: Ask = capability) -> list[LocalCamera]:
    """In the order of their nodes. Never raises: what goes while it is read is left out."""
    folders = sorted((sys / "class/video4linux").glob("video*"), key=lambda folder: int(re.sub(r"\D", "", folder.name) or 0))[:MOST]
    found = _numbered([camera for folder in folders if (camera := _camera(folder, dev, ask))])
    serials = Counter(_by_serial(camera.full) for camera in found)
    return [replace(camera, id=str(_shortest(camera.full, serials))) for camera in found]


def _camera(folder: Path, dev: Path, ask: Ask) -> LocalCamera | None:
    """None for a node that gives no pictures."""
    node, place = dev / folder.name, folder.resolve()
    usb = next((each for each in place.parents if (each / "idVendor").is_file()), None)
    try:
        said = ask(node)
    except OSError as error:
        # Who may not open it cannot know; the second node of a USB camera has the metadata.
        if error.errno not in {errno.EACCES, errno.EPERM, errno.EBUSY} or _read(folder / "index") not in {"", "0"}:
            return None
        fault = (error.strerror or "cannot be opened").lower()
        return LocalCamera("", _shown(_read(folder / "name")), node, _usb(usb) if usb else DeviceId(port=_place(place)), fault)
    if not said.gives_pictures:
        return None
    full = _usb(usb) if usb else DeviceId(port=re.sub(r"[^A-Za-z0-9:._-]+", "_", said.bus)[:80] or _place(place))
    return LocalCamera("", _shown(said.card or _read(folder / "name")), node, full)


def _usb(device: Path) -> DeviceId:
    """The port is the controller's name and the way through the hubs, as the kernel's own bus info has it."""
    roots = [each for each in device.parents if re.fullmatch(r"usb\d+", each.name)]
    controller = roots[0].parent.name if roots else "usb"
    way = device.name.partition("-")[2] or device.name
    return DeviceId(
        vendor=_four(_read(device / "idVendor")),
        product=_four(_read(device / "idProduct")),
        serial=cleaned(_read(device / "serial")),
        port=re.sub(r"[^A-Za-z0-9:._-]+", "_", f"{controller}-{way}")[:80],
    )


def _place(place: Path) -> str:
    return re.sub(r"[^A-Za-z0-9:._-]+", "_", place.parent.parent.name)[:80] or "unknown"


def _numbered(cameras: list[LocalCamera]) -> list[LocalCamera]:
    """A device with two cameras in it has two that share all else."""
    seen: Counter[DeviceId] = Counter()

    def each() -> Iterator[LocalCamera]:
        for camera in cameras:
            yield replace(camera, full=replace(camera.full, nth=seen[camera.full]))
            seen[camera.full] += 1

    return list(each())


def _by_serial(full: DeviceId) -> DeviceId:
    return replace(full, port="") if full.serial else full


def _shortest(full: DeviceId, serials: Counter[DeviceId]) -> DeviceId:
    """By its serial number, unless it has none or another camera says the same one; then by its socket."""
    return _by_serial(full) if serials[_by_serial(full)] == 1 else replace(full, serial="")


def named(device: DeviceId, cameras: Sequence[LocalCamera]) -> list[LocalCamera]:
    return [camera for camera in cameras if device.means(camera.full)]


def _four(text: str) -> str:
    return text.lower() if re.fullmatch(r"[0-9a-fA-F]{4}", text) else "0000"


def _read(path: Path) -> str:
    """A short attribute; empty where there is none any more."""
    try:
        with path.open("rb") as file:
            return os.fsdecode(file.read(256)).strip()
    except OSError:
        return ""


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text.encode("utf-8", "replace").decode())[:80] or "camera"
