"""Configurations that are wrong: each fault is named with its file and line, key, value and mend, and check exits non-zero."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from device.config import load, merge
from device.main import main
from device.problems import BadConfig

GOOD = """device_id: box-01
cameras:
  yard:
    use: pattern
    pace: realtime
"""
# name -> (device.yaml, environment, what must be said: where, key, value, mend)
BROKEN: dict[str, tuple[str, dict[str, str], tuple[str, ...]]] = {
    "an unclosed bracket": ("cameras: {yard: {use: pattern\n", {}, ("device.yaml:", "not valid YAML", "close every bracket")),
    "a tab": ("cameras:\n\tyard: {}\n", {}, ("device.yaml:2", "not valid YAML", "indent with spaces")),
    "a list at the top": ("- a\n- b\n", {}, ("device.yaml:1", "not a mapping", "key: value")),
    "a key twice": ("device_id: box-01\ndevice_id: box-02\n", {}, ("device.yaml:2", "device_id", "written twice", "keep one")),
    "an unknown key": ("camera: {}\n", {}, ("device.yaml:1", "camera", "not a known key", "did you mean `cameras`?")),
    "a camera without use": (
        "cameras:\n  yard:\n    path: /dev/video0\n",
        {},
        ("device.yaml:2", "cameras.yard.use", "missing", "add `use:`"),
    ),
    "an unknown source": ("cameras:\n  yard: {use: rtps}\n", {}, ("device.yaml:2", "cameras.yard.use", "'rtps'", "did you mean `rtsp`?")),
    "a misspelt option": (
        "cameras:\n  yard:\n    use: pattern\n    widht: 640\n",
        {},
        ("device.yaml:4", "cameras.yard.widht", "640", "did you mean `width`?"),
    ),
    "a missing option": ("cameras:\n  yard: {use: rtsp}\n", {}, ("device.yaml:2", "cameras.yard.url", "missing", "add `url:`")),
    "a word for a number": (
        GOOD + "detection_fps: fast\n",
        {},
        ("device.yaml:6", "detection_fps", "'fast'", "number"),
    ),
    "a number out of range": (GOOD + "detection_fps: 0\n", {}, ("device.yaml:6", "detection_fps", "0", "greater than 0")),
    "a device id with capitals": ("device_id: Box_01\n", {}, ("device.yaml:1", "device_id", "'Box_01'", "match")),
    "the device id fleet": ("device_id: fleet\n", {}, ("device.yaml:1", "device_id", "names all boxes", "a name of its own")),
    "an unknown profile": ("profile: stret\n", {}, ("device.yaml:1", "profile", "'stret'", "did you mean `street`?")),
    "an unknown stage": (
        GOOD + "pipeline:\n  blur: {use: blurr}\n",
        {},
        ("device.yaml:7", "pipeline.blur.use", "'blurr'", "choose one of"),
    ),
    "a stage option out of range": (
        GOOD + "pipeline:\n  confirm: {sightings: 0}\n",
        {},
        ("device.yaml:7", "pipeline.confirm.sightings", "0", "greater than or equal to 1"),
    ),
    "a stage of a site that is not installed": (
        GOOD + 'pipeline:\n  mine: {use: "nobody.has:This"}\n',
        {},
        ("device.yaml:7", "pipeline.mine.use", "nobody.has:This", "cannot be loaded", "install what it needs"),
    ),
    "a zone of two points": (
        "cameras:\n  yard:\n    use: pattern\n    zones:\n      door: {points: [[0, 0], [1, 1]]}\n",
        {},
        ("device.yaml:5", "cameras.yard.zones.door.points", "at least 3 points", "add the corners"),
    ),
    "a zone outside the picture": (
        "cameras:\n  yard:\n    use: pattern\n    zones:\n      door: {points: [[0, 0], [640, 0], [0, 480]]}\n",
        {},
        ("device.yaml:5", "cameras.yard.zones.door.points", "outside the picture", "fractions from 0 to 1"),
    ),
    "a page open to all without a lock": (
        GOOD + "page: {host: 0.0.0.0}\n",
        {},
        ("device.yaml:6", "page", "neither a token nor a password", "VEDETTE_PAGE__PASSWORD"),
    ),
    "a port that is none": (GOOD + "mqtt: {port: 70000}\n", {}, ("device.yaml:6", "mqtt.port", "70000", "less than or equal to 65535")),
    "a broker option that is none": (GOOD + "mqtt: {hots: a}\n", {}, ("device.yaml:6", "mqtt.hots", "did you mean `host`?")),
    "a negative pre-roll": (
        GOOD + "record: {pre_roll_ms: -1}\n",
        {},
        ("device.yaml:6", "record.pre_roll_ms", "-1", "greater than or equal to 0"),
    ),
    "a camera that is null": ("cameras:\n  yard:\n", {}, ("device.yaml:2", "cameras.yard")),
    "a misspelt variable": (GOOD, {"VEDETTE_MQQT__HOST": "a"}, ("environment", "VEDETTE_MQQT__HOST", "not a variable", "VEDETTE_MQTT")),
    "a variable with a bad value": (
        GOOD,
        {"VEDETTE_DETECTION_FPS": "abc"},
        ("environment VEDETTE_DETECTION_FPS", "detection_fps", "'abc'", "number"),
    ),
    "a misspelt variable inside": (
        GOOD,
        {"VEDETTE_MQTT__PROT": "1883"},
        ("environment VEDETTE_MQTT__PROT", "mqtt.prot", "did you mean `port`?"),
    ),
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", BROKEN)
def test_check_names_file_key_value_and_mend_and_exits_non_zero(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, environment, expected = BROKEN[name]
    path = tmp_path / "device.yaml"
    path.write_text(text)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    code = main(["check", "--config", str(path), "--no-probe"])
    said = capsys.readouterr().err
    assert code == 2
    for part in expected:
        assert part in said, f"{name}: {part!r} is not in:\n{said}"


def test_a_good_configuration_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "device.yaml").write_text(GOOD)
    assert main(["check", "--config", str(tmp_path / "device.yaml"), "--no-probe"]) == 0
    assert "profile street, 1 camera(s)" in capsys.readouterr().out


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "device.yaml").write_text("device_id: X\ndetection_fps: 0\ncameras:\n  a: {use: nothing}\n  b: {use: rtsp}\n")
    with pytest.raises(BadConfig) as bad:
        load(tmp_path / "device.yaml")
    assert {p.key for p in bad.value.problems} >= {"device_id", "detection_fps"}


def test_a_file_that_is_missing_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"absent\.yaml: file: cannot be read: No such file"):
        load(tmp_path / "absent.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadConfig, match=r"bytes\.yaml: file: is not UTF-8"):
        load(tmp_path / "bytes.yaml")


def test_a_fault_in_the_profile_names_the_profile(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("pipeline:\n  confirm: {use: confirm, sightingz: 3}\n")
    (tmp_path / "device.yaml").write_text("profile: mine.yaml\n" + GOOD)
    with pytest.raises(BadConfig, match=r"mine\.yaml:2: pipeline\.confirm\.sightingz = 3: is not a known key; did you mean `sightings`\?"):
        load(tmp_path / "device.yaml")


def test_environment_beats_device_beats_profile_beats_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "device.yaml").write_text(GOOD + "pipeline:\n  confirm: {sightings: 5}\nmqtt: {host: a}\n")
    monkeypatch.setenv("VEDETTE_MQTT__HOST", "b")
    loaded = load(tmp_path / "device.yaml")
    assert loaded.settings.mqtt and loaded.settings.mqtt.host == "b"
    assert loaded.stages["confirm"][1].sightings == 5
    assert loaded.stages["confirm"][1].labels == ("person",)
    assert list(loaded.stages) == ["motion", "detect", "track", "smooth", "zones", "confirm"]


def test_a_secret_is_never_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "device.yaml").write_text(GOOD + "mqtt: {password: hunter2hunter2, username: u}\npage: {token: hunter2}\n")
    main(["check", "--config", str(tmp_path / "device.yaml"), "--no-probe"])
    camera = "cameras:\n  a: {use: rtsp, url: 'rtsp://me:hunter2@10.0.0.1/x'}\n"
    (tmp_path / "device.yaml").write_text(camera + "mqtt: {password: hunter2hunter2}\n")
    main(["check", "--config", str(tmp_path / "device.yaml"), "--no-probe", "--merged"])
    said = capsys.readouterr()
    assert "hunter2" not in said.out + said.err
    assert "10.0.0.1/x" in said.out


def test_json_findings_are_for_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "device.yaml").write_text("cameras:\n  yard: {use: rtps}\n")
    assert main(["check", "--config", str(tmp_path / "device.yaml"), "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    assert answer["findings"][0]["mend"] == "did you mean `rtsp`?"


def test_the_same_configuration_has_the_same_digest_and_secrets_do_not_count(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        (tmp_path / "device.yaml").write_text(text)
        return load(tmp_path / "device.yaml").digest()

    assert digest(GOOD) == digest("# a comment\n" + GOOD)
    assert digest(GOOD) != digest(GOOD + "detection_fps: 5\n")
    assert digest(GOOD) == digest(GOOD + "mqtt: {password: secret-secret}\n")


def test_mappings_merge_and_everything_else_is_replaced() -> None:
    assert merge({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3}, "d": [2]}) == {"a": {"b": 3, "c": 2}, "d": [2]}
