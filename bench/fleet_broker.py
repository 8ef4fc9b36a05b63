"""The broker of a fleet with the configuration that is shipped, at a free port of loopback, and what can be seen of it from outside."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

from bench.box import TICKS, free_port, until
from bench.report import ROOT
from trainer.pki.authority import Authority, make_authority

SHIPPED = ROOT / "deploy" / "mosquitto"
OF_TLS = "cafile|certfile|keyfile|crlfile|tls_version|require_certificate|use_identity_as_username|allow_anonymous"
TLS_LINES = re.compile(rf"^({OF_TLS}) .*\n", re.MULTILINE)


def room_for_files() -> int:
    """As many open files as this user may have: one a connection; children inherit it."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class FleetBroker:
    """`tls`: as shipped, certificates and all. Without: the same limits, ACL and persistence, and a box is the user name it says."""

    def __init__(self, folder: Path, tls: bool) -> None:
        self.folder, self.tls, self.port = folder, tls, free_port()
        folder.mkdir()
        self.authority = authority(folder / "pki") if tls else None
        self._config = folder / "mosquitto.conf"
        self._config.write_text(self._written())
        self._process: subprocess.Popen[bytes] | None = None

    def _written(self) -> str:
        shutil.copy(SHIPPED / "vedette.acl", self.folder / "vedette.acl")
        (self.folder / "vedette.acl").chmod(0o600)
        text = (SHIPPED / "vedette.conf").read_text().replace("/etc/mosquitto/vedette/", f"{self.folder}/")
        text = re.sub(r"^listener 8883$", f"listener {self.port} 127.0.0.1", text, flags=re.M)
        if not self.tls:
            text = TLS_LINES.sub("", text) + "allow_anonymous true\n"
        return f"user root\npersistence_location {self.folder}/\nlog_dest none\n{text}"

    def start(self) -> float:
        """When it took connections, on the monotonic clock."""
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        if program is None:
            raise SystemExit("mosquitto is not installed: scripts/system test installs it")
        self._process = subprocess.Popen([program, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, 60, "mosquitto does not answer")
        return time.monotonic()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """As systemd does it: it writes down what it keeps."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(120)
            self._process = None

    def cpu_s(self) -> float:
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mb(self) -> float:
        line = next(line for line in self._proc("status").splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1000

    def files(self) -> int:
        assert self._process
        return sum(1 for _ in Path(f"/proc/{self._process.pid}/fd").iterdir())

    def kept_mb(self) -> float:
        """Sessions and retained messages on disk."""
        path = self.folder / "mosquitto.db"
        return path.stat().st_size / 1e6 if path.exists() else 0.0

    def _proc(self, name: str) -> str:
        assert self._process
        return Path(f"/proc/{self._process.pid}/{name}").read_text()


def authority(folder: Path) -> Authority:
    """As `vedette-trainer pki` makes it, and laid beside the broker's configuration as its role does."""
    now = datetime.now(timezone.utc)
    made = make_authority(folder, "Bench fleet", 100, now, None)
    broker = made.sign("broker", "broker", ["127.0.0.1"], 10, now, None)
    made.sign("trainer", "trainer", [], 10, now, None)
    for name in ("broker.pem", "broker.key", "ca.pem"):
        shutil.copy(broker / name, folder.parent / name)
    shutil.copy(folder / "revoked.pem", folder.parent / "revoked.pem")
    return made
