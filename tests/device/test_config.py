"""Configurations that are wrong: each fault is named with its file and line, key, value and mend, and check exits non-zero."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from device.config import Loaded, host_id, load, merge
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
    "a device id with capitals": (
        "device_id: Box_01\n",
        {},
        ("device.yaml:1", "device_id", "'Box_01'", "written as it must be", "it has to fit ^[a-z0-9-]{3,40}$"),
    ),
    "a number for a length of time": (
        GOOD + "storage: {clips: {max_age: 30}}\n",
        {},
        ("device.yaml:6", "storage.clips.max_age", "30 is not text", "in quotes, with its unit"),
    ),
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
    "a variable of the trainer's that looks like ours": (
        GOOD,
        {"VEDETTE_MQTT_PASSWORD": "hush"},
        ("environment", "VEDETTE_MQTT_PASSWORD", "not a variable", "VEDETTE_MQTT"),
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


@pytest.mark.parametrize(("host", "name"), [("homeassistant", "box-homeassistant"), ("Trainer_7", "box-trainer-7"), ("yard", "yard")])
def test_a_box_is_called_as_its_machine_but_never_as_who_may_command_boxes(host: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: host)
    assert host_id() == name


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


def test_a_value_is_said_once_and_a_whole_section_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "device.yaml").write_text(GOOD + "record: {when: {time_zone: Europe/Wien}}\npage: {host: 0.0.0.0}\n")
    with pytest.raises(BadConfig) as bad:
        load(tmp_path / "device.yaml")
    zone, page = map(str, bad.value.problems)
    assert zone.count("Europe/Wien") == 1
    assert "page: host 0.0.0.0 can be reached by others" in page


def test_a_good_configuration_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "device.yaml").write_text(GOOD)
    assert main(["check", "--config", str(tmp_path / "device.yaml"), "--no-probe"]) == 0
    assert "profile street, 1 camera(s)" in capsys.readouterr().out


def test_variables_of_the_trainer_on_the_same_machine_are_no_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [path.read_text() for path in (Path(__file__).parents[2] / "trainer").rglob("*.py")]
    known = {name for text in sources for name in re.findall(r"VEDETTE_[A-Z][A-Z_]*[A-Z]", text)}
    assert "VEDETTE_TRAINER_HOME" in known
    for name in known - {"VEDETTE_MQTT_PASSWORD", "VEDETTE_EXPORT_TOKEN"}:
        monkeypatch.setenv(name, "/somewhere")
    (tmp_path / "device.yaml").write_text(GOOD)
    assert main(["check", "--config", str(tmp_path / "device.yaml"), "--no-probe"]) == 0


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
    one, other = ("pipeline: {" + ", ".join(f"{name}: {{use: steady}}" for name in names) + "}\n" for names in ("ab", "ba"))
    assert digest(GOOD + one) != digest(GOOD + other), "stages run in their order"


def test_mappings_merge_and_everything_else_is_replaced() -> None:
    assert merge({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3}, "d": [2]}) == {"a": {"b": 3, "c": 2}, "d": [2]}


KEYS = st.sampled_from(
    [
        "device_id",
        "profile",
        "data",
        "detection_fps",
        "cameras",
        "pipeline",
        "model",
        "record",
        "pictures",
        "mqtt",
        "outbox",
        "page",
        "health",
        "event_log",
        "use",
        "yard",
        "confirm",
        "detect",
        "zones",
        "points",
        "url",
        "path",
        "options",
        "bundle",
        "pace",
        "password",
        "token",
        "host",
        "_env_file",
        "_cli_parse_args",
        "__pydantic_self__",
        "self",
        "values",
        "model_config",
        "",
    ]
) | st.text(max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.binary(max_size=4)
    | st.text(max_size=12)
    | st.sampled_from(
        [
            "street",
            "pattern",
            "rtsp",
            "file",
            "confirm",
            "realtime",
            ":",
            "a:b",
            ".x:Y",
            "os:getcwd",
            "antigravity",
            "../x.yaml",
            "x" * 300,
            "/",
        ]
    )
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12)
TOPS = st.dictionaries(KEYS, VALUES, max_size=5)


def loaded_or_refused(path: Path) -> None:
    try:
        assert isinstance(load(path), Loaded)
    except BadConfig as bad:
        assert bad.problems and str(bad)


@given(document=TOPS)
def test_any_yaml_is_a_configuration_or_refused_in_words(document: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8", errors="surrogatepass")
    loaded_or_refused(path)


@given(content=st.binary(max_size=200) | st.text("ab:{}[]&*!|>'\"%@`#-?, \n\t<=0.~", max_size=80).map(str.encode))
def test_any_bytes_are_a_configuration_or_refused_in_words(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any-bytes.yaml"
    path.write_bytes(content)
    loaded_or_refused(path)


NAMES = st.sampled_from(
    [
        "MQTT",
        "MQTT__HOST",
        "MQTT__",
        "__",
        "CAMERAS",
        "CAMERAS__YARD",
        "CAMERAS__YARD__USE",
        "PIPELINE__CONFIRM__SIGHTINGS",
        "DATA",
        "PROFILE",
        "PAGE__PASSWORD",
        "RECORD",
        "MODEL__FOLDERS",
        "DETECTION_FPS",
    ]
)


@given(
    environment=st.dictionaries(
        NAMES,
        st.text(st.characters(min_codepoint=1, codec="utf-8"), max_size=10)
        | st.sampled_from(["{bad", "[]", "{}", "null", "[1", '{"a": 1}', "1e999"]),
        max_size=3,
    )
)
def test_any_environment_is_a_configuration_or_refused_in_words(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "good.yaml"
    path.write_text(GOOD)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(f"VEDETTE_{name}", value)
        loaded_or_refused(path)


def test_an_empty_variable_means_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "device.yaml").write_text(GOOD + "data: kept\n")
    for name in ("VEDETTE_DATA", "VEDETTE_PROFILE", "VEDETTE_DETECTION_FPS"):
        monkeypatch.setenv(name, "")
    settings = load(tmp_path / "device.yaml").settings
    assert (settings.data, settings.profile, settings.detection_fps) == (Path("kept"), "street", 10)


def test_a_fault_of_an_override_is_the_overrides_and_not_the_files(tmp_path: Path) -> None:
    (tmp_path / "device.yaml").write_text(GOOD + "detection_fps: 5\n")
    with pytest.raises(BadConfig, match=r"^--set: detection_fps = 0: "):
        load(tmp_path / "device.yaml", None, {"detection_fps": 0})
    with pytest.raises(BadConfig, match=r"^--set: cameras\.yard\.widht = 1: is not a known key"):
        load(tmp_path / "device.yaml", None, {"cameras": {"yard": {"widht": 1}}})


def test_a_secret_inside_a_value_that_is_wrong_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "device.yaml").write_text(GOOD + "mqtt: [{password: hunter2hunter2}]\n")
    with pytest.raises(BadConfig) as bad:
        load(tmp_path / "device.yaml")
    (tmp_path / "device.yaml").write_text(GOOD)
    monkeypatch.setenv("VEDETTE_MQTT", '{"password": "hunter2hunter2"')
    with pytest.raises(BadConfig) as worse:
        load(tmp_path / "device.yaml")
    assert "hunter2" not in f"{bad.value} {worse.value}" and "mqtt" in str(bad.value)


def test_zones_that_differ_far_behind_differ_in_the_digest(tmp_path: Path) -> None:
    def digest(last: float) -> str:
        points = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.5, 0.95], [0.1, last]]
        (tmp_path / "device.yaml").write_text(yaml.safe_dump({"cameras": {"a": {"use": "pattern", "zones": {"z": {"points": points}}}}}))
        return load(tmp_path / "device.yaml").digest()

    assert digest(0.9) != digest(0.8)


def test_a_profile_that_is_a_folder_or_no_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "device.yaml").write_text(GOOD)
    (tmp_path / "folder.yaml").mkdir()
    for name in (str(tmp_path / "folder.yaml"), "/", "x" * 300, "x" * 300 + ".yaml", "../street"):
        with pytest.raises(BadConfig):
            load(tmp_path / "device.yaml", name)


def test_what_is_plugged_in_must_be_a_class_with_options(tmp_path: Path) -> None:
    for use, what in (
        ("os:getcwd", "has no Options class"),
        ("device.app:Appliance", "has no Options class"),
        (":x", "cannot be loaded"),
        (".relative:X", "cannot be loaded"),
        ("tests.device.site_broken:X", "cannot be loaded: the licence has run out"),
    ):
        (tmp_path / "device.yaml").write_text(GOOD + f'pipeline: {{mine: {{use: "{use}"}}}}\n')
        with pytest.raises(BadConfig, match=what):
            load(tmp_path / "device.yaml")


def test_what_is_said_for_one_run_beats_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "device.yaml").write_text(GOOD + "mqtt: {host: a, window: 3}\nrecord: {pre_roll_ms: 1}\n")
    for name, value in {
        "DETECTION_FPS": "3",
        "MQTT__HOST": "b",
        "MQTT__PORT": "1884",
        "RECORD": "null",
        "PIPELINE__CONFIRM__SIGHTINGS": "7",
    }.items():
        monkeypatch.setenv(f"VEDETTE_{name}", value)
    loaded = load(tmp_path / "device.yaml", None, {"detection_fps": 5, "mqtt": {"host": "c"}})
    mqtt = loaded.settings.mqtt
    assert loaded.settings.detection_fps == 5 and loaded.settings.record is None
    assert mqtt and (mqtt.host, mqtt.port, mqtt.window) == ("c", 1884, 3)
    assert loaded.stages["confirm"][1].sightings == 7
    with pytest.raises(BadConfig, match=r"^--set: detection_fps = -1"):
        load(tmp_path / "device.yaml", None, {"detection_fps": -1})


def test_the_services_own_place_may_be_empty_and_another_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`vedette run --config /etc/vedette/device.yaml` of a box that nobody set up yet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "device.yaml").write_text("device_id: another-box\n")
    monkeypatch.setattr("device.config.DEVICE_FILES", (Path("device.yaml"), tmp_path / "etc" / "device.yaml"))
    assert load(tmp_path / "etc" / "device.yaml").settings.device_id != "another-box"
    with pytest.raises(BadConfig, match="cannot be read"):
        load(tmp_path / "etc" / "other.yaml")
