"""The data set against a model, torn and full disks, lost and lying derived files."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts.errors import StorageError
from dataset.exporter import Exporter
from dataset.native import NativeReader
from tests.dataset.scenery import WHEN, about, fill, lines, seen, told, view

SMALL = (16, 12)
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  a sync costs nothing there


class DataSet(RuleBasedStateMachine):
    """What was committed is what is read, whatever crashes, is lost or is removed between."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="vedette-model-", dir=MEMORY))
        self.exporter = Exporter(self.root, batch_size=1000)
        self.time = 0
        self.sure: dict[str, list[int]] = {}
        self.waiting: list[tuple[str, int]] = []
        self.acknowledged: dict[str, int] = {}

    @rule(number=st.integers(0, 6))
    def add(self, number: int) -> None:
        self.time += 1
        added = self.exporter.add(view(number, *SMALL), [], about(self.time))
        self.waiting.append((added.image_id, self.time))

    @rule()
    def commit(self) -> None:
        assert self.exporter.commit() == len(self.waiting)
        for name, time in self.waiting:
            self.sure.setdefault(name, []).append(time)
        self.waiting.clear()

    @rule(torn=st.binary(max_size=40).filter(lambda data: b"\n" not in data), index_lost=st.booleans())
    def crash(self, torn: bytes, index_lost: bool) -> None:
        """Nothing is closed: the lock goes with the process, here with its descriptor."""
        self.exporter.store._undo.close()
        with (self.root / "manifest.jsonl").open("ab") as file:
            file.write(torn)
        if index_lost:
            (self.root / "index.sqlite").unlink()
        self.waiting.clear()
        self.exporter = Exporter(self.root, batch_size=1000)

    @precondition(lambda self: self.sure and not self.waiting)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.sure)))
        self.exporter.acknowledge([name], "trainer", WHEN)
        self.acknowledged[name] = len(self.sure[name])

    @precondition(lambda self: self.sure and not self.waiting)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.sure)))
        self.time += 1
        may = self.acknowledged.get(name) == len(self.sure[name])
        assert self.exporter.remove([name], "retention", WHEN) == ([name] if may else [])
        if may:
            del self.sure[name], self.acknowledged[name]

    @invariant()
    def what_is_read_is_what_was_committed(self) -> None:
        reader = NativeReader(self.root)
        try:
            assert {item.id: item.path is not None for item in reader} == dict.fromkeys(self.sure, True)
            assert reader.findings.clean
            for name, times in self.sure.items():
                known = self.exporter.store.known(name)
                assert known is not None
                assert [record.pts_ns for record in self.exporter.store.records(known)] == [time * 1_000_000_000 for time in times]
        finally:
            reader.close()

    def teardown(self) -> None:
        self.exporter.close()
        shutil.rmtree(self.root)


DataSet.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
TestDataSet = DataSet.TestCase


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder on which a sync costs nothing, where there is one."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


def test_a_manifest_cut_at_any_byte_opens_and_keeps_every_whole_line(memory: Path) -> None:
    with Exporter(memory / "whole") as exporter:
        fill(exporter, range(3))
    manifest = (memory / "whole" / "manifest.jsonl").read_bytes()
    last = manifest.rstrip(b"\n").rindex(b"\n")
    for cut in range(last - 20, len(manifest) + 1):
        root = memory / "cut"
        shutil.copytree(memory / "whole", root)
        (root / "manifest.jsonl").write_bytes(manifest[:cut])
        (root / "index.sqlite").unlink()
        with Exporter(root) as exporter:
            kept = manifest[:cut].count(b"\n") + (manifest[:cut].endswith(b'"}'))
            assert exporter.store.index.lines == kept
            exporter.add(view(9), [], about(9))
        assert len(lines(root)) == kept + 1
        shutil.rmtree(root)


def test_a_line_that_was_damaged_is_left_out_and_said(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        names = fill(exporter, range(3))
    manifest = (tmp_path / "manifest.jsonl").read_bytes()
    (tmp_path / "manifest.jsonl").write_bytes(manifest.replace(b"2026-11-22T03:36:27", b"2026-11-22T03:36:37"))
    (tmp_path / "index.sqlite").unlink()
    reader = NativeReader(tmp_path)
    assert [item.id for item in reader] == [names[0], names[2]]
    assert reader.findings.skipped == {"damaged line": 1}
    reader.close()
    with Exporter(tmp_path) as exporter:
        assert exporter.store.index.damaged == 1
    assert (tmp_path / "manifest.jsonl").read_bytes().count(b"\n") == 3


@pytest.mark.parametrize("what", ["index.sqlite", "metadata.json", "ontology.json", "annotations"])
def test_what_is_derived_can_be_deleted(tmp_path: Path, what: str) -> None:
    with Exporter(tmp_path) as exporter:
        names = fill(exporter, range(4))
    before = {path.name: path.read_bytes() for path in tmp_path.rglob("*.json")}
    path = tmp_path / what
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    if what == "annotations":
        (tmp_path / "index.sqlite").unlink()  # which thinks that they are there
    with Exporter(tmp_path) as exporter:
        exporter.refresh()
        assert exporter.summary().total_images == len(names)
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*.json")} == before


def test_an_index_of_another_data_set_is_not_believed(tmp_path: Path) -> None:
    for name, numbers in (("a", range(3)), ("b", range(10, 15))):
        with Exporter(tmp_path / name) as exporter:
            fill(exporter, numbers)
    shutil.copy(tmp_path / "b" / "index.sqlite", tmp_path / "a" / "index.sqlite")
    with Exporter(tmp_path / "a") as exporter:
        assert exporter.summary().total_images == 3
    (tmp_path / "a" / "index.sqlite").write_bytes(b"SQLite format 3\0" + os.urandom(5000))
    with Exporter(tmp_path / "a") as exporter:
        assert exporter.summary().total_images == 3


def test_a_picture_whose_file_was_lost_is_stored_again_when_it_comes_again(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        (name,) = fill(exporter, range(1))
        exporter.commit()
        exporter.store.layout.image(name).unlink()
        exporter.add(view(0), [seen("car")], about(7))
    assert (tmp_path / "images" / f"{name}.png").exists()
    assert told(tmp_path, name)["observation_count"] == 2


def test_only_the_newest_of_very_many_observations_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataset.refresh.LISTED", 3)
    with Exporter(tmp_path) as exporter:
        for number in range(5):
            name = exporter.add(view(0), [], about(number)).image_id
    file = told(tmp_path, name)
    assert file["observation_count"] == 5
    assert len(file["observations"]) == 3


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real one, of a megabyte."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=False, capture_output=True).returncode:
        pytest.skip("this machine mounts nothing")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("left", [0, 5_000, 9_000, 20_000, 60_000, 100_000])
def test_a_full_disk_loses_nothing_that_was_acknowledged_and_room_brings_it_back(small_disk: Path, left: int) -> None:
    root = small_disk / "set"
    exporter = Exporter(root, batch_size=4)
    names = fill(exporter, range(8))
    exporter.commit()
    ballast = small_disk / "ballast"
    free = os.statvfs(small_disk).f_bavail * 4096
    ballast.write_bytes(bytes(max(0, free - left)))
    sure = exporter.committed
    with pytest.raises(StorageError, match="free some room"):
        for number in range(100, 300):
            exporter.add(view(number, 128, 96), [seen()], about(number))
            sure = exporter.committed
    ballast.unlink()
    fill(exporter, range(8, 12))
    exporter.close()
    assert len(lines(root)) == exporter.committed >= sure + 4  # what waited when the disk was full may have made it after all
    with Exporter(root) as again:
        again.refresh()
        assert again.summary().statistics.records_with_screenshots == exporter.committed
        assert not list((root / "incoming").iterdir())
    assert {name for name in names if not (root / "images" / f"{name}.png").exists()} == set()
    assert len(list((root / "images").iterdir())) == len({line["image"] for line in lines(root)})
