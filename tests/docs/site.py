"""A site in a folder: a broker as the guides install it, a box before footage, a trainer; lines of the guides are run in it as they stand.

What differs (addresses, folders, ids) is replaced word by word by the test, never in the guides.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event

from tests.device.publish.mosquitto import BINARY, free_port
from tests.docs.lines import ROOT, lines

PATIENCE_S = 600  # a machine may have much else to do
WRAPPER = '#!/bin/sh\nexec "{python}" -m {module} "$@"\n'


class Site:
    """`ran` are the lines that were run, by page and words."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work, self.home = folder, folder / "work", folder / "home"
        self.ran: set[tuple[str, str]] = set()
        self.words: dict[str, str] = {}  # what earlier lines said that later ones need: ids, digests, addresses
        self._known = {(line.page, line.text) for line in lines()}
        self.running: list[subprocess.Popen[bytes]] = []
        programs = folder / "bin"
        for made in (self.work, self.home, programs):
            made.mkdir(parents=True)
        for name, module in (("vedette", "device.main"), ("vedette-trainer", "trainer.main")):
            (programs / name).write_text(WRAPPER.format(python=sys.executable, module=module))
            (programs / name).chmod(0o755)
        (self.work / "models").mkdir()  # what is imported is written there
        for name in ("deploy", "configs", "scripts", "models/person-street"):
            (self.work / name).symlink_to(ROOT / name)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("VEDETTE_")}
        python = str(Path(sys.executable).parent)
        self.env = {
            **kept, "PATH": f"{programs}:{python}:{kept['PATH']}:/usr/sbin", "HOME": str(folder), "PYTHONPATH": str(ROOT),
            "VEDETTE_PKI_PASSPHRASE": "words of the fleet", "VEDETTE_KEY_PASSPHRASE": "words of the key",
            "VEDETTE_ROOT_PASSPHRASE": "words of the root", "VEDETTE_TRAINER_PASSWORD": "words of ada",
            "VEDETTE_TRAINER_HOME": str(self.home), "XDG_STATE_HOME": str(folder / "state"),
        }  # fmt: skip

    def run(self, page: str, text: str, swap: Mapping[str, str] | None = None, *, code: int = 0, cwd: Path | None = None) -> str:
        """One line of a guide with what is other here; its output. It has to end with `code`."""
        command = self._swapped(page, text, swap or {})
        done = self.shell(command, cwd)
        said = f"{done.stdout[-2000:]}{done.stderr[-3000:]}"
        assert done.returncode == code, f"{page}.md: {text}\n  as {command}\n  ended with {done.returncode}: {said}"
        return done.stdout

    def shell(self, command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        typed, nobody = ["bash", "-c", command], subprocess.DEVNULL
        return subprocess.run(typed, cwd=cwd or self.work, env=self.env, capture_output=True, text=True, check=False, stdin=nobody)

    def start(
        self, page: str, text: str, swap: Mapping[str, str], ready: Callable[[], object], *, cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """A line that goes on until it is told to stop; `ready` says when it does what it is for."""
        return self.spawn(self._swapped(page, text, swap), page, ready, cwd)

    def spawn(self, command: str, name: str, ready: Callable[[], object], cwd: Path | None = None) -> subprocess.Popen[bytes]:
        place = self.folder / f"{name}-{len(self.running)}.log"
        with place.open("wb") as log:
            process = subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=cwd or self.work, env=self.env, stdout=log, stderr=log)
        self.running.append(process)
        deadline = time.monotonic() + PATIENCE_S
        while not ready():
            assert process.poll() is None, f"{command} ended with {process.returncode}: {place.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"{command} does not come up: {place.read_text()[-3000:]}"
            Event().wait(0.2)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> int:
        """As Ctrl-C or systemd end it."""
        process.send_signal(signal.SIGTERM)
        return process.wait(60)

    def close(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _swapped(self, page: str, text: str, swap: Mapping[str, str]) -> str:
        """The line of that page that is or begins with `text`, with other words."""
        there = {line for where, line in self._known if where == page and line.startswith(text)}
        found = {text} & there or there
        assert len(found) == 1, f"{page}.md has not one line {text!r}: {sorted(found)}"
        (line,) = found
        self.ran.add((page, line))
        for words, other in swap.items():
            assert words in line, f"{page}.md: {words!r} is not in {line!r}"
            line = line.replace(words, other)
        return line


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def broker(site: Site, etc: Path) -> int:
    """mosquitto as its own user, with what the guide's lines laid down; only folder and port are other."""
    port, kept = free_port(), site.folder / "mosquitto"
    kept.mkdir()
    shutil.chown(kept, "mosquitto")
    shipped = etc / "conf.d" / "vedette.conf"
    text = shipped.read_text().replace("/etc/mosquitto/", f"{etc}/")
    shipped.write_text(re.sub(r"^listener 8883$", f"listener {port} 127.0.0.1", text, flags=re.M))
    (etc / "mosquitto.conf").write_text(f"persistence_location {kept}/\nlog_dest stderr\ninclude_dir {etc}/conf.d\n")
    site.spawn(f"{BINARY} -c {etc}/mosquitto.conf", "mosquitto", lambda: answers(port))
    return port
