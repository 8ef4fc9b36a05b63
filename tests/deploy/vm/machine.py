"""A virtual machine in software (QEMU): a kernel, a first file system, this machine's root behind it, and what it says on its line."""

from __future__ import annotations

import json
import logging
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.vm.initrd import initrd
from tests.deploy.vm.kernel import Kernel, kernel

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 3600.0
QEMU = "qemu-system-x86_64"
APPEND = "console=ttyS0 quiet no_timer_check rdinit=/init panic=-1 oops=panic"  # its timer is late where others have the processor


def missing() -> str:
    """What has to be installed; nothing: it can run."""
    return ", ".join(name for name in (QEMU, "busybox", "apt-get", "dpkg-deb") if shutil.which(name) is None)


def played(kernel: Kernel, command: str, folder: Path, patience_s: float, devices: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Everything it said, until it switched itself off; the whole serial line stays in `folder`. `devices`: more words for QEMU."""
    first = folder / "initrd"
    first.write_bytes(initrd(kernel, command))
    words = [
        QEMU, "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1536", "-display", "none", "-no-reboot", "-nodefaults",
        "-serial", "stdio", "-kernel", str(kernel.image), "-initrd", str(first), "-append", APPEND,
        "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap", *devices,
    ]  # fmt: skip
    said: list[dict[str, Any]] = []
    with (
        (folder / "serial.txt").open("w") as log,
        subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as machine,
    ):
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


def run_in_machine(module: str, folder: Path, devices: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What a module of these tests said in there; skips where there can be no such machine."""
    if without := missing():
        pytest.skip(f"{without} is missing (scripts/system soak)")
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("the virtual machine runs this machine's own programs, of x86_64")
    try:
        chosen = kernel()
    except (subprocess.CalledProcessError, LookupError) as error:
        pytest.skip(f"no kernel to be had: {error}")
    command = f"/usr/bin/env -i HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONPATH={ROOT} {sys.executable} -m {module}"
    said = played(chosen, command, folder, PATIENCE_S, devices)
    for each in said:
        log.warning("%s", each)
    assert said, (folder / "serial.txt").read_text()[-4000:]
    return said


def of(said: list[dict[str, Any]], what: str) -> dict[str, Any]:
    """What it said then; where it said nothing of the sort, what stopped it."""
    failed = next((each["trace"] for each in said if each["what"] == "failed"), "nothing")
    return next((each for each in said if each["what"] == what), None) or pytest.fail(f"never said {what!r}; it said {failed}")
