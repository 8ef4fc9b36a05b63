"""Which boxes go first, whoever of them answered first: the playbooks' own words, asked by a real Ansible on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.deploy.ansible.fleet import ROOT

BOXES = ["south", "north", "east", "west"]  # the owner's order, which no alphabet has


def waves_of(playbook: str) -> str:
    """The hosts of its play that goes to boxes that are on."""
    plays = yaml.safe_load((ROOT / "ansible/playbooks" / playbook).read_text())
    (play,) = (play for play in plays if "fleet_reached" in str(play.get("hosts")))
    return str(play["hosts"])


@pytest.mark.parametrize("playbook", ["upgrade.yml", "rollback.yml", "rotate_keys.yml"])
def test_the_first_of_the_inventory_that_is_on_goes_first_though_it_answers_last(programs: Path, tmp_path: Path, playbook: str) -> None:
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"boxes": {"hosts": dict.fromkeys(BOXES), "vars": here}}, sort_keys=False))
    answer = {
        "hosts": "boxes", "order": "reverse_inventory", "serial": 1, "gather_facts": False,
        "tasks": [{"ansible.builtin.group_by": {"key": "fleet_reached"}, "when": "inventory_hostname != 'south'"}],
    }  # fmt: skip
    wave = {
        "hosts": waves_of(playbook), "gather_facts": False,
        "tasks": [{"ansible.builtin.debug": {"msg": "in order: {{ ansible_play_hosts_all | join(' ') }}."}, "run_once": True}],
    }  # fmt: skip
    (tmp_path / "play.yml").write_text(yaml.safe_dump([answer, wave], sort_keys=False))
    command = [str(programs / "ansible-playbook"), "-i", str(tmp_path / "hosts.yml"), str(tmp_path / "play.yml")]
    own = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "ANSIBLE_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, env=own, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert "in order: north east west." in done.stdout, done.stdout + done.stderr
