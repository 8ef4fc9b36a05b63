"""The guides, done: their lines one after another in one site, with the exit codes they promise. What a page tells first is done first."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

pytest.importorskip("torch")
pytest.importorskip("tuf")
pytest.importorskip("httpx")
pytest.importorskip("sqlalchemy")

from device.update.config_slots import Revisions
from device.update.slots import Slots
from tests.device.publish.mosquitto import free_port, needs_mosquitto
from tests.device.update.box import bundle
from tests.docs.lines import ROOT
from tests.docs.runners import RUNNERS, SITE
from tests.docs.site import Site, answers, broker
from tests.scenarios.loop.day import day_set
from tests.scenarios.stage import config

FOOTAGE = ROOT / ".cache" / "footage" / "street.mkv"
pytestmark = [
    pytest.mark.soak, pytest.mark.broker, needs_mosquitto, pytest.mark.timeout(3600),
    pytest.mark.skipif(os.geteuid() != 0, reason="installs files for the group mosquitto: needs root"),
    pytest.mark.skipif(not FOOTAGE.exists(), reason="the street footage is not there: python scripts/footage.py"),
]  # fmt: skip
TOKEN = "a-token-of-the-house-0123456789abcdef"
TRAINING = {
    "data": {"set": "day", "split": "day"}, "model": {"architecture": "small", "size": [192, 256]},
    "training": {"epochs": 12, "batch_size": 8, "rate": 4e-3, "validate_every": 4},
    "augment": {"mosaic": 0, "crop": 0.2, "scale": [0.8, 1.25], "blur": 0, "jpeg": 0},
}  # fmt: skip
GATES = {
    "version": 1, "min_recordings": 2, "min_objects": 10, "resamples": 200,
    "rules": {"finds-some": {"kind": "absolute", "metric": "recall", "at_least": 0.05}},
}  # fmt: skip


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    folder = Path(tempfile.mkdtemp(prefix="vedette-site-"))
    folder.chmod(0o755)  # the broker is another user
    made = Site(folder)
    yield made
    made.close()
    shutil.rmtree(folder)


# ---- secure


def test_secure_makes_an_authority_and_a_broker_that_takes_its_certificates(site: Site) -> None:
    etc = site.folder / "etc" / "mosquitto"
    (etc / "conf.d").mkdir(parents=True)
    there = {"/etc/mosquitto": str(etc)}
    site.run("secure", "vedette-trainer pki init")
    site.run("secure", "vedette-trainer pki broker --host broker.example --host 192.0.2.7", {"192.0.2.7": "127.0.0.1"})
    site.run("secure", "vedette-trainer pki trainer")
    site.run("secure", "vedette-trainer pki server --host trainer.example --host 192.0.2.8", {"192.0.2.8": "127.0.0.1"})
    site.run("secure", "vedette-trainer pki box box-01 box-02 box-03")
    site.run("secure", "vedette-trainer pki client homeassistant node-red")
    site.run("secure", "install -d -m 0750 -g mosquitto /etc/mosquitto/vedette", there)
    site.run("secure", "install -m 0640 -g mosquitto", there)
    site.run("secure", "install -m 0644 deploy/mosquitto/vedette.conf /etc/mosquitto/conf.d/", there)
    site.words["broker"] = str(broker(site, etc))


def papers(site: Site, name: str) -> dict[str, str]:
    place = site.work / "pki" / "issued" / name
    return {"ca": str(place / "ca.pem"), "cert": str(place / f"{name}.pem"), "key": str(place / f"{name}.key")}


def as_trainer(site: Site) -> str:
    """The options that the pages give in words: where the broker is and who we are."""
    mine = papers(site, "trainer")
    return f"--host 127.0.0.1 --port {site.words['broker']} --tls --ca {mine['ca']} --cert {mine['cert']} --key {mine['key']}"


# ---- trainer, and a box that says something


def test_the_trainer_takes_in_what_boxes_say(site: Site) -> None:
    store = site.home / "store.sqlite"
    swap = {"--host broker": as_trainer(site)}
    site.start("trainer", "vedette-trainer ingest --host broker", swap, store.exists)


def test_a_box_before_footage_records_keeps_training_data_and_is_heard(site: Site) -> None:
    """Its configuration is that of the pages: a camera, the broker with its papers, training data, a page with a token."""
    box, port = site.folder / "box", free_port()
    box.mkdir()
    settings = {
        "device_id": "box-01", "profile": "street", "data": str(box / "data"), "detection_fps": 2,
        "cameras": {"yard": {"use": "file", "path": str(FOOTAGE), "pace": "realtime"}},
        "mqtt": {"host": "127.0.0.1", "port": int(site.words["broker"]), "tls": "on", **papers(site, "box-01")},
        "export": {"enabled": True, "events": [], "every_s": 1, "commit_s": 0.5, "max_share": None},
        "page": {"host": "0.0.0.0", "port": port, "export_token": TOKEN, "password": "words of the house"}, "health": {"interval_s": 2},
    }  # fmt: skip
    (box / "device.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    assert site.shell("vedette check --no-probe", box).returncode == 0
    site.spawn("vedette run", "box", lambda: answers(port) and not missing(site, box), box)
    site.words["page"], site.words["box"] = f"https://127.0.0.1:{port}", str(len(site.running) - 1)


def missing(site: Site, box: Path) -> list[str]:
    """What is still waited for: a clip that is closed, pictures for training, and that the trainer knows the box."""
    manifest = box / "data" / "dataset" / "manifest.jsonl"
    with sqlite3.connect(f"file:{site.home / 'store.sqlite'}?mode=ro", uri=True) as store:
        heard = store.execute("SELECT count(*) FROM devices").fetchone()[0]
    there = {
        "clip": list((box / "data" / "clips").rglob("*.json")), "heard": heard,
        "pictures": manifest.exists() and manifest.read_text().count("\n") >= 6,
    }  # fmt: skip
    return [what for what, found in there.items() if not found]


# ---- shipping, labelling, training: what the box kept comes to the trainer


def test_training_data_comes_over_the_network(site: Site) -> None:
    """The certificate is the one that the box made for its page."""
    shown = site.folder / "box" / "data" / "config" / "page.crt"
    for name in ("box-07", "box"):
        (site.work / f"{name}.token").write_text(TOKEN + "\n")
        shutil.copy(shown, site.work / f"{name}.crt")
    site.run("shipping", "openssl rand -hex 24")
    site.run("shipping", "vedette-trainer fetch https://box-07:8088 --into", {"https://box-07:8088": site.words["page"]})
    asked = {"https://box:8088": site.words["page"], "vedette-trainer-home": str(site.home)}
    for page in ("labelling", "training"):
        site.run(page, "vedette-trainer fetch", asked)


def test_clips_are_listed_kept_copied_and_removed(site: Site) -> None:
    box, stick = site.folder / "box", site.folder / "usb"
    stick.mkdir()
    listed = site.run("operate", "vedette clips ls --camera yard --since 2d", cwd=box)
    assert "yard" in listed
    known = json.loads(site.shell("vedette clips ls --json", box).stdout.splitlines()[-1])
    one = {"4f1c22aa": known["id"][:8]}
    site.run("operate", "vedette clips show 4f1c22aa", one, cwd=box)
    site.run("operate", "vedette clips keep 4f1c22aa", one, cwd=box)
    site.run("operate", "vedette clips export 4f1c22aa --to /media/usb", {**one, "/media/usb": str(stick)}, cwd=box)
    assert list(stick.rglob("*.m*"))
    site.run("operate", "vedette clips rm 4f1c22aa", one, code=2, cwd=box)  # it is kept for ever
    assert site.shell(f"vedette clips keep --not {one['4f1c22aa']}", box).returncode == 0
    site.run("operate", "vedette clips rm 4f1c22aa", {"rm": "rm --yes", **one}, cwd=box)  # nobody is there to be asked


def test_training_data_comes_on_a_stick(site: Site) -> None:
    site.end(site.running[int(site.words["box"])])
    box, stick = site.folder / "box", site.folder / "stick"
    stick.mkdir()
    there = {"/media/stick": str(stick)}
    site.run("shipping", "vedette ship --to /media/stick", there, cwd=box)
    site.run("shipping", "vedette-trainer fetch /media/stick --into data/yard", there)
    site.run("shipping", "vedette ship --to /media/stick", there, cwd=box)


def test_the_trainer_names_divides_and_traces_a_set(site: Site) -> None:
    assert day_set(site.work / "SET", 60, 2)  # chance divides the recordings: of so many two fall to each side but once in a thousand times
    store = {"DATASET": str(site.home / "sets" / "yard")}
    site.run("trainer", "vedette-trainer store add DATASET", store)
    assert "sha256:" in site.run("trainer", "vedette-trainer dataset hash SET")
    site.run("trainer", "vedette-trainer dataset split SET --out split.json")
    site.run("trainer", "vedette-trainer dataset check SET --split split.json")
    site.run("trainer", "vedette-trainer dataset split SET --after split.json --out split-2.json")
    site.run("trainer", "vedette-trainer dataset lineage SET")
    picture = json.loads((site.work / "SET" / "manifest.jsonl").read_text().splitlines()[0])["image_id"]
    site.run("trainer", "vedette-trainer dataset lineage SET --picture ID", {"ID": picture})


def test_data_sets_are_converted_divided_and_compared(site: Site) -> None:
    site.run("dataset-formats", "vedette dataset convert SET OUT --to yolo")
    site.run("dataset-formats", "vedette dataset prepare SET OUT --split 0.7,0.2,0.1", {"OUT": "OUT-2"})
    site.run("dataset-formats", "vedette dataset stats SET --html report.html")
    assert day_set(site.work / "SET-2", 3, 2)
    site.run("dataset-formats", "vedette dataset diff A B", {"A B": "SET SET-2"}, code=1)  # they differ
    site.run("dataset-formats", "vedette dataset check SET")


# ---- training, gates, registry


def test_a_detector_is_trained_taken_up_judged_and_exported(site: Site) -> None:
    shutil.copytree(site.work / "SET", site.home / "sets" / "day")
    (site.home / "splits").mkdir(exist_ok=True)
    to_home = {"vedette-trainer-home/": f"{site.home}/", "sets/yard": "sets/day", "splits/yard": "splits/day"}
    site.run("training", "vedette-trainer dataset split", to_home)
    (site.work / "yard.yaml").write_text(yaml.safe_dump(TRAINING))
    (site.home / "configs").mkdir(exist_ok=True)
    (site.home / "configs" / "yard.yaml").write_text(yaml.safe_dump(TRAINING))
    site.run("training", "vedette-trainer train detector --config yard.yaml")
    run = max(path.name for path in (site.home / "runs").iterdir())
    site.words["run"] = run
    of_it = {"01JD7Q0V3W8Y5N2M4K6R9T1ABC": run}
    site.run("training", "vedette-trainer train detector --resume 01JD7Q0V3W8Y5N2M4K6R9T1ABC", of_it, code=1)  # it is done
    site.run("training", "vedette-trainer train detector --validate 01JD7Q0V3W8Y5N2M4K6R9T1ABC", of_it)
    site.run("training", "vedette-trainer train detector --export 01JD7Q0V3W8Y5N2M4K6R9T1ABC --kinds onnx,int8", of_it)
    site.run("model-export", "vedette-trainer export RUN --home H --kinds onnx,int8,fp16", {"RUN": run, "--home H": f"--home {site.home}"})


def test_from_a_run_to_a_champion(site: Site) -> None:
    swap, rules = {"RUN": site.words["run"]}, site.work / "rules.yaml"
    rules.write_text(yaml.safe_dump(GATES))
    site.run("registry", "vedette-trainer keys make ada")
    drafted = site.run("registry", "vedette-trainer bundle make RUN --name shelf --version 1.3.0 --draft", swap)
    draft = site.home / "bundles" / f"{digest_in(drafted)}.zip"
    judged = {
        "configs/gates/detector.yaml": str(rules), "--data SET": f"--data {site.home}/sets/day",
        "SPLIT.json": f"{site.home}/splits/day.json", "DRAFT.zip": str(draft), " --champion CHAMPION.zip": "",
    }  # fmt: skip
    site.run("registry", "vedette-trainer gate", judged)
    made = site.run("registry", "vedette-trainer bundle make RUN --name shelf --version 1.3.0 --verdict verdict.json", swap)
    digest = digest_in(made)
    site.words["digest"] = digest
    of_it = {"DIGEST": digest}
    site.run("registry", "vedette-trainer bundle sign DIGEST --key ada", of_it)
    site.run("registry", 'vedette-trainer models add DIGEST --why "more evenings"', of_it)
    site.run("registry", "vedette-trainer models champion shelf --take shelf@1.3.0")
    assert "shelf" in site.run("registry", "vedette-trainer bundle show DIGEST", of_it)
    file = {"FILE": digest, "ada.pub": str(site.home / "keys" / "ada.pub")}
    site.run("registry", "vedette-trainer bundle verify FILE --key ada.pub", file)
    bundle = {"models/person-street": f"{site.home}/bundles/{digest}.zip"}
    site.run("training", "vedette-trainer train detector --validate models/person-street --config yard.yaml", bundle)
    site.run("registry", "vedette-trainer models where shelf@1.3.0")
    site.run("registry", "vedette-trainer models ran yard-1 --at 2026-11-22T03:36:00Z", {"yard-1": "box-01"})


def digest_in(said: str) -> str:
    found = re.search(r"[0-9a-f]{64}", said)
    assert found, said
    return found[0]


def test_a_candidate_is_judged_beside_the_champion(site: Site) -> None:
    best = f"{site.home}/bundles/{site.words['digest']}.zip"
    site.run("gates", "vedette-trainer dataset prepare SET PREPARED")
    asked = {"new.vdb": best}
    site.run("gates", "vedette-trainer evaluate new.vdb --data PREPARED --split val --choose f1 --save new-val.json", asked)
    site.run("gates", "vedette-trainer evaluate new.vdb --data PREPARED --split test --points new-val.json --save new.json", asked)
    rivals = {"configs/gates/detector.yaml": str(site.work / "rules.yaml"), "best.json": "new.json", "old.json": "new.json"}
    site.run("gates", "vedette-trainer gate", rivals)


# ---- push


def test_a_model_and_a_configuration_go_out(site: Site) -> None:
    safe, web = site.folder / "safe", site.work / "pki" / "issued" / "push-server"
    safe.mkdir()
    site.run("push", "vedette-trainer keys init --root /media/safe", {"/media/safe": str(safe)})
    site.run("push", "vedette-trainer push release boxes@1.2.0", {"boxes@1.2.0": "shelf@1.3.0"})
    (site.work / "zones.yaml").write_text("detection_fps: 5\n")
    site.run("push", "vedette-trainer push release --config zones.yaml --name shop")
    alone = {"shop@3": "shop@1", "--all --canary yard-1": "--canary box-03"}  # a box is in one rollout at a time
    site.run("push", "vedette-trainer rollout start zones-3 --config shop@3 --all --canary yard-1", alone)
    two = {"boxes@1.2.0": "shelf@1.3.0", "yard-1": "box-01", "yard-2": "box-02"}
    site.run("push", "vedette-trainer rollout start night-2 --model boxes@1.2.0 --all --canary yard-1 --canary yard-2", two)
    mine, port = papers(site, "trainer"), free_port()
    swap = {"broker.example": "127.0.0.1", "8883": site.words["broker"], "--ca ca.pem": f"--ca {mine['ca']}"}
    swap |= {" trainer.pem": f" {mine['cert']}", " trainer.key": f" {mine['key']}"}
    site.start("push", "vedette-trainer rollout run", swap, lambda: True)
    swap = {"0.0.0.0": "127.0.0.1", "8443": str(port), "--client-ca ca.pem": f"--client-ca {web / 'ca.pem'}"}
    swap |= {"--tls-cert ": f"--tls-cert {web}/", "--tls-key ": f"--tls-key {web}/"}
    swap |= {"--crl revoked.pem": f"--crl {site.work / 'pki' / 'revoked.pem'}"}
    site.start("push", "vedette-trainer push serve", swap, lambda: answers(port))


# ---- the trainer's page, jobs, and what a program asks of it


def test_the_page_is_served_and_jobs_are_done(site: Site) -> None:
    port, page = free_port(), "trainer-page"
    home = {"vedette-trainer-home": str(site.home)}
    site.run(page, "vedette-trainer users add ada --role admin --home vedette-trainer-home", home)
    served = {"vedette-trainer-home": f"{site.home} --port {port}"}
    site.start(page, "vedette-trainer serve --home vedette-trainer-home", served, lambda: answers(port))
    site.run(page, "vedette-trainer jobs kinds")
    site.run(page, "vedette-trainer jobs run dataset_hash set=yard --follow")
    asked = site.run(page, "vedette-trainer jobs run train config=yard")
    found = re.search(r"[0-9A-HJKMNP-TV-Z]{26}", asked)
    assert found, asked
    site.run(page, "vedette-trainer jobs ls")
    site.run(page, "vedette-trainer jobs show ID", {"ID": found[0]})
    site.run(page, "vedette-trainer jobs cancel ID", {"ID": found[0]})
    (site.home / "gates").mkdir(exist_ok=True)
    (site.home / "gates" / "detector.yaml").write_text(yaml.safe_dump(GATES))
    digest = f"sha256:{site.words['digest']}"
    rivals = {"set=yard split=yard": "set=day split=day", "sha256:...": digest}
    site.run(page, "vedette-trainer jobs run gate", rivals)
    by_a_program(site, port)


def by_a_program(site: Site, port: int) -> None:
    """The two calls of the page on push: the second needs what the first answers."""
    here, password = {"https://trainer.example:8090": f"http://127.0.0.1:{port}"}, site.env["VEDETTE_TRAINER_PASSWORD"]
    answer = json.loads(site.run("push", "curl -s -c jar", {**here, '"password": "..."': f'"password": "{password}"'}))
    swap = {"X-CSRF-Token: ...": f"X-CSRF-Token: {answer['csrf']}", "boxes@1.2.0": "shelf@1.3.0", "night-2": "night-3"}
    swap |= {'"all": true, ': "", "yard-1": "box-04"}
    assert json.loads(site.run("push", "curl -s -b jar", {**here, **swap}))["name"] == "night-3"


# ---- labelling


def test_pictures_are_queued_counted_and_sent_to_another_tool_and_back(site: Site) -> None:
    port = free_port()
    site.run("labelling", "vedette-trainer review fill")
    site.start("labelling", "vedette-trainer serve", {" serve": f" serve --port {port}"}, lambda: answers(port))
    site.run("labelling", "vedette-trainer review stats --set yard --since 2026-11-01 --at person=0.4")
    site.run("labelling", "vedette-trainer review export task --set yard --most 200 --complete-for person")
    shutil.copy(site.work / "task" / "annotations.xml", site.work / "annotations-from-cvat.xml")  # looked at, and nothing changed
    site.run("labelling", "vedette-trainer review import task --annotations annotations-from-cvat.xml --name ann")


# ---- recordings


def test_hours_of_recordings_become_logs(site: Site) -> None:
    recordings = site.work / "recordings"
    recordings.mkdir()
    cut = f"ffmpeg -nostdin -v error -t 20 -i {FOOTAGE} -c copy {recordings}/session.mkv"
    assert site.shell(cut).returncode == 0
    site.run("batch", "vedette batch --video-dir recordings --profile street --session-type practice --output logs")
    logs = [path for path in (site.work / "logs").glob("*.json") if "session" in path.name]
    again = {"logs/session.json": str(logs[0])}
    site.run("batch", "vedette batch --correct-start logs/session.json --start-time 2026-11-22T08:00:00Z", again)


def test_a_game_is_told_as_a_story(site: Site) -> None:
    site.run("gameplay", "python scripts/game_recording.py --seconds 300", {"300": f"30 --folder {site.work}/game"})
    site.run("gameplay", "vedette replay", {".cache/game/game-300s-": "game/game-30s-"})


def test_a_network_from_elsewhere_is_looked_at(site: Site) -> None:
    run = site.home / "runs" / site.words["run"]
    shutil.copy(next(run.rglob("model.onnx")), site.work / "detector.onnx")
    (site.work / "labels.txt").write_text("bottle\ncan\nglass\n")
    shutil.copy(next((site.work / "SET" / "images").iterdir()), site.work / "picture.jpg")
    site.run("models", "vedette-trainer models import detector.onnx --labels labels.txt --check picture.jpg")


# ---- update, by hand


def test_what_was_pushed_to_a_box_is_looked_at_and_taken_back_by_hand(site: Site) -> None:
    """Two models and two configurations lie there as updates leave them."""
    box = site.folder / "pushed"
    box.mkdir()
    config(box, {"use": "pattern", "width": 320, "height": 240, "fps": 10}).rename(box / "device.yaml")
    slots, old, new = Slots(box / "data" / "models"), bundle(box / "old.vdb", "1.0.0"), bundle(box / "new.vdb", "2.1.0")
    slots.adopt(old)
    slots.put(new)
    revisions = Revisions(box / "data")
    for number in (1, 2):
        revisions.link("current", revisions.put(f"detection_fps: {number}\n".encode(), {"rev": number}))
        revisions.keep()
    for line in ("ls", "show", "rollback"):
        site.run("update", f"vedette config {line}", cwd=box)
    for line in ("ls", "log", "use 2.1.0", "rollback", "pin"):
        site.run("update", f"vedette models {line}", cwd=box)
    assert slots.linked("current") == old.digest


def test_nothing_was_left_out(site: Site) -> None:
    """Every line that the table gives to this file was run, in this very run of it."""
    meant = {line for line, runner in RUNNERS.items() if runner == SITE}
    assert not meant - site.ran
    assert not site.ran - meant

