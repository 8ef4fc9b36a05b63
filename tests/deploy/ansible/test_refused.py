"""Inventories on Ansible's own machine: the examples are read; what nobody can have meant is refused with what to do, no box asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.ansible.fleet import ROOT
from tests.deploy.test_ansible import PLAYBOOKS

NOWHERE = "198.18.77.250"


class Inventory:
    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self.programs = folder, programs

    def write(self, **variables: Any) -> None:
        boxes = {name: {"ansible_host": NOWHERE} for name in ("cam.north", "cam.south")}
        groups = {"boxes": {"hosts": boxes}, "trainers": {"hosts": {"hub": {"ansible_host": NOWHERE}}}}
        (self.folder / "hosts.yml").write_text(json.dumps({"all": {"vars": variables, "children": groups}}))

    def play(self, playbook: str, *words: str) -> str:
        """What it said, in one line; it has to fail, and nobody may have been called."""
        command = [str(self.programs / "ansible-playbook"), "-i", str(self.folder), *words, playbook]
        own = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_HOME": str(self.folder / "home"),
        }
        done = subprocess.run(
            command, cwd=ROOT / "ansible", env={**os.environ, **own}, capture_output=True, text=True, check=False, timeout=300
        )
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode != 0, said[-3000:]
        assert "UNREACHABLE" not in said, said[-3000:]
        return said


@pytest.fixture
def inventory(programs: Path, tmp_path: Path) -> Inventory:
    made = Inventory(tmp_path, programs)
    made.write()
    return made


@pytest.mark.parametrize("playbook", ["site.yml", "playbooks/upgrade.yml", "playbooks/push_model.yml", "playbooks/rotate_keys.yml"])
def test_an_inventory_without_machines_says_how_to_begin(inventory: Inventory, playbook: str) -> None:
    (inventory.folder / "hosts.yml").write_text("all: {children: {machines: {hosts: {a: }}}}\n")
    assert "cp -r inventory.example/lab inventory" in inventory.play(playbook)


def test_two_boxes_of_one_name_are_refused(inventory: Inventory) -> None:
    said = inventory.play("site.yml")
    assert "two boxes have the same id" in said
    assert "cam, cam" in said


def test_a_fleet_without_an_authority_says_how_one_is_made(inventory: Inventory) -> None:
    boxes = {"cam.north": {"vedette_device_id": "cam-north"}, "cam.south": {}}
    (inventory.folder / "hosts.yml").write_text(json.dumps({"all": {"children": {"boxes": {"hosts": boxes}}}}))
    assert "vedette-trainer pki init --dir FOLDER" in inventory.play("site.yml")
    said = inventory.play("playbooks/rotate_keys.yml", "-e", f"fleet_pki={inventory.folder}/none")
    assert f"there is no authority in {inventory.folder}/none" in said


def test_the_passphrase_of_the_example_is_refused(inventory: Inventory) -> None:
    boxes: dict[str, dict[str, str]] = {"cam-north": {}, "cam-south": {}}
    (inventory.folder / "hosts.yml").write_text(json.dumps({"all": {"children": {"boxes": {"hosts": boxes}}}}))
    assert "as it was in the example" in inventory.play("site.yml", "-e", "fleet_pki_passphrase=change-me-and-seal-me")


def test_a_push_without_a_model_says_what_to_say(inventory: Inventory) -> None:
    boxes = {"trainers": {"hosts": {"hub": {"ansible_host": NOWHERE}}}}
    (inventory.folder / "hosts.yml").write_text(json.dumps({"all": {"children": boxes}}))
    assert "-e push_model=NAME@VERSION" in inventory.play("playbooks/push_model.yml")
    assert "-e push_model=NAME@VERSION" in inventory.play(
        "playbooks/push_model.yml", "-e", "push_model=--all", "-e", "push_model_rollout=a"
    )


def test_a_vault_without_its_password_is_not_opened_by_anything(inventory: Inventory, programs: Path) -> None:
    folder = inventory.folder / "group_vars/all"
    folder.mkdir(parents=True)
    (folder / "vault.yml").write_text("fleet_pki_passphrase: something\n")
    for name in ("right", "wrong"):
        (inventory.folder / name).write_text(name)
    sealed = [str(programs / "ansible-vault"), "encrypt", f"--vault-password-file={inventory.folder}/right", str(folder / "vault.yml")]
    subprocess.run(sealed, check=True, capture_output=True)
    assert "something" not in (folder / "vault.yml").read_text()
    assert "no vault secrets" in inventory.play("site.yml").lower()
    assert "decrypt" in inventory.play("site.yml", f"--vault-password-file={inventory.folder}/wrong").lower()


@pytest.mark.parametrize(("example", "boxes"), [("lab", 2), ("fleet", 500)])
def test_a_copied_example_is_an_inventory_and_every_playbook_fits_it(tmp_path: Path, programs: Path, example: str, boxes: int) -> None:
    """As the guide begins: copied, passwords put into a vault, which is sealed."""
    inventory = tmp_path / "inventory"
    shutil.copytree(ROOT / "ansible/inventory.example" / example, inventory)
    (tmp_path / "password").write_text("of the vault")
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "ANSIBLE_HOME": str(tmp_path / "home")}
    environment["ANSIBLE_VAULT_PASSWORD_FILE"] = str(tmp_path / "password")

    def said(*words: str) -> str:
        done = subprocess.run(words, cwd=ROOT / "ansible", env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    for sealed in inventory.rglob("vault.yml.example"):
        sealed.rename(sealed.with_suffix(""))
        said("ansible-vault", "encrypt", str(sealed.with_suffix("")))
    read = json.loads(said("ansible-inventory", "-i", str(inventory), "--list"))
    assert len({name for group in read["boxes"].get("children", ["boxes"]) for name in read[group].get("hosts", [])}) == boxes
    assert all("{{" not in str(read["_meta"]["hostvars"][name].get("ansible_user")) for name in read["_meta"]["hostvars"])
    books = ["site.yml", *(f"playbooks/{name}.yml" for name in PLAYBOOKS)]
    assert "playbook: site.yml" in said("ansible-playbook", "-i", str(inventory), "--syntax-check", *books)
