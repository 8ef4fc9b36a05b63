#!/usr/bin/env python3
"""Boxes with a real systemd in a second: a Debian tree made once, clones that share it, booted by systemd-nspawn on a bridge of their own.

    scripts/nspawn.py tree                     # debootstrap, once; a few minutes
    scripts/nspawn.py clone edge01 --key id.pub
    scripts/nspawn.py boot edge01              # prints its address; ssh root@ADDRESS
    scripts/nspawn.py run edge01 -- systemctl is-system-running
    scripts/nspawn.py stop edge01              # its disk stays: boot it again; rm edge01 forgets it

Root, and packages debootstrap and systemd-container. All is under $VEDETTE_NSPAWN, else in the cache folder."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.nspawn_process import call, forget, gone, own_group, spawn
from scripts.nspawn_tree import SUITE, alone, home, make_tree

BRIDGE = "vdt0"
NETWORK = ipaddress.ip_network(os.environ.get("VEDETTE_NSPAWN_NETWORK", "198.18.77.0/24"))  # of the range for tests (RFC 2544)
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
ALLOWED = "@clock @memlock bpf"  # what systemd-nspawn forbids and a machine does not; bpf: without it DeviceAllow= is not enforced
BOOT_S, STOP_S = 90.0, 30.0
UP = ("running", "degraded")


@dataclass(frozen=True)
class Box:
    """A clone: what is written to it is in its folder, the tree below stays as it is."""

    name: str
    tree: str
    address: str
    layers: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return home() / "boxes" / self.name

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def leader(self) -> int | None:
        """Process 1 of the box as this machine sees it; None: it is not running."""
        with suppress(OSError, ValueError):
            nspawn = int((self.folder / "nspawn.pid").read_text())
            words = Path(f"/proc/{nspawn}/cmdline").read_bytes()
            children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()
            return int(children[0]) if str(self.root).encode() in words and children else None
        return None


def clone(name: str, suite: str = SUITE, *, key: Path | None = None, layers: Sequence[Path] = ()) -> Box:
    """A box on the tree; `layers` are folders laid over it, read only, the first on top: a release, for example."""
    if not NAME.fullmatch(name):
        raise SystemExit(f"{name!r} is no name for a box; use a-z, 0-9 and -, at most 31, a letter first")
    tree = make_tree(suite)
    with alone("boxes"):
        folder = home() / "boxes" / name
        if folder.exists():
            raise SystemExit(f"box {name} is there already; remove it with `rm {name}`")
        box = Box(name, str(tree), free_address(), tuple(str(layer.resolve()) for layer in layers))
        for each in ("upper", "work", "root"):
            (folder / each).mkdir(parents=True)
        (folder / "box.json").write_text(json.dumps(asdict(box)))
    mount(box)
    furnish(box, key)
    return box


def furnish(box: Box, key: Path | None) -> None:
    """What makes it another machine than the others."""
    (box.root / "etc/hostname").write_text(f"{box.name}\n")
    (box.root / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
    (box.root / "etc/hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n{box.address} {box.name}\n")
    network = f"[Match]\nName=host0\n[Network]\nAddress={box.address}/{NETWORK.prefixlen}\nIPv6AcceptRA=no\n"
    (box.root / "etc/systemd/network/10-host0.network").write_text(network)
    if key:
        (box.root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
        (box.root / "root/.ssh/authorized_keys").write_text(key.read_text())


def free_address() -> str:
    taken = {box.address for box in boxes()}
    hosts = (str(host) for host in list(NETWORK.hosts())[9:])  # the first is this machine's
    return next(host for host in hosts if host not in taken)


def boxes() -> list[Box]:
    return [find(path.parent.name) for path in sorted((home() / "boxes").glob("*/box.json"))]


def find(name: str) -> Box:
    try:
        said = json.loads((home() / "boxes" / name / "box.json").read_text())
    except FileNotFoundError:
        raise SystemExit(f"there is no box {name}; make it with `clone {name}`") from None
    return Box(said["name"], said["tree"], said["address"], tuple(said["layers"]))


def mount(box: Box) -> None:
    if box.root.is_mount():
        return
    lower = ":".join((*box.layers, box.tree))
    options = f"lowerdir={lower},upperdir={box.folder / 'upper'},workdir={box.folder / 'work'}"
    call("mount", "-t", "overlay", "overlay", "-o", options, str(box.root))


def boot(name: str, *, options: Sequence[str] = ()) -> Box:
    """Returns when systemd has started everything; `options` are systemd-nspawn's."""
    box = find(name)
    if box.leader():
        return box
    mount(box)
    with alone("bridge"):
        bridge()
    words = [
        "systemd-nspawn", "--quiet", f"--directory={box.root}", f"--machine={name}", f"--network-bridge={BRIDGE}", "--register=no",
        "--resolv-conf=off", f"--system-call-filter={ALLOWED}", "--timezone=off", "--link-journal=no", "--console=pipe",
        *options, "--boot",
    ]  # fmt: skip
    group = own_group(name)
    if group:
        words.insert(1, "--keep-unit")
    until_up(box, spawn(words, box.folder / "console.log", box.folder / "nspawn.pid", group))
    return box


def until_up(box: Box, nspawn: int) -> None:
    end, state = time.monotonic() + BOOT_S, ""
    while time.monotonic() < end and not gone(nspawn, 0.1):
        if box.leader():
            state = run(box, "systemctl", "is-system-running", check=False).stdout.strip()
            if state in UP:
                return
    tail = (box.folder / "console.log").read_text(errors="replace")[-2000:]
    stop(box.name, hard=True)
    raise SystemExit(f"box {box.name} did not come up in {BOOT_S:.0f} s (last state: {state or 'none'}); it said:\n{tail}")


def bridge() -> None:
    """This machine has the first address; nothing is forwarded, so a box sees the other boxes and this machine alone."""
    if not Path(f"/sys/class/net/{BRIDGE}").exists():
        call("ip", "link", "add", BRIDGE, "type", "bridge")
        call("ip", "address", "add", f"{next(NETWORK.hosts())}/{NETWORK.prefixlen}", "dev", BRIDGE)
    call("ip", "link", "set", BRIDGE, "up")


def run(
    box: Box, *words: str, check: bool = True, timeout: float | None = 120, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """A program in the box, as root, with an environment of its own."""
    leader = box.leader()
    if leader is None:
        raise SystemExit(f"box {box.name} is not running; start it with `boot {box.name}`")
    inside = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", *words]
    enter = ["nsenter", f"--target={leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--wdns=/", "--", *inside]
    given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(enter, capture_output=True, text=True, check=check, timeout=timeout, **given)


def stop(name: str, *, hard: bool = False) -> None:
    """In good order; `hard`, or when it takes too long: as if the plug was pulled (what the kernel had not written yet stays)."""
    box = find(name)
    leader = box.leader()
    if leader is None:
        return
    nspawn = int((box.folder / "nspawn.pid").read_text())
    if not hard:
        run(box, "systemctl", "poweroff", "--no-block", check=False)
    if hard or not gone(nspawn, STOP_S):
        with suppress(ProcessLookupError):
            os.kill(leader, signal.SIGKILL)
        if not gone(nspawn, STOP_S):
            raise SystemExit(f"box {name}: process {nspawn} does not end; kill it, then `stop {name}` again")
    (box.folder / "nspawn.pid").unlink(missing_ok=True)


def remove(name: str) -> None:
    box = find(name)
    stop(name, hard=True)
    if box.root.is_mount():
        call("umount", str(box.root))
    forget(own_group(name))
    shutil.rmtree(box.folder)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    tree = commands.add_parser("tree", help="make the tree, or say where it is")
    tree.add_argument("--suite", default=SUITE, help=f"of Debian (default: {SUITE})")
    tree.add_argument("--fresh", action="store_true", help="make it anew; no box may be on it")
    one = commands.add_parser("clone", help="a box on the tree")
    one.add_argument("name")
    one.add_argument("--suite", default=SUITE)
    one.add_argument("--key", type=Path, help="public key that may log in as root")
    one.add_argument("--layer", type=Path, action="append", default=[], help="folder laid over the tree, read only")
    commands.add_parser("boot", help="start it and print its address").add_argument("name")
    commands.add_parser("rm", help="stop it and forget what it wrote").add_argument("name")
    end = commands.add_parser("stop", help="power off")
    end.add_argument("name")
    end.add_argument("--hard", action="store_true", help="pull the plug")
    inside = commands.add_parser("run", help="a program in a box, as root")
    inside.add_argument("name")
    inside.add_argument("words", nargs="+", metavar="COMMAND")
    commands.add_parser("ls", help="name, address, state of every box")
    return parser


def main() -> int:
    args = arguments().parse_args()
    if args.command == "run":
        done = run(find(args.name), *args.words, check=False, timeout=None)
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        return done.returncode
    calls: dict[str, Callable[[], object]] = {
        "tree": lambda: make_tree(args.suite, fresh=args.fresh),
        "clone": lambda: clone(args.name, args.suite, key=args.key, layers=args.layer).address,
        "boot": lambda: boot(args.name).address,
        "stop": lambda: stop(args.name, hard=args.hard),
        "rm": lambda: remove(args.name),
        "ls": lambda: "\n".join(f"{box.name}\t{box.address}\t{'running' if box.leader() else 'stopped'}" for box in boxes()),
    }
    said = calls[args.command]()
    if said:
        print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
