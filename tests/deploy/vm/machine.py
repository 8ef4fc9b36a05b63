"""A virtual machine in software (QEMU): a kernel, a first file system, this machine's root behind it, and what it says on its line."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

from tests.deploy.vm.initrd import initrd
from tests.deploy.vm.kernel import Kernel

QEMU = "qemu-system-x86_64"
APPEND = "console=ttyS0 quiet no_timer_check rdinit=/init panic=-1 oops=panic"  # its timer is late where others have the processor


def missing() -> str:
    """What has to be installed; nothing: it can run."""
    return ", ".join(name for name in (QEMU, "busybox", "apt-get", "dpkg-deb") if shutil.which(name) is None)


def played(kernel: Kernel, command: str, folder: Path, patience_s: float) -> list[dict[str, Any]]:
    """Everything it said, until it switched itself off; the whole serial line stays in `folder`."""
    first = folder / "initrd"
    first.write_bytes(initrd(kernel, command))
    words = [
        QEMU, "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1536", "-display", "none", "-no-reboot", "-nodefaults",
        "-serial", "stdio", "-kernel", str(kernel.image), "-initrd", str(first), "-append", APPEND,
        "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
    ]  # fmt: skip
    said: list[dict[str, Any]] = []
    with (folder / "serial.txt").open("w") as log, subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as machine:
        patience = threading.Timer(patience_s, machine.kill)
        patience.start()
        try:
            for line in machine.stdout or ():
                log.write(line)
                log.flush()
                if line.startswith("VM {"):
                    said.append(json.loads(line[3:]))
        finally:
            patience.cancel()
            machine.kill()
    return said
