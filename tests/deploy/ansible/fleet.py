"""A fleet of three boxes and a broker in containers of scripts/nspawn.py, and the playbooks run against it."""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from scripts import nspawn, release
from scripts.release_lock import Target
from tests.deploy.install.release_box import CACHE, MEDIA, OLD, PYTHON, make, name_of

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[3]
BROKER = "broker.fleet.test"
AWAY = "edge-away"
ILL = "0.4.0"  # comes up, and says of itself that it is not well
TOKEN = "only-the-service-and-its-owner-know-this"
PASSPHRASE = "nobody-reads-this-in-a-log"
RELEASE_WORDS = "the-key-that-releases-models"
PAGE_WORDS = "who-may-look-at-the-trainers-page"
SECRETS = {
    "vault_fleet_pki_passphrase": PASSPHRASE, "vault_page_token": TOKEN, "vault_push_model_passphrase": RELEASE_WORDS,
    "vault_trainer_password": PAGE_WORDS,
}  # fmt: skip
SETTINGS = {"cameras": {"yard": {"use": "pattern", "seconds": 0, "people": 1}}, "detection_fps": 2}
RECAP = re.compile(r"^(\S+)\s*: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


def ill(stick: Path) -> None:
    """One more release beside those of the stick."""
    place = stick / MEDIA.lstrip("/")
    if (place / name_of(ILL)).exists():
        return
    good = make(stick / "good", ILL)
    wheel = next((good / "wheels").glob("vedette-*.whl"))
    changed = stick / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "device/web/pages.py":
                assert b"503 if troubles else 200" in data
                data = data.replace(b"503 if troubles else 200", b"503")
            new.writestr(name, data)
    make(place, ILL, changed)
    for tar in place.glob("*.tar.gz*"):
        tar.unlink()


def with_trainer(stick: Path) -> None:
    """The release of the trainer's machine, beside those of boxes."""
    place = stick / MEDIA.lstrip("/") / "trainer"
    if not (place / name_of(OLD)).exists():
        target = Target(platform.machine(), PYTHON)
        release.make(release.Plan(target, OLD, True, (), CACHE, place, release.git("rev-parse", "HEAD")))
        (place / f"{name_of(OLD)}.tar.gz").unlink()


@dataclass(frozen=True)
class Run:
    """What a playbook said, and its last lines: host to (ok, changed, unreachable, failed)."""

    code: int
    said: str
    took_s: float
    recap: dict[str, tuple[int, int, int, int]]

    def changed(self) -> dict[str, int]:
        return {host: row[1] for host, row in self.recap.items() if row[1]}

    def failed(self) -> list[str]:
        return sorted(host for host, row in self.recap.items() if row[2] or row[3])


@dataclass
class Fleet:
    folder: Path
    programs: Path
    stick: Path
    boxes: dict[str, nspawn.Box] = field(default_factory=dict)
    first: Run | None = None

    @property
    def edges(self) -> list[str]:
        return [name for name in self.boxes if name.startswith("edge")]

    @property
    def hub(self) -> str:
        return next(name for name in self.boxes if name.startswith("hub"))

    def begin(self) -> None:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "id")], check=True)
        for name in ("edge-a", "edge-b", "edge-c", "hub"):
            whole = f"{name}-{os.getpid()}"
            self.boxes[whole] = nspawn.clone(whole, key=self.folder / "id.pub", layers=[self.stick])
        for name in self.boxes:
            nspawn.boot(name)
        self.pki("init", "--name", "Fleet of a test")
        self.write_inventory()
        self.seal()
        self.first = self.play("site.yml")

    def end(self) -> None:
        for name in self.boxes:
            nspawn.remove(name)

    def pki(self, *words: str) -> None:
        command = [str(Path(sys.executable).parent / "vedette-trainer"), "pki", *words, "--dir", str(self.folder / "pki")]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "VEDETTE_PKI_PASSPHRASE": PASSPHRASE})

    def write_inventory(self) -> None:
        """The first box gets its release over ssh, the others find it on a stick."""
        tar = self.folder / f"{name_of(OLD)}.tar.gz"
        media = self.stick / MEDIA.lstrip("/")
        subprocess.run(["tar", "-C", str(media), "--use-compress-program=gzip -1", "-cf", str(tar), name_of(OLD)], check=True)
        hosts = {name: {"ansible_host": box.address} for name, box in self.boxes.items()}
        hosts[self.edges[0]]["vedette_release_archive"] = str(tar)
        known = f"-o UserKnownHostsFile={self.folder}/known -o StrictHostKeyChecking=accept-new"
        every = {
            "ansible_user": "root", "ansible_ssh_private_key_file": str(self.folder / "id"), "ansible_ssh_common_args": known,
            "ansible_python_interpreter": "/usr/bin/python3", "fleet_pki": str(self.folder / "pki"),
            "fleet_pki_passphrase": "{{ vault_fleet_pki_passphrase }}",
            "fleet_program": str(Path(sys.executable).parent / "vedette-trainer"),
            "base_hosts": {BROKER: self.boxes[self.hub].address, self.hub: self.boxes[self.hub].address},
        }  # fmt: skip
        of_boxes = {
            "vedette_release_folder": f"{MEDIA}/{name_of(OLD)}", "vedette_release_wait_s": 300, "vedette_device_pki": "{{ fleet_pki }}",
            "vedette_device_broker": BROKER, "vedette_device_secrets": {"VEDETTE_PAGE__TOKEN": "{{ vault_page_token }}"},
            "vedette_device_page_token": "{{ vault_page_token }}", "vedette_device_settings": SETTINGS,
        }  # fmt: skip
        hosts[self.edges[0]]["vedette_release_folder"] = ""
        groups = {
            "boxes": {"hosts": {name: hosts[name] for name in self.edges}, "vars": of_boxes},
            "trainers": {
                "hosts": {self.hub: {}},
                "vars": {
                    "vedette_release_folder": f"{MEDIA}/trainer/{name_of(OLD)}", "vedette_release_wait_s": 300,
                    "vedette_trainer_pki": "{{ fleet_pki }}", "vedette_trainer_broker": BROKER,
                    "vedette_trainer_admin_password": "{{ vault_trainer_password }}",
                },
            },
            "brokers": {
                "hosts": {self.hub: hosts[self.hub]},
                "vars": {"vedette_broker_pki": "{{ fleet_pki }}", "vedette_broker_hosts": [BROKER]},
            },
        }  # fmt: skip
        inventory = {"all": {"hosts": {"localhost": {"ansible_connection": "local"}}, "vars": every, "children": groups}}
        (self.folder / "inventory").mkdir()
        (self.folder / "inventory/hosts.yml").write_text(yaml.safe_dump(inventory))

    def seal(self) -> None:
        """Passwords are where the guide says: in a vault."""
        (self.folder / "vault-password").write_text("of the vault")
        self.vault.parent.mkdir(parents=True)
        self.vault.write_text(yaml.safe_dump(SECRETS))
        command = [str(self.programs / "ansible-vault"), "encrypt", str(self.vault)]
        subprocess.run(command, check=True, capture_output=True, env=self.environment)

    @property
    def vault(self) -> Path:
        return self.folder / "inventory/group_vars/all/vault.yml"

    @property
    def environment(self) -> dict[str, str]:
        own = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(self.folder / "home"), "LC_ALL": "C.UTF-8"}
        path = {"PATH": f"{self.programs}:{os.environ['PATH']}", "ANSIBLE_VAULT_PASSWORD_FILE": str(self.folder / "vault-password")}
        return {**os.environ, **own, **path}

    def play(self, playbook: str, *words: str, **values: object) -> Run:
        given = [f"--extra-vars={json.dumps(values)}"] if values else []
        command = [str(self.programs / "ansible-playbook"), "-i", str(self.folder / "inventory"), *given, *words, playbook]
        before = time.monotonic()
        done = subprocess.run(
            command, cwd=ROOT / "ansible", env=self.environment, capture_output=True, text=True, check=False, timeout=1500
        )
        said = done.stdout + done.stderr
        rows = {host: (int(ok), int(changed), int(away), int(bad)) for host, ok, changed, away, bad in RECAP.findall(said)}
        run = Run(done.returncode, said, round(time.monotonic() - before, 1), rows)
        log.info("%s %s: %s s, exit %s, %s", playbook, " ".join(words), run.took_s, run.code, run.recap)
        return run

    def to(self, version: str) -> dict[str, object]:
        """For the playbook: this release, from the stick, on all."""
        return {"vedette_release_folder": f"{MEDIA}/{name_of(version)}", "vedette_device_health_retries": 20}

    def sh(self, name: str, text: str) -> str:
        done = nspawn.run(self.boxes[name], "bash", "-c", text, check=False)
        assert done.returncode == 0, f"{name}: {text}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def until(self, true: Callable[[], bool], timeout_s: float = 120) -> None:
        deadline = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < deadline, f"it did not happen in {timeout_s} s"
            threading.Event().wait(1)

    def versions(self) -> list[str]:
        return [Path(self.sh(name, "readlink /opt/vedette/current")).name for name in self.edges]

    def pids(self) -> list[str]:
        return [self.sh(name, "systemctl show --value -p MainPID vedette") for name in self.edges]

    def ready(self) -> bool:
        return all(self.sh(name, "systemctl is-active vedette") == "active" for name in self.edges)

    def away(self, folder: Path) -> tuple[str, ...]:
        """Words for `play`: one box more, at an address where nobody is."""
        (folder / "away.yml").write_text(json.dumps({"all": {"children": {"boxes": {"hosts": {AWAY: {"ansible_host": "198.18.77.250"}}}}}}))
        return "-i", str(folder / "away.yml"), "--timeout", "3"

    def heard(self, what: str, count: int) -> dict[str, dict[str, object]]:
        """What boxes say at the broker, by box, as the trainer hears it."""
        place = self.boxes[self.hub].root / "srv/trainer"
        shutil.copytree(self.folder / "pki/issued/trainer", place, dirs_exist_ok=True)
        files = "--cafile /srv/trainer/ca.pem --cert /srv/trainer/trainer.pem --key /srv/trainer/trainer.key"
        topic = f"vedette/v1/+/up/{what}"
        said = self.sh(self.hub, f"mosquitto_sub -V 5 -h {BROKER} -p 8883 {files} -t '{topic}' -q 1 -C {count} -W 90 -F '%t %p'")
        lines = (line.partition(" ") for line in said.splitlines())
        return {topic.split("/")[2]: json.loads(payload) for topic, _, payload in lines}
