"""`vedette check` and `vedette doctor`: findings and exit codes for people and for scripts, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.device.site import SECRET
from tests.scenarios.stage import ROOT, config, run_vedette

SITE = "tests.device.site"
LAUGHS = "a: &a [x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{k}: &{k} [{', '.join([f'*{p}'] * 9)}]" for p, k in zip("abcdefghij", "bcdefghijk", strict=True)
)


def checked(folder: Path, *args: str, command: str = "check", **environment: str) -> subprocess.CompletedProcess[str]:
    whole = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    line = [sys.executable, "-m", "device.main", command, *args]
    return subprocess.run(line, cwd=folder, env=whole, capture_output=True, text=True, timeout=100)


def good(folder: Path, **more: Any) -> Path:
    return config(folder, {"use": "pattern", "pace": "realtime"}, **more)


WRONG: dict[str, tuple[tuple[str, ...], dict[str, str], str]] = {
    "a change that is none": (("--set", "a"), {}, "is not KEY=VALUE"),
    "a change that is no YAML": (("--set", "page=[1"), {}, "--set page"),
    "a change of nothing": (("--set", "..=1"), {}, "is not KEY=VALUE"),
    "a change of the wrong kind": (("--set", "page=[1]"), {}, "--set: page"),
    "a profile that is no file": (("--profile", "/nowhere/x.yaml"), {}, "/nowhere/x.yaml"),
    "a profile of no name": (("--profile", "stret"), {}, "did you mean `street`?"),
    "a configuration that is a folder": (("--config", "."), {}, "Is a directory"),
    "a configuration that is not there": (("--config", "no.yaml"), {}, "No such file"),
    "a variable with bad JSON": ((), {"VEDETTE_MQTT": "{bad"}, "environment VEDETTE_MQTT"),
    "a variable of the wrong kind": ((), {"VEDETTE_CAMERAS": "7"}, "environment VEDETTE_CAMERAS"),
    "a variable that is misspelt": ((), {"VEDETTE_MQQT": "7"}, "VEDETTE_MQQT"),
    "laughs": (("--config", "laughs.yaml"), {}, "has more than 20000 values"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_2_as_text_and_as_json(name: str, tmp_path: Path) -> None:
    args, environment, expected = WRONG[name]
    good(tmp_path)
    (tmp_path / "laughs.yaml").write_text(LAUGHS)
    text = checked(tmp_path, "--no-probe", *args, **environment)
    assert text.returncode == 2 and expected in text.stderr and "Traceback" not in text.stderr and text.stdout == ""
    script = checked(tmp_path, "--no-probe", "--json", *args, **environment)
    answer = json.loads(script.stdout)
    assert script.returncode == 2 and answer["ok"] is False and script.stderr == ""
    assert expected in " ".join(f"{f['what']}: {f['text']} {f['mend']}" for f in answer["findings"])
    assert all(finding["mend"] for finding in answer["findings"])


def test_doctor_goes_on_looking_when_the_configuration_is_wrong(tmp_path: Path) -> None:
    done = checked(tmp_path, "--config", "no.yaml", "--json", command="doctor")
    answer = json.loads(done.stdout)
    assert done.returncode == 1 and answer["ok"] is False
    levels = {finding["what"]: finding["level"] for finding in answer["findings"]}
    assert levels["no.yaml: file"] == "error" and levels["machine"] == levels["software"] == "ok"


def test_a_box_that_is_well_is_0_and_each_thing_was_tried(tmp_path: Path) -> None:
    done = checked(tmp_path, "--config", str(good(tmp_path)))
    assert done.returncode == 0, done.stdout + done.stderr
    for what in ("configuration", "data", "bundle white", "pipeline", "camera yard", "broker", "clock"):
        assert f" {what}: " in done.stdout
    assert "The configuration is good." in done.stderr and not (tmp_path / "data").exists()
    doctor = checked(tmp_path, "--config", str(good(tmp_path)), command="doctor")
    assert doctor.returncode == 0 and "fsync takes" in doctor.stdout and not (tmp_path / "data").exists()


def test_what_only_shows_when_it_is_tried_is_found(tmp_path: Path) -> None:
    device = good(tmp_path, pipeline={"detect": {"bundle": "white"}, "mine": {"use": f"{SITE}:Unbuildable"}})
    done = checked(tmp_path, "--config", str(device), "--json")
    (wrong,) = [f for f in json.loads(done.stdout)["findings"] if f["level"] == "error"]
    assert done.returncode == 2 and wrong["what"] == "pipeline" and wrong["text"] == "cannot be built: KeyError: 'planogram'"
    assert "Traceback" not in done.stderr


def test_a_camera_that_hangs_does_not_hang_check(tmp_path: Path) -> None:
    device = config(tmp_path, {"use": f"{SITE}:Stuck"})
    done = checked(tmp_path, "--config", str(device), "--timeout", "0.5")
    assert done.returncode == 2 and "camera yard: hangs" in done.stdout


def test_merged_is_whole_and_hides_secrets(tmp_path: Path) -> None:
    pipeline = "videotestsrc ! " + "queue ! " * 30 + "video/x-raw"
    device = good(tmp_path, mqtt={"host": "h", "password": SECRET})
    settings = yaml.safe_load(device.read_text())
    settings["cameras"] |= {
        "csi": {"use": "gstreamer", "pipeline": pipeline},
        "gate": {"use": "rtsp", "url": f"rtsp://me:{SECRET}@10.0.0.1/x"},
    }
    device.write_text(yaml.safe_dump(settings))
    text = checked(tmp_path, "--config", str(device), "--no-probe", "--merged")
    script = checked(tmp_path, "--config", str(device), "--no-probe", "--merged", "--json")
    assert SECRET not in text.stdout + text.stderr + script.stdout
    shown = yaml.safe_load(text.stdout.split("ok      configuration")[0])
    assert shown == json.loads(script.stdout)["merged"]
    assert shown["cameras"]["csi"]["pipeline"] == pipeline, "to be read and copied, so not shortened"
    assert shown["cameras"]["gate"]["url"] == "rtsp://***@10.0.0.1/x" and shown["mqtt"]["password"] == "(hidden)"
    assert shown["pipeline"]["confirm"]["sightings"] > 0


def test_without_any_configuration_check_says_how_to_begin(tmp_path: Path) -> None:
    done = run_vedette("check", folder=tmp_path)
    assert done.returncode == 0 and "WARNING cameras: none is set up" in done.stdout and "run `vedette init`" in done.stdout
