"""Inside the virtual machine: what an NVMe disk says of itself to root, and what it says to others."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

from device.wear.disks import disks
from device.wear.nvme import read_log
from tests.deploy.vm.kernel import CACHE, Kernel
from tests.deploy.vm.line import busybox, off, say, until

DISK = Path("/dev/nvme0n1")


def main() -> None:
    (modules,) = CACHE.glob("linux-image-*/lib/modules/*")
    loaded = {line.split()[0].replace("_", "-") for line in Path("/proc/modules").read_text().splitlines()}
    for path in Kernel(modules, modules).with_needs("nvme"):
        if path.stem.replace("_", "-") not in loaded:
            busybox("insmod", str(path))
    until("the disk is there", DISK.exists)
    log = read_log(DISK)
    say("log", log=log if isinstance(log, str) else asdict(log))
    with DISK.open("r+b", buffering=0) as disk:
        disk.write(b"x" * (8 << 20))
        os.fsync(disk.fileno())
    say("disks", disks=[asdict(disk) for disk in disks()])
    os.seteuid(65534)
    say("others", log=read_log(DISK), not_nvme=read_log(Path("/dev/null")))
    os.seteuid(0)


if __name__ == "__main__":
    try:
        main()
    finally:
        off()
