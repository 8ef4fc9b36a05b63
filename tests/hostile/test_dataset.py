"""A data set from a stranger's disk: it never leads out of its folder, never hangs and never fills memory; what is good in it is read."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.errors import StorageError
from dataset.exporter import Exporter
from dataset.lines import MAX_LINE, intact, read_lines
from dataset.native import NativeReader
from dataset.records import read_record
from tests.dataset.scenery import fill, lines
from tests.memory import at_most_mib


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with Exporter(tmp_path / "set") as exporter:
        fill(exporter, range(3))
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("not yours")
    return tmp_path / "set"


def read(root: Path) -> list[str]:
    reader = NativeReader(root)
    try:
        return [item.id for item in reader]
    finally:
        reader.close()


def rewritten(root: Path, **changes: Any) -> None:
    """The last line says something else, without a checksum, as a hand would write it."""
    *before, last = lines(root)
    del last["crc"]
    texts = [json.dumps(each, separators=(",", ":")) for each in [*before, {**last, **changes}]]
    (root / "manifest.jsonl").write_text("\n".join(texts) + "\n")
    (root / "index.sqlite").unlink()


@pytest.mark.parametrize("name", ["images", "annotations", "incoming", "manifest.jsonl", "ontology.json", "index.sqlite", "metadata.json"])
def test_a_link_in_the_place_of_ours_is_refused(root: Path, name: str) -> None:
    path, target = root / name, root.parent / "outside" / "thing"
    path.rename(target)
    path.symlink_to(target)
    before = sorted(each.name for each in root.parent.joinpath("outside").rglob("*"))
    with pytest.raises(StorageError, match="remove it"):
        read(root)
    with pytest.raises(StorageError, match="remove it"):
        Exporter(root)
    assert sorted(each.name for each in root.parent.joinpath("outside").rglob("*")) == before


def test_a_pipe_in_the_place_of_a_file_does_not_hang(root: Path) -> None:
    for name in ("manifest.jsonl", "ontology.json"):
        (root / name).unlink()
        os.mkfifo(root / name)
        with pytest.raises(StorageError, match="remove it"):
            read(root)
        (root / name).unlink()
        (root / name).write_bytes(b"")


def test_a_picture_that_is_a_link_or_a_pipe_is_not_opened(root: Path) -> None:
    first, second, third = (root / "images" / f"{name}.png" for name in read(root))
    first.unlink()
    first.symlink_to(root.parent / "outside" / "secret")
    second.unlink()
    os.mkfifo(second)
    reader = NativeReader(root)
    assert [item.path for item in reader] == [None, None, third]
    assert reader.findings.noted == {"no picture": 2}
    reader.close()


def test_an_annotation_that_is_a_link_is_replaced_and_its_target_left_alone(root: Path) -> None:
    name = read(root)[0]
    path, secret = root / "annotations" / f"{name}.json", root.parent / "outside" / "secret"
    path.unlink()
    path.symlink_to(secret)
    (root / "index.sqlite").unlink()
    with Exporter(root) as exporter:
        exporter.refresh()
    assert secret.read_text() == "not yours"
    assert not path.is_symlink()


@pytest.mark.parametrize(
    "changes",
    [
        {"image": "../../outside/secret"},
        {"image_id": "../../outside/secret", "image": "images/../../outside/secret.png"},
        {"width": 10**30},
        {"width": 0},
        {"bytes": -1},
        {"bytes": 10**30},
        {"skipped_before": {"x": 10**30}},
        {"skipped_before": {"x": -1}},
        {"timestamp": "9999-99-99T00:00:00Z"},
        {"sampling_probability": 0},
        {"labels": [{"bbox": [0, 0, 1e300, 5], "category_id": 1, "category_name": "x", "confidence": 1, "source": "x", "verified": False}]},
        {"labels": [{"bbox": [0, 0, 5, 5], "category_id": 0, "category_name": "x", "confidence": 1, "source": "x", "verified": False}]},
        {"phash": "xyz"},
        {"session": "../up"},
        {"labels": json.loads("[" * 400 + "]" * 400)},
    ],
)
def test_a_record_that_cannot_be_is_left_out_and_the_others_are_read(root: Path, changes: dict[str, Any]) -> None:
    rewritten(root, **changes)
    assert len(read(root)) == 2
    with Exporter(root) as exporter:
        assert exporter.store.index.damaged == 1
        assert exporter.summary().total_images == 2


def test_a_line_of_very_many_bytes_takes_no_memory(root: Path) -> None:
    with (root / "manifest.jsonl").open("r+b") as file:
        file.seek(0, os.SEEK_END)
        end = file.tell()
        file.truncate(end + (200 << 20))  # zeros, on most file systems without taking room
    (root / "index.sqlite").unlink()
    with at_most_mib(60):
        assert len(read(root)) == 3
        with Exporter(root) as exporter:
            assert exporter.summary().total_images == 3
            assert exporter.store.torn_bytes == 0, "it is too long to be ours: it is kept"


def test_an_index_that_lies_shows_nothing_that_is_not_in_the_manifest(root: Path) -> None:
    rows = sqlite3.connect(root / "index.sqlite")
    rows.execute("UPDATE records SET start = start + 17")
    rows.execute("UPDATE images SET first = -1, last = 99, bytes = -5")
    rows.commit()
    rows.close()
    reader = NativeReader(root)
    assert list(reader) == []
    assert reader.findings.skipped["damaged line"] == 3
    reader.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(max_size=60), max_size=12))
def test_any_bytes_are_lines_that_end_where_the_next_begins(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("lines") / "any"
    data = b"".join(parts)
    path.write_bytes(data)
    handle = os.open(path, os.O_RDONLY)
    try:
        found = list(read_lines(handle))
        assert b"".join((line.text or b"") + (b"\n" if line.whole else b"") for line in found) == data
        assert [line.start for line in found[1:]] == [line.end for line in found[:-1]]
        assert all(read_record(line.text) is None for line in found)
    finally:
        os.close(handle)


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=4), st.integers(0, 10**6))
def test_a_changed_byte_is_noticed(change: bytes, where: int) -> None:
    text = b'{"id":"0a","bbox":[1,2,3,4]'
    line = text + b',"crc":"%08x"}' % zlib.crc32(text)
    at = where % (len(text) - len(change))
    changed = line[:at] + change + line[at + len(change) :]
    assert intact(line) == line
    assert changed == line or intact(changed) is None


def test_lines_longer_than_a_record_can_be_are_skipped_whole(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"a\n" + b"x" * (MAX_LINE + 1) + b"\nb\n" + b"y" * MAX_LINE + b"\n")
    handle = os.open(path, os.O_RDONLY)
    assert [line.text and len(line.text) for line in read_lines(handle)] == [1, None, 1, MAX_LINE]
    os.close(handle)


def test_a_folder_that_is_no_data_set_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"no manifest\.jsonl"):
        read(tmp_path)
    assert not list(tmp_path.iterdir())
    shutil.rmtree(tmp_path)
