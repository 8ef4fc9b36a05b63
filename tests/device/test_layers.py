"""Layers: what each place says, which one counts, and what a pushed revision may not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.config import Loaded, load
from device.layers import Layer, Layered, keys_of
from device.main import main
from device.problems import BadConfig

GOOD = "cameras:\n  yard: {use: pattern, zones: {door: {points: [[0, 0], [1, 0], [0, 1]]}}}\ndetection_fps: 2\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def box(folder: Path, *, file: str = GOOD, owner: str | None = None, pushed: str | None = None) -> Path:
    """device.yaml, and what lies in the data folder."""
    data, path = folder / "data", folder / "device.yaml"
    path.write_text(f"data: {data}\n{file}")
    for name, text in {"owner.yaml": owner, "pushed/current/revision.yaml": pushed}.items():
        if text is not None:
            (data / "config" / name).parent.mkdir(parents=True, exist_ok=True)
            (data / "config" / name).write_text(text)
    return path


def test_each_layer_wins_over_those_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fps(**more: Any) -> float:
        return load(box(tmp_path), **more).settings.detection_fps

    assert fps() == 2
    box(tmp_path, owner="detection_fps: 3\n")
    assert fps() == 3
    box(tmp_path, pushed="detection_fps: 4\n")
    assert fps() == 4
    monkeypatch.setenv("VEDETTE_DETECTION_FPS", "5")
    assert fps() == 5
    assert fps(overrides={"detection_fps": 6}) == 6


def test_it_is_known_which_layer_says_a_key_and_on_which_line(tmp_path: Path) -> None:
    path = box(tmp_path, owner="record: {pre_roll_ms: 1}\n", pushed="\ncameras: {yard: {detection_fps: 1}}\n")
    loaded = load(path, None, {"patience_ms": 7})

    def said(*loc: str | int) -> str:
        return loaded.layered.layer(loc)

    assert said("cameras", "yard", "use") == "file" and said("cameras", "yard", "detection_fps") == "pushed"
    assert said("record", "pre_roll_ms") == "owner" and said("record", "post_roll_ms") != "owner"
    assert said("patience_ms") == "command line" and said("health", "interval_s") == "default" and said("pipeline", "detect") == "profile"
    assert loaded.origins.where(("cameras", "yard", "detection_fps")) == f"{tmp_path}/data/config/pushed/current/revision.yaml:2"
    assert loaded.pushed is not None and len(loaded.pushed) == 64


@pytest.mark.parametrize("layer", ["owner", "pushed"])
def test_a_fault_is_said_with_the_file_and_line_of_its_layer(layer: str, tmp_path: Path) -> None:
    where = {"owner": "config/owner.yaml:2", "pushed": "config/pushed/current/revision.yaml:2"}[layer]
    for text, words in (("\ndetection_fsp: 1\n", "did you mean `detection_fps`"), ("\ncameras: [\n", "not valid YAML")):
        with pytest.raises(BadConfig, match=words) as refused:
            load(box(tmp_path, **{layer: text}))
        assert where in str(refused.value) or text.endswith("[\n")
        assert f"{tmp_path}/data/config" in str(refused.value)


FORBIDDEN = {
    "data: /tmp": "data",
    "device_id: other": "device_id",
    "mqtt: {host: evil}": "mqtt.host",
    "mqtt: null": "mqtt",
    "mqtt: {}": "mqtt",
    "page: {host: 0.0.0.0}": "page.host",
    "web: {}": "web",
    "update: {trust: /tmp}": "update.trust",
    "model: {folders: [/tmp]}": "model.folders.0",
    "model: null": "model",
    "export: {dir: /tmp}": "export.dir",
    "recording: {output_dir: /tmp}": "recording.output_dir",
    "profile: ../../tmp/x.yaml": "profile",
    "profile: /tmp/x": "profile",
    "cameras: {yard: {url: 'rtsp://a:b@c/'}}": "cameras.yard.url",
    "cameras: {yard: {url: 'rtsp://c/s?user=a&pass=b'}}": "cameras.yard.url",
    "cameras: {yard: {password: x}}": "cameras.yard.password",
    "pipeline: {mine: {use: 'os:getcwd'}}": "pipeline.mine.use",
    "pipeline: {m: {use: state_machine, machine: /etc/passwd}}": "pipeline.m.machine",
    "cameras: {spy: {use: gstreamer, pipeline: videotestsrc ! hlssink2 location=/etc/x}}": "cameras.spy.pipeline",
    "cameras: {spy: {use: file, path: /home/film.mp4}}": "cameras.spy.path",
    "cameras: {yard: {use: folder, path: /home}}": "cameras.yard.path",
    "cameras: {yard: {use: v4l2, path: /dev/mem}}": "cameras.yard.path",
    "pipeline: {detect: {bundle: /media/stick/mine.vdb}}": "pipeline.detect.bundle",
}


@pytest.mark.parametrize("text", FORBIDDEN)
def test_a_revision_may_not_touch_what_moves_trust_or_locks_out(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig) as refused:
        load(box(tmp_path, pushed=f"\n{text}\n"))
    problem = next(p for p in refused.value.problems if p.key == FORBIDDEN[text] and "revision" in f"{p.what}{p.mend}")
    assert problem.where.endswith("revision.yaml:2")


def test_a_revision_may_say_again_what_this_box_has_and_name_a_camera_by_its_device(tmp_path: Path) -> None:
    file = "cameras:\n  film: {use: file, path: /home/film.mp4}\n  pipe: {use: gstreamer, pipeline: videotestsrc}\n"
    again = load(box(tmp_path, file=file, pushed=file + "  usb: {use: v4l2, path: /dev/video2}\npipeline: {detect: {bundle: other}}\n"))
    assert set(again.settings.cameras) == {"film", "pipe", "usb"}


def test_the_page_may_not_move_the_folder_in_which_its_own_file_lies(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"owner\.yaml:1: data: "):
        load(box(tmp_path, owner="data: /elsewhere\n"))


def test_null_removes_a_key_and_what_is_named(tmp_path: Path) -> None:
    loaded = load(box(tmp_path, pushed="cameras: {yard: {zones: {door: null}}}\ndetection_fps: null\npipeline: {track: null}\n"))
    assert not loaded.settings.cameras["yard"].zones and loaded.settings.detection_fps == 10
    assert "track" not in loaded.settings.pipeline and "detect" in loaded.settings.pipeline


def test_null_takes_the_option_of_a_stage_back_to_its_default(tmp_path: Path) -> None:
    path = box(tmp_path, file=GOOD + "pipeline: {confirm: {sightings: 9}}\n", owner="pipeline: {confirm: {sightings: null}}\n")
    assert load(path).stages["confirm"][1].sightings == 3


def test_null_that_is_a_value_counts_as_one(tmp_path: Path) -> None:
    loaded = load(box(tmp_path, owner="record: null\npictures: {quality: 50}\n", pushed="pictures: null\n"))
    assert loaded.settings.record is None and loaded.settings.pictures is None


def test_what_is_not_there_may_be_removed_by_a_revision_and_not_by_the_first_file(tmp_path: Path) -> None:
    assert set(load(box(tmp_path, pushed="cameras: {other: null}\n")).settings.cameras) == {"yard"}
    with pytest.raises(BadConfig, match=r"cameras\.other"):
        load(box(tmp_path, file="cameras:\n  other:\n", pushed="{}"))


NAMES = st.sampled_from("abc")
TREES = st.recursive(
    st.none() | st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(NAMES, TREES, max_size=3)


def nowhere(_loc: object, _beside: object) -> bool:
    return False


def laid(*documents: dict[str, Any]) -> Layered:
    layered = Layered()
    for name, document in zip(("file", "owner", "pushed"), documents, strict=False):
        layered = layered.over(Layer(name, document, absent=True), nowhere)  # type: ignore[arg-type]
    return layered


def paths(document: dict[str, Any], at: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """By hand: the values that are no mappings."""
    found: dict[tuple[str, ...], Any] = {}
    for key, value in document.items():
        found |= paths(value, (*at, key)) if isinstance(value, dict) else {(*at, key): value}
    return found


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_of_every_value_the_last_layer_that_says_it_counts(first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]) -> None:
    before = json.dumps([first, second, third])
    layered = laid(first, second, third)
    for loc, value in paths(dict(layered.values)).items():
        name, document = next((n, d) for n, d in zip(("pushed", "owner", "file"), (third, second, first), strict=True) if loc in paths(d))
        assert value is not None and value == paths(document)[loc] and layered.layer(loc) == name
    assert json.dumps([first, second, third]) == before, "a layer was changed"


@given(DOCUMENTS, DOCUMENTS)
def test_whatever_a_layer_says_is_so_and_what_it_is_silent_about_stays(under: dict[str, Any], over: dict[str, Any]) -> None:
    merged = paths(dict(laid(under, over).values))
    for loc, value in paths(over).items():
        assert merged.get(loc) == value
    touched = set(keys_of(over))
    for loc, value in paths(under).items():
        if value is not None and not any(loc[:length] in touched for length in range(1, len(loc) + 1)):
            assert merged[loc] == value
    assert laid(under, over, over).values == laid(under, over).values
    assert laid(under, {}).values == laid(under).values


def test_a_loaded_configuration_remembers_how_it_was_said(tmp_path: Path) -> None:
    loaded: Loaded = load(box(tmp_path), "street", {"patience_ms": 1})
    again = load(loaded.said.device_file, loaded.said.profile, loaded.said.overrides)
    assert again.digest() == loaded.digest()


def test_check_says_for_each_key_which_layer_and_line_it_comes_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = box(tmp_path, owner="patience_ms: 3\n", pushed="detection_fps: 4\n")
    assert main(["check", "--config", str(path), "--no-probe", "--layers", "--json", "--set", "record=null"]) == 0
    rows = {row["key"]: row for row in json.loads(capsys.readouterr().out)["layers"]}
    assert rows["detection_fps"] == {
        "key": "detection_fps", "value": "4.0", "layer": "pushed", "where": f"{tmp_path}/data/config/pushed/current/revision.yaml:1",
    }  # fmt: skip
    found = {name: rows[name]["layer"] for name in ("patience_ms", "cameras.yard.use", "record", "health.interval_s", "data")}
    assert found == {
        "patience_ms": "owner", "cameras.yard.use": "file", "record": "command line", "health.interval_s": "default", "data": "file",
    }  # fmt: skip
    assert main(["check", "--config", str(path), "--no-probe", "--layers"]) == 0
    assert f"patience_ms = 3  [owner] {tmp_path}/data/config/owner.yaml:1" in capsys.readouterr().out


def test_a_revision_can_be_checked_before_it_is_in_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = box(tmp_path, pushed="detection_fps: 4\n")
    (tmp_path / "new.yaml").write_text("detection_fsp: 1\n")
    assert main(["check", "--config", str(path), "--no-probe", "--revision", str(tmp_path / "new.yaml")]) == 2
    assert f"{tmp_path}/new.yaml:1: detection_fsp" in capsys.readouterr().err
