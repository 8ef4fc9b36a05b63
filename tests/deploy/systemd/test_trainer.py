"""The trainer's services on a real systemd: each runs behind its fences, comes back when it is killed, and ends when it is asked to."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts import nspawn
from tests.deploy.systemd.appliance import Appliance, tell
from tests.deploy.systemd.layer import make_trainer_layer

HOME = "/var/lib/vedette-trainer"
STICK = "/run/stick"  # of who holds the ceremony
PROGRAM = "/opt/vedette/current/bin/vedette-trainer"
WORDS = ("VEDETTE_ROOT_PASSPHRASE=root root root", "VEDETTE_KEY_PASSPHRASE=key key key", "VEDETTE_TRAINER_PASSWORD=a long password")
OPTIONS = """SERVE_OPTIONS=--port 8091
PUSH_OPTIONS=--port 8444
ROLLOUT_OPTIONS=--client-id of-the-rollouts
INGEST_OPTIONS=--client-id of-the-events
"""
BY_S, END_S = 60.0, 10.0


@pytest.fixture(scope="module")
def trainer(layer: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """Where the ceremony was held, somebody may log in, and a broker runs."""
    name = f"trainer-{os.getpid()}"
    nspawn.clone(name, layers=[make_trainer_layer(tmp_path_factory.mktemp("trainer")), layer])
    try:
        found = Appliance(nspawn.boot(name))
        found.call("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "vedette-trainer")
        found.call("install", "-d", "-o", "vedette-trainer", "-g", "vedette-trainer", "-m", "0750", HOME)
        found.call("install", "-d", "-o", "vedette-trainer", "-m", "0700", STICK)
        found.call("install", "-d", "-m", "0750", "-g", "vedette-trainer", "/etc/vedette-trainer")
        found.call("sh", "-c", "umask 077 && cat > /etc/vedette-trainer/environment", stdin=OPTIONS)
        found.call("systemctl", "start", "mosquitto")
        by_hand(found, "keys", "init", "--root", STICK)
        by_hand(found, "users", "add", "ada", "--role", "admin")
        yield found
    finally:
        nspawn.remove(name)


def by_hand(trainer: Appliance, *words: str) -> str:
    environment = [f"VEDETTE_TRAINER_HOME={HOME}", *WORDS]
    done = nspawn.run(trainer.box, "runuser", "-u", "vedette-trainer", "--", "env", "-C", HOME, *environment, PROGRAM, *words, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(trainer: Appliance, url: str) -> bool:
    said = trainer.call("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", url, check=False)
    return said[:1] in {"2", "3"}


def connected(trainer: Appliance, client: str) -> bool:
    """As the broker has it: whoever connected last under this name has not gone since."""
    log = trainer.call("cat", "/var/log/mosquitto/mosquitto.log", check=False)
    return bool(re.search(rf"as {client} (?!.*Client {client} (?:closed|disconnected))", log, re.DOTALL))


SERVES: dict[str, Callable[[Appliance], bool]] = {
    "trainer": lambda box: answers(box, "http://127.0.0.1:8091/login"),
    "push": lambda box: answers(box, "http://127.0.0.1:8444/tuf/metadata/timestamp.json"),
    "rollout": lambda box: connected(box, "of-the-rollouts"),
    "ingest": lambda box: connected(box, "of-the-events"),
    "work": lambda box: f"{HOME}/store.sqlite" in box.call("sh", "-c", f"readlink /proc/{pid_of(box, 'work')}/fd/*", check=False),
}


def show(trainer: Appliance, service: str, name: str) -> str:
    return trainer.call("systemctl", "show", "--value", "-p", name, f"vedette-{service}.service").strip()


def pid_of(trainer: Appliance, service: str) -> int:
    return int(show(trainer, service, "MainPID"))


@pytest.mark.parametrize("service", SERVES)
def test_it_serves_comes_back_and_ends(trainer: Appliance, service: str) -> None:
    unit, began = f"vedette-{service}.service", time.monotonic()
    trainer.call("systemctl", "start", unit)
    trainer.until(lambda: SERVES[service](trainer), BY_S)
    first = time.monotonic() - began
    pid, began = pid_of(trainer, service), time.monotonic()
    trainer.call("kill", "-KILL", str(pid))
    trainer.until(lambda: pid_of(trainer, service) not in {0, pid} and SERVES[service](trainer), BY_S)
    again = time.monotonic() - began
    assert show(trainer, service, "NRestarts") == "1", trainer.call("journalctl", "--no-pager", "-n", "30", "-u", unit)
    began = time.monotonic()
    trainer.call("systemctl", "stop", unit)
    ended = time.monotonic() - began
    tell(f"{unit}: serves after {first:.1f} s, again {again:.1f} s after a kill, ends in {ended:.1f} s")
    assert (show(trainer, service, "Result"), ended < END_S) == ("success", True)
    assert "Permission denied" not in trainer.call("journalctl", "--no-pager", "-u", unit)


@pytest.mark.parametrize("service", SERVES)
def test_it_is_hardly_exposed_as_it_runs(trainer: Appliance, service: str) -> None:
    said = trainer.call("systemd-analyze", "security", "--no-pager", f"vedette-{service}.service").strip().splitlines()[-1]
    tell(said)
    found = re.search(r": (\d+\.\d)", said)
    assert found
    assert float(found[1]) <= 2.0
