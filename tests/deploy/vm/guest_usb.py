"""What runs inside the virtual machine: USB cameras, twins, plugged in and pulled out; a line for what was seen of them."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from device.capture.local import LocalCamera, local_cameras
from device.capture.plugging import Plugging
from device.capture.uevents import Uevents, listening
from tests.deploy.vm.gadget import Gadget, nodes
from tests.deploy.vm.line import MODULES, busybox, off, say, until


def insert() -> None:
    for name in (MODULES / "usb").read_text().split():
        busybox("insmod", str(MODULES / name), *(("num=2",) if name == "usbip-vudc.ko" else ()))
    busybox("mount", "-t", "configfs", "none", "/sys/kernel/config")


def ids() -> list[str]:
    return [camera.id for camera in local_cameras()]


def play() -> None:
    insert()
    seen: list[list[LocalCamera]] = []
    listening().close()  # the kernel's word is to be heard here, so an error is one
    plugging = Plugging(local_cameras, Uevents, {}, seen.append)
    worker = threading.Thread(target=plugging.run, args=(lambda: None,))
    worker.start()
    one, two = Gadget(0, "S1"), Gadget(1, "S1")
    one.plug()
    until("one is there", lambda: ids() == ["usb:046d:0892:S1"])
    say("one", nodes=len(nodes()), cameras=[[camera.id, camera.name] for camera in local_cameras()])
    two.plug()
    until("twins are there", lambda: len(ids()) == 2)
    say("twins", cameras=ids())
    one.unplug()
    until("one is left", lambda: ids() == ["usb:046d:0892:S1"])
    told = changed(seen, lambda: len(seen) >= 3)
    say("told", ids=[[camera.id for camera in found] for found in told])
    plugging.close()
    worker.join(10)
    say("done")


def changed(seen: list[list[LocalCamera]], true: Callable[[], bool]) -> list[list[LocalCamera]]:
    until("it was told", true)
    return list(seen)


if __name__ == "__main__":
    try:
        play()
    except BaseException:  # noqa: BLE001  # the serial line is all that is left of it
        say("failed", trace=traceback.format_exc())
    finally:
        off()
