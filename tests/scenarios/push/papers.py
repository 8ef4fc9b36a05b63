"""The fleet's authority and its broker as it is shipped: TLS, client certificates, who may say what."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from threading import Event

from tests.deploy.test_broker import SHIPPED, Fleet, listening
from tests.device.publish.mosquitto import BINARY, free_port
from trainer.pki.authority import Authority, make_authority

HERE = ["127.0.0.1"]


def authority_in(folder: Path, boxes: list[str]) -> Authority:
    """`broker`, `push` (the file server), `trainer` and the boxes have certificates."""
    now = datetime.now(timezone.utc)
    made = make_authority(folder, "fleet", 100, now, None)
    for name in ("broker", "push"):
        made.sign(name, "broker", HERE, 10, now, None)
    made.sign("trainer", "trainer", [], 10, now, None)
    for name in boxes:
        made.sign(name, "box", [], 10, now, None)
    return made


def papers(authority: Authority, name: str) -> dict[str, str]:
    place = authority.folder / "issued" / name
    return {"ca": str(place / "ca.pem"), "cert": str(place / f"{name}.pem"), "key": str(place / f"{name}.key")}


@contextmanager
def broker_of(authority: Authority, place: Path) -> Iterator[Fleet]:
    place.mkdir()
    port = free_port()
    for name, path in {**papers(authority, "broker"), "crl": str(authority.folder / "revoked.pem")}.items():
        shutil.copy(path, place / {"ca": "ca.pem", "cert": "broker.pem", "key": "broker.key", "crl": "revoked.pem"}[name])
    shutil.copy(SHIPPED / "vedette.acl", place / "vedette.acl")
    (place / "vedette.acl").chmod(0o600)
    text = (SHIPPED / "vedette.conf").read_text().replace("/etc/mosquitto/vedette/", f"{place}/")
    text = re.sub(r"^listener 8883$", f"listener {port} 127.0.0.1", text, flags=re.MULTILINE)
    (place / "mosquitto.conf").write_text(f"user root\npersistence_location {place}/\nlog_dest none\n{text}")
    process = subprocess.Popen([BINARY, "-c", str(place / "mosquitto.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not listening(port):
            assert process.poll() is None and time.monotonic() < deadline, "mosquitto did not start with what is shipped"
            Event().wait(0.05)
        yield Fleet(authority, port, process, place)
    finally:
        process.terminate()
        process.wait(10)
