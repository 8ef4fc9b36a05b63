"""A fleet through its life by its playbooks: from nothing to READY, releases that are bad, keys, and what runs where."""

from __future__ import annotations

import csv
import json
import logging
import shutil
import subprocess
import zipfile
from pathlib import Path

from tests.deploy.ansible.fleet import AWAY, BROKER, ILL, PAGE_WORDS, PASSPHRASE, ROOT, TOKEN, Fleet
from tests.deploy.install.release_box import DEAD, NEW, OLD

log = logging.getLogger(__name__)


def test_the_first_run_brings_three_boxes_to_ready_and_they_speak_to_the_broker(old: Fleet) -> None:
    assert old.versions() == [OLD] * 3
    assert old.ready()
    status = old.heard("status", 3)
    assert {name: said["data"]["state"] for name, said in status.items()} == dict.fromkeys(old.edges, "online")  # type: ignore[index]
    assert set(old.heard("health", 3)) == set(old.edges)
    for name in old.edges:
        assert old.sh(name, "stat -c %U:%G:%a /etc/vedette/pki/*.key /etc/vedette/secrets").split() == ["root:vedette:640", "root:root:600"]


def test_a_second_run_changes_nothing_and_a_look_ahead_is_clean_and_no_secret_is_in_either(old: Fleet) -> None:
    pids = old.pids()
    assert old.vault.read_text().startswith("$ANSIBLE_VAULT;")
    for words in (("-vvv", "--diff"), ("--check", "--diff")):
        again = old.play("site.yml", *words)
        assert again.code == 0, again.said[-6000:]
        assert again.changed() == {}
        assert set(old.boxes) <= set(again.recap)
        assert TOKEN not in again.said
        assert PASSPHRASE not in again.said
        assert PAGE_WORDS not in again.said
        assert "PRIVATE KEY" not in again.said
    assert old.pids() == pids, "no service was restarted"


def test_a_setting_that_changes_restarts_the_box_it_is_of(old: Fleet) -> None:
    pids = old.pids()
    changed = old.play("playbooks/deploy.yml", "--limit", old.edges[1], vedette_device_settings_of_box={"detection_fps": 5})
    assert changed.code == 0, changed.said[-4000:]
    assert [now == before for now, before in zip(old.pids(), pids, strict=True)] == [True, False, True]
    wrong = old.play("playbooks/deploy.yml", "--limit", old.edges[1], vedette_device_settings_of_box={"detection_fsp": 5})
    assert wrong.failed() == [old.edges[1]]
    assert "detection_fps: 5" in old.sh(old.edges[1], "cat /etc/vedette/device.yaml"), "what vedette check refuses is not written"
    assert old.play("playbooks/deploy.yml", "--limit", old.edges[1]).code == 0


def test_a_release_that_never_comes_up_stops_at_the_canary_which_goes_back(old: Fleet) -> None:
    pids = old.pids()
    run = old.play("playbooks/upgrade.yml", **{**old.to(DEAD), "vedette_release_wait_s": 20})
    assert run.code != 0
    assert run.failed() == old.edges[:1]
    assert old.pids()[1:] == pids[1:], "the others serve on"
    assert f"Vedette {OLD} is READY again" in run.said
    assert old.versions() == [OLD] * 3
    assert old.ready()


def test_a_release_that_comes_up_ill_is_taken_back_too(old: Fleet) -> None:
    pids = old.pids()
    run = old.play("playbooks/upgrade.yml", **{**old.to(ILL), "vedette_device_health_retries": 4})
    assert run.code != 0
    assert run.failed() == old.edges[:1]
    assert old.pids()[1:] == pids[1:], "the others serve on"
    assert old.versions() == [OLD] * 3
    assert old.ready()


def test_a_good_release_goes_to_all_who_are_on_and_can_be_taken_back(old: Fleet, tmp_path: Path) -> None:
    run = old.play("playbooks/upgrade.yml", *old.away(tmp_path), **old.to(NEW))
    assert run.failed() == [AWAY], run.said[-6000:]
    assert f"{AWAY} could not be reached and is as it was; run this again" in run.said
    assert run.said.count("PLAY [Upgrade boxes, wave by wave]") == 3, "one, one of two, the last"
    assert old.versions() == [NEW] * 3
    assert old.play("playbooks/upgrade.yml", **old.to(NEW)).changed() == {}
    back = old.play("playbooks/rollback.yml", rollback_from=NEW)
    assert back.code == 0, back.said[-4000:]
    assert old.versions() == [OLD] * 3
    assert old.play("playbooks/rollback.yml", rollback_from=NEW).changed() == {}


def test_keys_are_changed_and_boxes_speak_on(old: Fleet) -> None:
    before = {name: session(old)[name] for name in old.edges}
    files = {name: old.sh(name, "sha256sum /etc/vedette/pki/*.key") for name in old.edges}
    run = old.play("playbooks/rotate_keys.yml", "-vvv", "--diff", rotate_keys_within_days=3000)
    assert run.code == 0, run.said[-6000:]
    assert PASSPHRASE not in run.said
    assert "PRIVATE KEY" not in run.said
    assert all(old.sh(name, "sha256sum /etc/vedette/pki/*.key") != files[name] for name in old.edges)
    assert all(session(old)[name] != before[name] for name in old.edges)
    assert old.play("playbooks/rotate_keys.yml").changed() == {}


def test_a_certificate_that_was_lost_counts_no_more_and_its_box_has_another(old: Fleet) -> None:
    name, issued = old.edges[1], old.folder / "pki/issued" / old.edges[1]
    lost, before = old.boxes[old.hub].root / "srv/lost", session(old)
    shutil.copytree(issued, lost)
    files = f"--cafile /srv/lost/ca.pem --cert /srv/lost/{name}.pem --key /srv/lost/{name}.key"
    say = f"timeout 20 mosquitto_pub -V 5 -h {BROKER} -p 8883 {files} -q 1 -t vedette/v1/{name}/up/stolen -m 1 -i thief"
    say += " && echo taken || echo refused"
    assert old.sh(old.hub, say) == "taken"
    why = old.play("playbooks/rotate_keys.yml", rotate_keys_revoke=name)
    assert why.failed() == ["localhost"]
    assert "say -e rotate_keys_why=WORDS" in why.said
    nobody = old.play("playbooks/rotate_keys.yml", rotate_keys_revoke="nobody", rotate_keys_why="lost")
    assert nobody.failed() == ["localhost"]
    assert "vedette-trainer pki revoke: " in nobody.said
    assert "nobody" in nobody.said.split("vedette-trainer pki revoke: ")[1].splitlines()[0]
    run = old.play("playbooks/rotate_keys.yml", rotate_keys_revoke=name, rotate_keys_why="lost")
    assert run.code == 0, run.said[-6000:]
    assert old.sh(old.hub, say) == "refused"
    after = session(old)
    assert [after[each] != before[each] for each in old.edges][1], "it speaks again, by its new one"
    assert (lost / f"{name}.pem").read_bytes() != (issued / f"{name}.pem").read_bytes()
    assert old.play("playbooks/rotate_keys.yml").changed() == {}


def session(fleet: Fleet) -> dict[str, object]:
    return {name: said["data"]["session"] for name, said in fleet.heard("status", 3).items()}  # type: ignore[index]


def test_what_runs_where_is_written_down_and_diagnoses_are_fetched(old: Fleet, tmp_path: Path) -> None:
    page = old.boxes[old.edges[0]].root / "var/lib/vedette/config/page.crt"
    old.sh(old.edges[0], "install -d -o vedette -g vedette -m 0750 /var/lib/vedette/config")
    page.write_text("nothing of this\n" + (old.folder / "pki/ca.pem").read_text())
    run = old.play("playbooks/inventory_report.yml", *old.away(tmp_path), inventory_report_into=str(tmp_path))
    assert TOKEN not in run.said
    rows = {row["box"]: row for row in json.loads((tmp_path / "boxes.json").read_text())}
    assert {name: (rows[name]["version"], rows[name]["health"], rows[name]["service"]) for name in old.edges} == dict.fromkeys(
        old.edges, (OLD, "ok", "active")
    )
    assert all(rows[name]["model"].startswith("sha256:") for name in old.edges)
    assert rows[AWAY]["reachable"] is False
    assert (tmp_path / "pages.pem").read_text().strip() == (old.folder / "pki/ca.pem").read_text().strip()
    with (tmp_path / "boxes.csv").open(newline="") as file:
        table = {row["box"]: row for row in csv.DictReader(file)}
    assert {name: table[name]["model"] for name in old.edges} == {name: rows[name]["model"] for name in old.edges}
    assert old.play("playbooks/collect_diag.yml", "--limit", ",".join(old.edges), collect_diag_into=str(tmp_path / "diag")).code == 0
    for name in old.edges:
        with zipfile.ZipFile(tmp_path / f"diag/{name}.zip") as archive:
            assert archive.testzip() is None
            assert not [member for member in archive.namelist() if TOKEN.encode() in archive.read(member)]


def test_the_linter_has_nothing_to_say(programs: Path) -> None:
    words = [str(programs / "ansible-lint"), "--offline", "--profile", "production", "--nocolor"]
    path = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(words, cwd=ROOT / "ansible", env=path, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
