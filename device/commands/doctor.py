"""`vedette doctor`: how this box is, what is wrong with it, and what to do."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from contracts.errors import ConfigError
from device import inventory, probes
from device.clock import SystemClock
from device.commands.arguments import add_config, load_from, seconds
from device.commands.check import findings, from_error
from device.commands.doctor_backend import backend
from device.config import Settings
from device.findings import Finding, from_message, worst
from device.record.disk import DataDisk
from vision.engines import ENGINES

VIDEO = Path("/dev")
SYNCS = 20
SLOW_SYNC_MS = 50.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--timeout", type=seconds, default=10, metavar="SECONDS", help="how long a camera may take (default 10)")
    parser.add_argument("--backend", choices=sorted(ENGINES), help="only compare this engine's answers with ONNX Runtime's on the CPU")
    parser.add_argument("--tolerance", type=float, metavar="SHARE", help="by how much of its range an output may differ (0.001; else 0.05)")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(args: argparse.Namespace) -> int:
    found = backend(load_from(args), args.backend, args.tolerance) if args.backend else _all(args)
    if args.json:
        print(json.dumps({"ok": worst(found) != "error", "findings": [finding.plain() for finding in found]}, indent=1))
    else:
        print("\n".join(str(finding) for finding in found))
        print(f"\n{_verdict(found)}", file=sys.stderr)
    return 1 if worst(found) == "error" else 0


def _all(args: argparse.Namespace) -> list[Finding]:
    found = [machine(), software(), backends(), probes.memory(), systemd(), *devices()]
    try:
        loaded = load_from(args)
    except ConfigError as error:
        found += from_error(error)
    else:
        found += [disk(loaded.settings.data), whose(loaded.settings), *findings(loaded, args.timeout, probe=True)]
    return found


def _verdict(found: list[Finding]) -> str:
    errors = sum(finding.level == "error" for finding in found)
    warnings = sum(finding.level == "warning" for finding in found)
    return f"{errors} error(s), {warnings} warning(s)." if errors or warnings else "This box is well."


def machine() -> Finding:
    cores = len(os.sched_getaffinity(0))
    return Finding("machine", "ok", f"{inventory.board()}, {cores} cores, {inventory.memory_bytes() / 1e9:.1f} GB")


def software() -> Finding:
    return Finding("software", "ok", ", ".join(f"{name} {number}" for name, number in inventory.versions().items()))


def backends() -> Finding:
    found = inventory.backends()
    if "onnx" not in found:
        return Finding("backends", "error", "ONNX Runtime cannot be loaded", "install Vedette again")
    if "tensorrt" in found:
        return Finding("backends", "ok", ", ".join(found))
    if Path("/dev/nvhost-gpu").exists() or Path("/dev/nvidia0").exists():
        mend = "install JetPack's TensorRT and the extra `jetson`, then set model.engine: tensorrt"
        return Finding("backends", "warning", "there is a GPU, and no TensorRT for it", mend)
    return Finding("backends", "ok", "onnx (CPU)")


def systemd() -> Finding:
    if os.environ.get("NOTIFY_SOCKET"):
        return Finding("systemd", "ok", "this process is a notifying service")
    return Finding("systemd", "note", "not run by systemd here; a box in service should be")


def devices() -> list[Finding]:
    """Local cameras and whether this user may use them."""
    found = []
    for path in sorted(VIDEO.glob("video*")):
        if os.access(path, os.R_OK | os.W_OK):
            found.append(Finding(f"device {path}", "ok", "can be opened"))
        else:
            found.append(Finding(f"device {path}", "warning", "may not be opened by this user", "add the user to the group `video`"))
    if not shutil.which("gst-launch-1.0"):
        found.append(Finding("gstreamer", "note", "not installed: cameras with `use: gstreamer` (CSI on a Jetson) need it"))
    return found or [Finding("devices", "note", "no local camera at /dev/video*; network cameras and files need none")]


def whose(settings: Settings) -> Finding:
    """Whether the disk of the recordings is this box's, and where it should be."""
    data_disk = DataDisk(settings.data, SystemClock(), device=settings.device_id, mount=settings.storage.mount)
    data_disk.begin(name=False)
    reason = data_disk.unmounted() or (data_disk.fault() if data_disk.path.exists() else "")
    if reason:
        return from_message("recordings", reason)
    return Finding("recordings", "ok", f"disk {data_disk.id}, this box's" if data_disk.id else "none yet")


def disk(folder: Path) -> Finding:
    """How long the disk takes to keep a small file for good: events wait for it."""
    clock = SystemClock()
    try:
        with tempfile.NamedTemporaryFile(dir=probes.nearest(folder)) as file:
            times = []
            for _ in range(SYNCS):
                before = clock.mono_ns()
                file.write(b"x" * 4096)
                file.flush()
                os.fsync(file.fileno())
                times.append((clock.mono_ns() - before) / 1e6)
    except OSError as error:
        return Finding("disk", "error", f"{folder}: {error.strerror}", "give the service's user the folder, or change `data`")
    middle = sorted(times)[SYNCS // 2]
    if middle > SLOW_SYNC_MS:
        mend = "events are committed in groups, so none is lost; an NVMe disk is quicker than an SD card"
        return Finding("disk", "warning", f"{folder}: an fsync takes {middle:.0f} ms", mend)
    return Finding("disk", "ok", f"{folder}: an fsync takes {middle:.1f} ms")
