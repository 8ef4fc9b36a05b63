"""The trainer's machine by its role, and a model brought by the playbook to boxes that have to believe it and prove it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.deploy.ansible.fleet import RELEASE_WORDS, ROOT, SETTINGS, Fleet
from tests.trainer.push.yards import ADA
from tests.trainer.registry.works import verdict, write_verdict
from trainer.registry.signing import envelope_path, sign_bundle
from vision.bundle import read_bundle
from vision.bundle_write import write_bundle

NAME, FIRST, SECOND = "person-street", "1.1.0", "1.2.0"
HOME = "/var/lib/vedette-trainer"
ROOT_WORDS = "taken-away-with-the-stick"
# As short as a proof can be: what a model has to show is tried elsewhere.
PROVE = {"looks": 8, "p95_ms": 60_000, "memory_mb": 4096, "growth_mb": 4096, "shadow_s": 0, "trial_s": 5, "trial_frames": 5, "fewest": 0}


def as_trainer(fleet: Fleet, *words: str) -> str:
    told = f"env VEDETTE_TRAINER_HOME={HOME} VEDETTE_STORE={HOME}/store.sqlite"
    return fleet.sh(fleet.hub, f"cd / && runuser -u vedette-trainer -- {told} {' '.join(words)}")


def enter(fleet: Fleet, version: str) -> str:
    """The model that boxes come with, under another number: judged, signed, in the registry of the trainer's machine; its digest."""
    old = read_bundle(ROOT / "models" / NAME)
    files = {old.manifest.model.path: old.model(), **{each.path: old.read(each.path) for each in old.manifest.files}}
    fields = old.manifest.model_dump(mode="json", exclude={"model", "files", "chunks"}, exclude_none=True)
    made = write_bundle(fleet.folder / f"{NAME}-{version}.vdb", {**fields, "version": version}, files)
    sign_bundle(made, ADA)
    write_verdict(fleet.folder / f"{version}.json", verdict(made.digest))
    place = fleet.boxes[fleet.hub].root / "srv/models"
    place.mkdir(exist_ok=True)
    for path in (made.path, envelope_path(made.path), fleet.folder / f"{version}.json"):
        shutil.copy(path, place)
    as_trainer(fleet, f"vedette-trainer models add /srv/models/{NAME}-{version}.vdb")
    as_trainer(fleet, f"vedette-trainer models judge {made.digest} --verdict /srv/models/{version}.json")
    return made.digest


@pytest.fixture(scope="module")
def pushing(fleet: Fleet) -> Fleet:
    """After the ceremony, which is held by hand; boxes were told whom to believe."""
    assert fleet.first is not None
    assert fleet.first.code == 0, fleet.first.said[-6000:]
    variables = fleet.folder / "inventory/group_vars"
    (variables / "trainers.yml").write_text(yaml.safe_dump({"vedette_trainer_push": True, "vedette_trainer_page_host": "0.0.0.0"}))
    early = fleet.play("site.yml", "--tags", "always,certificates,trainers")
    assert early.failed() == [fleet.hub]
    assert "hold the ceremony on" in early.said
    assert fleet.sh(fleet.hub, "systemctl is-active vedette-push vedette-rollout || true").split() == ["inactive"] * 2
    fleet.sh(fleet.hub, "install -d -o vedette-trainer -m 0700 /srv/safe")
    as_trainer(
        fleet,
        f"VEDETTE_ROOT_PASSPHRASE={ROOT_WORDS} VEDETTE_KEY_PASSPHRASE={RELEASE_WORDS}",
        "vedette-trainer keys init --root /srv/safe",
    )
    shutil.copytree(fleet.boxes[fleet.hub].root / HOME.lstrip("/") / "push/trust", fleet.folder / "trust")
    (fleet.boxes[fleet.hub].root / HOME.lstrip("/") / "keys/ada.pub").write_text(ADA.public.model_dump_json())
    told = {
        "vedette_device_trust": str(fleet.folder / "trust"),
        "vedette_device_update_url": f"https://{fleet.hub}:8443/tuf",
        "vedette_device_settings": {**SETTINGS, "update": {"prove": PROVE}},
    }
    (variables / "boxes.yml").write_text(yaml.safe_dump(told))
    whole = fleet.play("site.yml")
    assert whole.code == 0, whole.said[-6000:]
    assert fleet.play("site.yml").changed() == {}
    return fleet


def test_the_trainers_services_run_and_take_in_what_boxes_say(pushing: Fleet) -> None:
    names = "vedette-trainer vedette-ingest vedette-push vedette-rollout"
    assert pushing.sh(pushing.hub, f"systemctl is-active {names}").split() == ["active"] * 4
    assert pushing.sh(pushing.hub, f"systemctl is-enabled {names}").split() == ["enabled"] * 4
    heard = "vedette-trainer store status --json"
    pushing.until(lambda: json.loads(as_trainer(pushing, heard))["devices"] == len(pushing.edges))
    files = "--cacert /etc/vedette-trainer/pki/ca.pem"
    asked = f"curl -s -o /dev/null -w '%{{http_code}}' {files} https://{pushing.hub}"
    assert pushing.sh(pushing.hub, f"{asked}:8090/") == "401", "it answers by its name, to who logs in"
    assert pushing.sh(pushing.hub, f"{asked}:8443/tuf/metadata/timestamp.json || true") == "000", "no certificate, no answer"
    own = "--cert /etc/vedette-trainer/pki/trainer.pem --key /etc/vedette-trainer/pki/trainer.key"
    assert pushing.sh(pushing.hub, f"{asked}:8443/tuf/metadata/timestamp.json {own}") == "200"


def test_a_model_is_released_and_comes_to_all_boxes(pushing: Fleet, tmp_path: Path) -> None:
    digest = enter(pushing, FIRST)
    said = {
        "push_model": f"{NAME}@{FIRST}",
        "push_model_rollout": "night-1",
        "push_model_canaries": pushing.edges[:1],
        "push_model_wait_s": 900,
    }
    run = pushing.play("playbooks/push_model.yml", "-vvv", **said)
    assert run.code == 0, run.said[-6000:]
    assert RELEASE_WORDS not in run.said
    assert f"{NAME}@{FIRST} runs on 3 of 3 boxes" in run.said
    report = pushing.play("playbooks/inventory_report.yml", inventory_report_into=str(tmp_path))
    assert report.code == 0
    rows = {row["box"]: row["model"] for row in json.loads((tmp_path / "boxes.json").read_text())}
    assert rows == dict.fromkeys(pushing.edges, digest)
    again = pushing.play("playbooks/push_model.yml", **said)
    assert (again.code, again.changed()) == (0, {})


def test_a_push_that_cannot_be_says_why_and_begins_nothing(pushing: Fleet) -> None:
    enter(pushing, SECOND)
    model = {"push_model": f"{NAME}@{SECOND}"}
    wrong = pushing.play("playbooks/push_model.yml", **model, push_model_rollout="night-2", push_model_passphrase="a-wrong-one")
    assert wrong.failed() == [pushing.hub]
    assert f"{NAME}@{SECOND} was not released: " in wrong.said
    assert "a-wrong-one" not in wrong.said
    other = pushing.play("playbooks/push_model.yml", **model, push_model_rollout="night-1")
    assert other.failed() == [pushing.hub]
    assert "rollout night-1 was of " in other.said
    unknown = pushing.play("playbooks/push_model.yml", push_model=f"{NAME}@9.9.9", push_model_rollout="night-3")
    assert unknown.failed() == [pushing.hub]
    assert f"{NAME}@9.9.9 was not released: " in unknown.said
    assert "no model" in unknown.said.split("was not released: ")[1]
    assert len(json.loads(as_trainer(pushing, "vedette-trainer rollout ls --json"))) == 1


def test_who_lost_its_certificate_gets_no_model_any_more_and_nothing_is_restarted(pushing: Fleet) -> None:
    pushing.pki("box", "lent")
    shutil.copytree(pushing.folder / "pki/issued/lent", pushing.boxes[pushing.hub].root / "srv/lent")
    files = "--cacert /etc/vedette-trainer/pki/ca.pem --cert /srv/lent/lent.pem --key /srv/lent/lent.key"
    asked = f"curl -s -o /dev/null -w '%{{http_code}}' {files} https://{pushing.hub}:8443/tuf/metadata/timestamp.json || true"
    serving = "systemctl show --property MainPID --value vedette-push"
    before = pushing.sh(pushing.hub, serving)
    assert pushing.sh(pushing.hub, asked) == "200"
    run = pushing.play("playbooks/rotate_keys.yml", rotate_keys_revoke="lent", rotate_keys_why="given back")
    assert run.code == 0, run.said[-6000:]
    pushing.until(lambda: pushing.sh(pushing.hub, asked) == "000")
    assert pushing.sh(pushing.hub, serving) == before
