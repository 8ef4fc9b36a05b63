"""Sightings on the disk: every value comes back to the last bit, what is torn or another's is not used."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from contracts.errors import ConfigError, StorageError
from device.batch.exact import back, plain
from device.batch.sightings import Sheet, SizedPlanes, check_whole, scenes
from device.batch.units import ROW, Unit
from vision.types import Detections, Frame, Scene

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 62), 1 << 62) | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
columns = arrays.arrays(st.sampled_from(["<f4", "<f8", "<i4", "<i8", "?", "u1"]), arrays.array_shapes(min_dims=1, max_dims=2, max_side=4))


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and all(map(same, one.ravel().tolist(), other.ravel().tolist()))
    if isinstance(one, float):
        return type(other) is float and ((math.isnan(one) and math.isnan(other)) or repr(one) == repr(other))
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


def through(scene: Scene, folder: Path) -> Scene:
    sheet = Sheet("u")
    sheet.add(scene)
    (folder / "s.jsonl").write_bytes(sheet.whole({"offered": 1}))
    (found,) = scenes(folder / "s.jsonl", "yard", 1_000)
    return found


def scene(**data: Any) -> Scene:
    xyxy = np.array([[0.1, 1 / 3, 1e-8, 3.4e38], [1, 2, 3, 4]], np.float32)
    found = Detections(xyxy, np.array([0.1, np.nan], np.float32), np.array([0, 2], np.int32), data)
    return Scene(Frame("yard", 7, 40_000_001, 0, 0, SizedPlanes(640, 360)), found, ("a", "ß"), {}, (), "sha256:x")


@given(values)
def test_any_value_of_a_scene_comes_back(value: Any) -> None:
    assert same(back(plain(value)), value)


@given(columns)
def test_any_column_comes_back_to_the_last_bit(column: Any) -> None:
    found = back(plain(column))
    assert same(found, column)
    if not np.isnan(column.astype(float)).any():
        assert found.tobytes() == column.tobytes()


def test_a_frame_comes_back_with_rows_columns_and_features(tmp_path: Path) -> None:
    text = np.empty(2, object)
    text[:] = ["a → b", None]
    fields = np.empty(2, object)
    fields[:] = [{"who": "x"}, None]
    given = scene(text=text, fields=fields, text_confidence=np.array([0.5, np.nan], np.float32))
    found = through(given, tmp_path)
    assert (found.frame.seq, found.frame.pts_ns, found.frame.wall_ns, found.frame.planes.width) == (7, 40_000_001, 40_001_001, 640)
    assert found.labels == ("a", "ß") and found.model == "sha256:x" and found.detections.status == "ok"
    for name in ("xyxy", "confidence", "class_id"):
        assert getattr(found.detections, name).tobytes() == getattr(given.detections, name).tobytes()
    assert found.detections.data["text"].tolist() == ["a → b", None] and found.detections.data["fields"].tolist() == [{"who": "x"}, None]
    with pytest.raises(ConfigError, match="looks at the picture"):
        found.frame.planes.bgr()


def test_what_json_has_no_word_for_is_refused_with_its_kind() -> None:
    with pytest.raises(ConfigError, match="a set"):
        plain({1, 2})
    with pytest.raises(StorageError):
        back({"array": "<f4", "shape": [9], "values": [1.0]})


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b.replace(b'"u"', b'"v"')])
def test_what_is_torn_or_of_another_unit_is_not_used(spoil: Any) -> None:
    sheet = Sheet("u")
    sheet.add(scene())
    whole = sheet.whole({"offered": 3})
    assert check_whole(whole, "u") == {"offered": 3}
    with pytest.raises(StorageError):
        check_whole(spoil(whole), "u")


def test_a_unit_travels_as_json_and_a_bomb_is_none() -> None:
    rows = np.zeros(1000, ROW)
    rows["pts_ns"] = np.arange(1000) * 40_000_000
    rows["key"][::25] = True
    unit = Unit("f", 3, "yard", "ab" * 32, 5, -7, 10.0, 100, 150, 1100, rows, 4, None, (1, 2))
    found = Unit.from_json(unit.to_json())
    assert found.rows.tobytes() == rows.tobytes() and found.passed == (1, 2) and found.key == unit.key
    assert unit.seconds == pytest.approx(949 * 0.04)
    with pytest.raises(ValueError, match="999"):
        Unit.from_json(unit.to_json().replace('"count": 1000', '"count": 999'))
