from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import ConfigError, StorageError
from dataset.exporter import Exporter
from dataset.native import NativeReader
from device.clock import SystemClock
from device.export.export_options import ExportOptions
from device.export.training import Training
from device.keep.exports import ExportShelf
from device.keep.shelves import shelves
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.teaching import DatasetExports, by_command, exports_of, recorded
from tests.dataset.scenery import WHEN, fill


def training(data: Path) -> Training:
    return Training(data, ExportOptions(enabled=True), clock=SystemClock(), tally=Tally(), board=Board(), identities={})


def test_the_janitor_is_offered_what_the_trainer_has_before_what_only_this_box_has(tmp_path: Path) -> None:
    writing = training(tmp_path)
    shelf = ExportShelf(DatasetExports(writing, tmp_path, SystemClock()))
    assert list(shelf.items("oldest")) == []
    assert shelf.totals().count == 0
    assert not (tmp_path / "dataset").exists(), "nothing is made for the janitor's sake"
    names = fill(writing.opened(), range(3))
    writing.opened().commit()
    writing.opened().acknowledge([names[2]], "trainer", WHEN)
    offered = list(shelf.items("oldest"))
    assert [(Path(each.name).stem, each.acknowledged) for each in offered] == [(names[2], True), (names[0], False), (names[1], False)]
    assert (tmp_path / offered[0].name).stat().st_size == offered[0].bytes
    totals = shelf.totals()
    assert (totals.count, totals.bytes) == (3, sum(each.bytes for each in offered))
    assert totals.unacknowledged_bytes == totals.bytes - offered[0].bytes
    shelf.remove(offered[0], "exports over budget")
    shelf.remove(offered[0], "exports over budget")
    writing.opened().close()
    reader = NativeReader(tmp_path / "dataset")
    assert {item.id for item in reader} == set(names[:2])
    reader.close()


def test_a_data_set_that_a_tool_has_open_is_no_reason_for_the_janitor_to_die(tmp_path: Path) -> None:
    with Exporter(tmp_path / "dataset") as tool:
        fill(tool, range(1))
        tool.commit()
        shelf = ExportShelf(DatasetExports(training(tmp_path), tmp_path, SystemClock()))
        for asked in (shelf.totals, lambda: list(shelf.items("oldest"))):
            with pytest.raises(StorageError, match="writes to this data set"):
                asked()
    assert shelf.totals().count == 1


def test_on_anothers_disk_no_training_data_goes(tmp_path: Path) -> None:
    why = "the recordings of another box are on this disk"
    exports = DatasetExports(training(tmp_path), tmp_path, SystemClock())
    found = {shelf.name: shelf.distrusted for shelf in shelves(tmp_path, SystemClock(), print, exports=exports, foreign=lambda: why)}
    assert found["exports"] == why
    assert ExportShelf(exports).distrusted == ""


def test_without_export_there_is_nothing_to_remove_and_the_command_says_how_to_turn_it_on(tmp_path: Path) -> None:
    assert exports_of(None, tmp_path, SystemClock()) is None
    with pytest.raises(ConfigError, match="VEDETTE_EXPORT__ENABLED=true"):
        by_command(None, {})


def test_what_was_recorded_is_clips_and_takes_of_all_cameras() -> None:
    tally = Tally()
    for camera, what, n in (("a", "clip_bytes", 3), ("b", "take_bytes", 4), ("a", "packets", 100)):
        tally.count(camera, what, by=n)
    assert recorded(tally) == 7
