"""The first file system of the virtual machine: busybox, modules, and a script that mounts this machine's own root, read only."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.deploy.vm.kernel import Kernel

LOADED = ("virtio_pci", "9pnet_virtio", "9p")
CAMERAS = ("vivid",)
USB = ("usbip-vudc", "vhci-hcd", "usb_f_uvc", "uvcvideo")  # both ends of a bus, what makes a camera of a program, what drives such cameras
TWIN = ("vivid", "vivie")  # a second driver of the same make: one of two cameras can be taken away
SIGNED = b"~Module signature appended~\n"
INIT = """#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /new
mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t devtmpfs dev /dev
for name in $(cat /modules/first); do insmod /modules/$name || echo "VM no $name"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose host /new || exec sh
for each in proc sys dev; do mount --move /$each /new/$each; done
mount -t tmpfs tmpfs /new/run && mount -t tmpfs tmpfs /new/tmp
mkdir /new/run/modules && cp -a /modules/. /new/run/modules/
ifconfig lo 127.0.0.1 up
exec switch_root /new {command}
"""


def initrd(kernel: Kernel, command: str) -> bytes:
    """`command` runs as process 1, with the modules in /run/modules and the order of them in /run/modules/cameras and usb."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise LookupError("busybox is missing: apt-get install busybox-static")
    first, cameras, usb = (kernel.with_needs(*names) for names in (LOADED, CAMERAS, USB))
    files = {f"modules/{path.name}": path.read_bytes() for path in (*first, *cameras, *usb)}
    vivid = unsigned(kernel.module(TWIN[0]).read_bytes())
    files[f"modules/{TWIN[1]}.ko"] = vivid.replace(TWIN[0].encode(), TWIN[1].encode())
    files["modules/first"] = "\n".join(path.name for path in first).encode()
    files["modules/cameras"] = "\n".join([*(path.name for path in cameras if path not in first), f"{TWIN[1]}.ko"]).encode()
    files["modules/usb"] = "\n".join(path.name for path in usb if path not in first).encode()
    files["bin/busybox"] = Path(busybox).read_bytes()
    files["init"] = INIT.format(command=command).encode()
    return archive(files, executable={"bin/busybox", "init"})


def unsigned(module: bytes) -> bytes:
    """Without the signature at its end, which would not fit what was changed; a kernel that is not locked down takes it so."""
    if not module.endswith(SIGNED):
        return module
    length = int.from_bytes(module[-len(SIGNED) - 4 : -len(SIGNED)], "big")
    return module[: -len(SIGNED) - 12 - length]


def archive(files: Mapping[str, bytes], executable: set[str]) -> bytes:
    """cpio in its newc form, which is what a kernel unpacks."""
    folders = sorted({str(parent) for name in files for parent in Path(name).parents if str(parent) != "."})
    entries = [(name, 0o40755, b"") for name in folders]
    entries += [(name, 0o100755 if name in executable else 0o100644, data) for name, data in files.items()]
    out = bytearray()
    for number, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        for part in (b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0", data):
            out += part + bytes(-len(part) % 4)
    return bytes(out)
