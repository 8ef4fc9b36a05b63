from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import ConfigError, HardwareError, ProtocolError, StorageError
from dataset.exporter import Exporter
from dataset.marks import click
from dataset.receipts import Receipts
from tests.dataset.scenery import WHEN, about, fill, lines, seen, view
from tests.trainer.boxes import TOKEN, RunningBox, contents, offer
from trainer.receive import Receiver
from trainer.receive_http import HttpBox
from trainer.receive_report import Report

Start = Callable[..., RunningBox]


@pytest.fixture
def start() -> Iterator[Start]:
    boxes: list[RunningBox] = []

    def one(root: Path, device: str = "box-1", **options: Any) -> RunningBox:
        boxes.append(RunningBox(root, device, **options))
        return boxes[-1]

    yield one
    for box in boxes:
        box.stop()


def fetched(box: RunningBox, into: Path, **options: Any) -> Report:
    report, visitor = Report(), box.visitor()
    try:
        Receiver(into, least_s=0.01).round(visitor, report, **options)
    finally:
        visitor.close()
    return report


def acknowledged(root: Path) -> list[bool]:
    with Exporter(root) as exporter:
        return [known.acknowledged for known in exporter.store.index.pictures()]


def test_everything_a_box_has_comes_and_is_acknowledged(tmp_path: Path, start: Start) -> None:
    with Exporter(tmp_path / "box") as exporter:
        fill(exporter, range(30))
        exporter.add(view(3), [click("door", 9, 9)], about(40, session="two"))
    report = fetched(start(tmp_path / "box"), tmp_path / "here")
    assert (report.records, report.pictures, report.known, report.unacknowledged) == (31, 30, 0, 0)
    assert contents(tmp_path / "here") == contents(tmp_path / "box")
    assert acknowledged(tmp_path / "box") == [True] * 30


def test_fetching_again_brings_only_what_is_new(tmp_path: Path, start: Start) -> None:
    with Exporter(tmp_path / "box") as exporter:
        fill(exporter, range(3))
        exporter.commit()
        box = start(tmp_path / "box")
        assert fetched(box, tmp_path / "here").records == 3
        assert fetched(box, tmp_path / "here").pages == 0
        fill(exporter, range(3, 5))
        exporter.commit()
        report = fetched(box, tmp_path / "here")
    assert (report.records, report.known) == (2, 0)


def test_a_record_that_comes_while_the_page_is_fetched_is_not_acknowledged_with_it(tmp_path: Path, start: Start) -> None:
    with Exporter(tmp_path / "box") as exporter:
        names = fill(exporter, range(2))
        exporter.commit()
        fetched(start(tmp_path / "box"), tmp_path / "here")
        exporter.review(names[0], [seen("car")], about(9, source="me"))
        exporter.commit()
        assert [known.acknowledged for known in exporter.store.index.pictures()] == [False, True]
        assert exporter.remove(names, "room", WHEN) == [names[1]]


def test_where_it_is_from_is_kept_and_classes_get_the_numbers_they_have_here(tmp_path: Path, start: Start) -> None:
    with Exporter(tmp_path / "box") as exporter:
        exporter.add(view(0), [seen("car"), seen("person")], about(0))
    with Exporter(tmp_path / "here") as exporter:
        exporter.add(view(7), [seen("person")], about(0))
    fetched(start(tmp_path / "box", "box-7"), tmp_path / "here")
    mine, theirs = lines(tmp_path / "here")
    assert "device" not in mine
    assert (theirs["device"], theirs["session"], theirs["source"]) == ("box-7", "box-7:one", "yard")
    assert [(each["category_name"], each["category_id"]) for each in theirs["labels"]] == [("car", 2), ("person", 1)]


def test_a_picture_that_two_boxes_have_is_fetched_once_and_both_say_what_they_saw(tmp_path: Path, start: Start) -> None:
    reports = []
    for device in ("box-1", "box-2"):
        with Exporter(tmp_path / device) as exporter:
            fill(exporter, range(4))
        reports.append(fetched(start(tmp_path / device, device), tmp_path / "here"))
    assert [(each.records, each.pictures) for each in reports] == [(4, 4), (4, 0)]
    assert len(list((tmp_path / "here" / "images").iterdir())) == 4
    told = json.loads(next((tmp_path / "here" / "annotations").iterdir()).read_text())
    assert told["observation_count"] == 2


def test_a_box_that_comes_back_is_gone_on_with(tmp_path: Path, start: Start) -> None:
    with Exporter(tmp_path / "box") as exporter:
        fill(exporter, range(6))
    box = start(tmp_path / "box")
    box.stop()
    with pytest.raises(HardwareError, match="is the box on"):
        fetched(box, tmp_path / "here")
    box.start()
    assert fetched(box, tmp_path / "here").records == 6


def test_a_picture_that_the_box_removed_is_left_out_and_ours_stays(tmp_path: Path, start: Start) -> None:
    with Exporter(tmp_path / "box") as exporter:
        names = fill(exporter, range(3))
        exporter.commit()
        box = start(tmp_path / "box")
        fetched(box, tmp_path / "here")
        late = exporter.add(view(9), [seen()], about(9)).image_id
        exporter.commit()
        exporter.remove([*names, late], "room", WHEN, unacknowledged=True)
        report = fetched(box, tmp_path / "here")
    assert (report.gone, report.removed, report.records) == (1, 4, 0)
    assert set(contents(tmp_path / "here")) == set(names)


def test_half_a_picture_is_gone_on_with_and_a_wrong_half_is_fetched_anew(tmp_path: Path, start: Start) -> None:
    with Exporter(tmp_path / "box") as exporter:
        names = fill(exporter, range(2))
    Receiver(tmp_path / "here")
    folder = tmp_path / "here" / "receiving"
    folder.mkdir()
    whole = (tmp_path / "box" / "images" / f"{names[0]}.png").read_bytes()
    (folder / f"{names[0]}.part").write_bytes(whole[:100])
    (folder / f"{names[1]}.part").write_bytes(b"\0" * 150)
    fetched(start(tmp_path / "box"), tmp_path / "here")
    assert contents(tmp_path / "here") == contents(tmp_path / "box")
    assert not list(folder.iterdir())


def test_another_data_set_under_the_same_name_begins_anew(tmp_path: Path, start: Start) -> None:
    for n, place in enumerate(("old", "new")):
        with Exporter(tmp_path / place) as exporter:
            fill(exporter, range(n * 10, n * 10 + 3))
    assert fetched(start(tmp_path / "old"), tmp_path / "here").records == 3
    assert fetched(start(tmp_path / "new"), tmp_path / "here").records == 3


def test_a_data_set_that_changed_behind_us_is_said_and_fetched_again_when_told(tmp_path: Path, start: Start) -> None:
    root = tmp_path / "box"
    with Exporter(root) as exporter:
        fill(exporter, range(4))
    box = start(root)
    fetched(box, tmp_path / "here")
    changed = (root / "manifest.jsonl").read_bytes().splitlines(keepends=True)
    (root / "manifest.jsonl").write_bytes(b"".join([changed[0], changed[2], changed[1], changed[3]]))
    with Exporter(root) as exporter:
        fill(exporter, range(4, 6))
    with pytest.raises(ProtocolError, match="--again"):
        fetched(box, tmp_path / "here")
    report = fetched(box, tmp_path / "here", again=True)
    assert (report.records, report.known) == (2, 4)
    assert contents(tmp_path / "here") == contents(root)


def test_a_box_that_forgot_its_receipts_is_told_again_without_a_picture_fetched(tmp_path: Path, start: Start) -> None:
    root = tmp_path / "box"
    with Exporter(root) as exporter:
        fill(exporter, range(4))
    box = start(root)
    fetched(box, tmp_path / "here")
    (root / "receipts.jsonl").unlink()
    report = fetched(box, tmp_path / "here")
    assert (report.pages, report.pictures, report.known) == (1, 0, 4)
    assert list(Receipts(offer(root)).positions().values()) == [(root / "manifest.jsonl").stat().st_size]


def test_a_new_data_set_here_gets_everything_whatever_another_acknowledged(tmp_path: Path, start: Start) -> None:
    with Exporter(tmp_path / "box") as exporter:
        fill(exporter, range(3))
    box = start(tmp_path / "box")
    assert [fetched(box, tmp_path / name).records for name in ("a", "b")] == [3, 3]
    assert len(Receipts(offer(tmp_path / "box")).positions()) == 2


def test_a_damaged_line_of_the_box_is_left_out_and_does_not_stop_the_others(tmp_path: Path, start: Start) -> None:
    root = tmp_path / "box"
    with Exporter(root) as exporter:
        fill(exporter, range(4))
    data = (root / "manifest.jsonl").read_bytes().splitlines(keepends=True)
    (root / "manifest.jsonl").write_bytes(b"".join([*data[:2], b"x" * len(data[2][:-1]) + b"\n", data[3]]))
    (root / "index.sqlite").unlink()
    report = fetched(start(root), tmp_path / "here")
    assert (report.records, report.damaged, report.unacknowledged) == (3, 1, 0)


def test_no_room_is_said_before_anything_is_fetched(tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    with Exporter(tmp_path / "box") as exporter:
        fill(exporter, range(2))
    monkeypatch.setattr("trainer.receive_set.RESERVE_BYTES", 1 << 60)
    with pytest.raises(StorageError, match="free some room"):
        fetched(start(tmp_path / "box"), tmp_path / "here")
    assert not list((tmp_path / "here" / "receiving").iterdir())


def test_a_program_on_the_box_itself_needs_no_token_to_fetch_and_to_acknowledge(tmp_path: Path) -> None:
    with Exporter(tmp_path / "box") as exporter:
        fill(exporter, range(2))
    box = RunningBox(tmp_path / "box", export_token=None)
    visitor, report = box.visitor(None), Report()
    try:
        Receiver(tmp_path / "here", least_s=0.01).round(visitor, report)
    finally:
        visitor.close()
        box.stop()
    assert (report.records, report.unacknowledged) == (2, 0)


def test_the_wrong_token_and_the_wrong_address_are_for_a_person(tmp_path: Path, start: Start) -> None:
    with Exporter(tmp_path / "box") as exporter:
        fill(exporter, range(1))
    box = start(tmp_path / "box")
    for token in (None, TOKEN + "x"):
        visitor = box.visitor(token)
        with pytest.raises(ConfigError, match="token-file"):
            Receiver(tmp_path / "here", least_s=0.01).round(visitor, Report())
        visitor.close()
    for address in ("ftp://box", "http://", "http://me:secret@box", "http://box/path", "box", "http://box:0", "http://box:x"):
        with pytest.raises(ConfigError, match="address"):
            HttpBox(address, None)
