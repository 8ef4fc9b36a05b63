"""What runs inside the virtual machine: the appliance on two V4L2 cameras that are taken away and given back; a line for what it saw."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path
from struct import pack
from typing import Any

from device.app import Appliance
from device.capture.local import local_cameras
from device.config import load
from device.logs import set_up
from tests.deploy.vm.line import CLOCK, MODULES, busybox, off, say, until

DRIVERS = Path("/sys/bus/platform/drivers")
VIDIOC_S_CTRL, DISCONNECT = 0xC008561C, 0x00F0F000 + 65  # vivid's own: the camera drops off, and comes back when it is closed
CONFIG = """
device_id: vm-1
data: /tmp/data
detection_fps: 5
profile: /tmp/bare.yaml
page: null
record: null
pictures: null
cameras:
  left: {use: v4l2, device: "bus:platform:vivid-000", size: 320x180, fps: 5}
  right: {use: v4l2, device: "bus:platform:vivie-000", size: 320x180, fps: 5}
"""


def insert() -> None:
    for name in (MODULES / "cameras").read_text().split():
        busybox("insmod", str(MODULES / name), *(("n_devs=1", "node_types=0x1") if name.startswith("vivi") else ()))


class Watched:
    """The appliance, and what its board and tally say of a camera."""

    def __init__(self) -> None:
        self.box = Appliance(load(Path("/tmp/device.yaml")), CLOCK)  # noqa: S108  # this machine's own, in memory

    def state(self, camera: str) -> str:
        found = self.box.board.cameras().get(camera)
        return found.state if found else ""

    def analysed(self, camera: str) -> int:
        return self.box.tally.get(camera, "analysed")

    def more(self, *cameras: str) -> Callable[[], bool]:
        before = {camera: self.analysed(camera) for camera in cameras}
        return lambda: all(self.state(camera) == "online" and self.analysed(camera) >= before[camera] + 5 for camera in cameras)

    def facts(self) -> dict[str, Any]:
        board = self.box.board.cameras()
        said = {name: {"state": c.state, "reason": c.reason, "codec": c.codec, "size": [c.width, c.height]} for name, c in board.items()}
        late = {name: round((CLOCK.mono_ns() - (self.box.tally.looked_at_ns(name) or 0)) / 1e9, 2) for name in board}
        lost = {".".join(key): n for key, n in self.box.tally.counts().items() if key[1] == "packets_lost"}
        return {"cameras": said, "analysed": {name: self.analysed(name) for name in board}, "age_s": late, "lost": lost}


def bind(driver: str, how: str) -> None:
    (DRIVERS / driver / how).write_text(f"{driver}.0")


def drop_off(node: Path) -> None:
    handle = os.open(node, os.O_RDWR)
    try:
        ioctl(handle, VIDIOC_S_CTRL, pack("Ii", DISCONNECT, 1))
    finally:
        os.close(handle)


def play() -> None:
    insert()
    listed = local_cameras()
    say("listed", cameras=[[camera.id, camera.name, str(camera.node), camera.fault] for camera in listed])
    Path("/tmp/bare.yaml").write_text("pipeline: {}\n")  # noqa: S108
    Path("/tmp/device.yaml").write_text(CONFIG)  # noqa: S108
    watched = Watched()
    watched.box.start()
    until("both online", watched.more("left", "right"))
    say("before", **watched.facts())
    bind("vivie", "unbind")
    until("right unplugged", lambda: watched.state("right") == "unplugged")
    until("left goes on", watched.more("left"))
    say("between", **watched.facts())
    bind("vivie", "bind")
    until("right is back", watched.more("right"))
    say("after", **watched.facts())
    drop_off(next(camera.node for camera in listed if camera.id == "bus:platform:vivid-000"))
    until("left dropped off", lambda: watched.state("left") != "online")
    say("dropped", **watched.facts())
    until("left is back by itself", watched.more("left"))
    for how, word in (("unbind", "unplugged"), ("bind", "online")):
        for driver in ("vivid", "vivie"):
            bind(driver, how)
        until(f"both {word}", lambda: {watched.state(name) for name in ("left", "right")} == {word})  # noqa: B023
    until("both again", watched.more("left", "right"))
    say("end", **watched.facts())
    watched.box.stop()
    say("done")


if __name__ == "__main__":
    try:
        set_up("INFO")
        play()
    except BaseException:  # noqa: BLE001  # the serial line is all that is left of it
        say("failed", trace=traceback.format_exc())
    finally:
        off()
