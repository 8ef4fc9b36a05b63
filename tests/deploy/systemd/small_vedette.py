#!/usr/bin/python3
"""As much of `vedette` as systemd sees of it, for systems whose Python is too old for ours: READY, WATCHDOG, a credential, a folder."""

import os
import signal
import socket
import sys
import threading
from pathlib import Path

state = Path(os.environ["STATE_DIRECTORY"])
if sys.argv[1:2] == ["boot-guard"]:
    (state / "guarded").write_text("x")
    sys.exit(1)  # `-` in the unit: it never prevents a start

stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
address = os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1)
secret = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/none")) / "VEDETTE_MQTT__PASSWORD"
(state / "told").write_text(str(secret.exists()))
notify.sendto(b"READY=1\nSTATUS=small", address)
while not stop.wait(0.2):
    stuck = (state / "stuck").exists()
    notify.sendto(b"WATCHDOG=trigger" if stuck else b"WATCHDOG=1", address)
    if stuck:
        (state / "stuck").unlink()
