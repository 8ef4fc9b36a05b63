"""Releases made for a test, and a box with a real systemd and no way out that they are put on."""

from __future__ import annotations

import hashlib
import json
import platform
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scripts import nspawn, release
from scripts.release_lock import Target

PYTHON = "3.11"  # that of the tree
CACHE = release.ROOT / ".cache/wheels"
MEDIA = "/srv/media"  # where the box finds them, as on a stick: read only
OLD, NEW, DEAD = "0.1.0", "0.2.0", "0.3.0"
DEVICE = "device_id: box-01\ncameras:\n  yard: {use: pattern, seconds: 0, people: 1}\n"
# As a mistake would be that no look at the configuration finds: it starts, and never gets so far as to be READY.
NEVER_READY = '''"""Waits for what never comes."""
import threading


def add_arguments(parser):
    parser.add_argument("--config")


def run(args):
    threading.Event().wait()
'''


def make(output: Path, version: str, *own: Path) -> Path:
    revision = release.git("rev-parse", "HEAD")
    return release.make(release.Plan(Target(platform.machine(), PYTHON), version, False, own, CACHE, output, revision))


def media(folder: Path) -> Path:
    """A folder to lay over the tree: a release, a newer one, and one that never comes up."""
    place = folder / MEDIA.lstrip("/")
    for version in (OLD, NEW):
        make(place, version)
    good = make(folder / "good", DEAD)
    wheel = next((good / "wheels").glob("vedette-*.whl"))
    make(place, DEAD, dead(wheel, folder))
    for tar in place.glob("*.tar.gz*"):
        tar.unlink()
    return folder


def dead(wheel: Path, folder: Path) -> Path:
    changed = folder / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, NEVER_READY if name == "device/commands/run.py" else old.read(name))
    return changed


def resum(folder: Path) -> None:
    """SHA256SUMS of what is there now, as somebody would write it who knows what he changes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(sums))


def name_of(version: str) -> str:
    return f"vedette-{version}-{platform.machine()}"


@dataclass
class ReleaseBox:
    box: nspawn.Box
    took_s: dict[str, float] = field(default_factory=dict)

    def sh(self, text: str, *, check: bool = True, timeout: float = 300) -> str:
        done = nspawn.run(self.box, "bash", "-c", text, check=False, timeout=timeout)
        assert not check or done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def install(self, version: str, *words: str, at: str = "", expect: int = 0) -> str:
        """What install.sh of a release says; `words` may begin with a command."""
        return self.program(f"{at or f'{MEDIA}/{name_of(version)}'}/install.sh", *words, expect=expect)

    def program(self, *words: str, expect: int = 0) -> str:
        before = time.monotonic()
        done = nspawn.run(self.box, *words, check=False, timeout=600)
        self.took_s[" ".join(words[-2:])] = round(time.monotonic() - before, 1)
        said = done.stdout + done.stderr
        assert done.returncode == expect, f"{words}: {done.returncode}, not {expect}\n{said}"
        return said

    def configure(self) -> None:
        self.sh("mkdir -p /etc/vedette && chmod 0750 /etc/vedette")
        nspawn.run(self.box, "tee", "/etc/vedette/device.yaml", stdin=DEVICE)
        self.sh("chmod 0600 /etc/vedette/device.yaml")  # its owner wrote it before there was a user who has to read it

    def version(self) -> str:
        """Of the program, as anybody calls it."""
        return self.sh("vedette --version").removeprefix("vedette ")

    def link(self, name: str) -> str:
        return Path(self.sh(f"readlink /opt/vedette/{name} || true")).name

    def show(self, name: str) -> str:
        return self.sh(f"systemctl show --value -p {name} vedette.service")

    def serves(self) -> bool:
        """READY, and the page answers."""
        return self.show("ActiveState") == "active" and json.loads(self.sh("curl -s http://127.0.0.1:8088/healthz")) is not None

    def releases(self) -> list[str]:
        return self.sh("ls -A /opt/vedette/releases").split()

    def broken_off(self, words: tuple[str, ...], when: Callable[[], bool]) -> bool:
        """Kills install.sh and all it runs, as soon as `when` says; False: it had ended before."""
        leader = self.box.leader()
        enter = ["nsenter", f"--target={leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--", *words]
        running = subprocess.Popen(
            enter, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while running.poll() is None:
            if when():
                killed = (
                    nspawn.run(self.box, "pkill", "-KILL", "-f", r"install\.sh|/opt/vedette/releases/.*/pip", check=False).returncode == 0
                )
                running.send_signal(signal.SIGKILL)
                running.wait(30)
                return killed
            time.sleep(0.002)
        return False
