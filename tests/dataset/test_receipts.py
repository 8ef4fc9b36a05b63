from __future__ import annotations

import errno
import os
import threading
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.dataset import Acknowledgement
from contracts.errors import StorageError
from contracts.shipment import Acknowledge, PageHead, ShipmentError
from dataset.exporter import Exporter
from dataset.lines import sealed
from dataset.offer import Offer
from dataset.opening import appending, read_mark
from dataset.receipts import Receipts
from tests.dataset.scenery import WHEN, about, fill, seen, view

ME, YOU = "0" * 32, "1" * 32


def said(root: Path, after: int, limit: int = 1000, receiver: str = ME) -> Acknowledge:
    head = PageHead.model_validate_json(Offer(root, "box-1", "dataset").page(after, limit).partition(b"\n")[0])
    return Acknowledge(device="box-1", dataset=head.dataset, receiver=receiver, after=after, upto=head.upto, sha256=head.sha256)


def receipts(root: Path) -> Receipts:
    return Receipts(Offer(root, "box-1", "dataset"))


def marked(root: Path) -> list[int]:
    with Exporter(root) as exporter:
        return [known.acked for known in exporter.store.index.pictures()]


def test_each_picture_is_acknowledged_up_to_its_last_line_in_the_range(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        fill(exporter, range(3))
        exporter.add(view(0), [seen("car")], about(9))
    first = said(tmp_path, 0, 2)
    assert receipts(tmp_path).take(first, WHEN).lines == 2
    assert marked(tmp_path) == [1, 2, 0]
    assert receipts(tmp_path).take(said(tmp_path, first.upto), WHEN).lines == 4
    assert marked(tmp_path) == [4, 2, 3]


def test_a_range_behind_a_hole_counts_and_moves_no_position(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        fill(exporter, range(4))
    first = said(tmp_path, 0, 2)
    receipts(tmp_path).take(said(tmp_path, first.upto), WHEN)
    assert receipts(tmp_path).positions() == {ME: 0}
    assert marked(tmp_path) == [0, 0, 3, 4]
    receipts(tmp_path).take(first, WHEN)
    assert receipts(tmp_path).positions() == {ME: first.upto}


def test_before_the_first_record_there_is_nothing_to_ask_for(tmp_path: Path) -> None:
    with Exporter(tmp_path):
        with pytest.raises(ShipmentError, match="no record"):
            Offer(tmp_path, "box-1", "dataset").page(0)
        assert Offer(tmp_path, "box-1", "dataset").state().dataset is None


@pytest.mark.parametrize("call", ["pread", "fsync"])
def test_a_disk_that_fails_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    with Exporter(tmp_path) as exporter:
        fill(exporter, range(2))
    acknowledge, offer, ours = said(tmp_path, 0), Offer(tmp_path, "box-1", "dataset"), receipts(tmp_path)

    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, call, fails)
    for ask in (offer.state, lambda: offer.page(0), lambda: ours.take(acknowledge, WHEN)):
        with pytest.raises(StorageError, match="the disk has a fault"):
            ask()


def test_the_same_said_again_is_written_once(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        fill(exporter, range(2))
    for receiver in (ME, ME, YOU, ME):
        receipts(tmp_path).take(said(tmp_path, 0, receiver=receiver), WHEN)
    assert len((tmp_path / "receipts.jsonl").read_bytes().splitlines()) == 2
    assert len((tmp_path / "acknowledged.jsonl").read_bytes().splitlines()) == 2, "what is marked already is not marked again"


def test_many_receivers_cost_a_line_each_and_leave_no_picture_unmarked(tmp_path: Path) -> None:
    """Whoever has the token can be as many receivers as it likes; the disk is not filled by that."""
    with Exporter(tmp_path) as exporter:
        fill(exporter, range(4))
    first = said(tmp_path, 0, 1)
    receipts(tmp_path).take(said(tmp_path, first.upto, 2), WHEN)
    receipts(tmp_path).take(first, WHEN)
    assert len((tmp_path / "acknowledged.jsonl").read_bytes().splitlines()) == 3
    for number in range(2, 6):
        receipts(tmp_path).take(said(tmp_path, 0, 3, f"{number:032x}"), WHEN)
    assert len((tmp_path / "acknowledged.jsonl").read_bytes().splitlines()) == 3
    assert marked(tmp_path) == [1, 2, 3, 0]
    receipts(tmp_path).take(said(tmp_path, 0, 4, YOU), WHEN)
    assert marked(tmp_path) == [1, 2, 3, 4]


def test_a_torn_end_of_either_log_costs_only_what_was_not_answered(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        fill(exporter, range(4))
    first = said(tmp_path, 0, 2)
    receipts(tmp_path).take(first, WHEN)
    for name in ("receipts.jsonl", "acknowledged.jsonl"):
        with (tmp_path / name).open("ab") as file:
            file.write(b'{"image_id":"00')
    receipts(tmp_path).take(said(tmp_path, first.upto), WHEN)
    assert marked(tmp_path) == [1, 2, 3, 4]
    assert receipts(tmp_path).positions() == {ME: (tmp_path / "manifest.jsonl").stat().st_size}


def test_several_at_once_lose_nothing_of_each_other(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        fill(exporter, range(6))
        exporter.commit()
        threads = [
            threading.Thread(target=receipts(tmp_path).take, args=(said(tmp_path, 0, n + 1, f"{n:032x}"), WHEN)) for n in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert [known.acknowledged for known in exporter.store.index.pictures()] == [True] * 6
    assert len(receipts(tmp_path).positions()) == 6


def test_the_writer_waits_for_who_marks_beside_it(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        names = fill(exporter, range(2))
        exporter.commit()
        beside = threading.Thread(target=exporter.acknowledge, args=([names[0]], "disk", WHEN))
        with appending(tmp_path / "acknowledged.jsonl", read_mark) as log:
            beside.start()
            beside.join(0.2)
            log.append(sealed(Acknowledgement(image_id=names[1], upto=2, by="trainer", t=WHEN)))
        beside.join(10)
    assert marked(tmp_path) == [1, 2]


def test_lines_that_the_writer_takes_back_were_never_offered(tmp_path: Path) -> None:
    """What stands in the file behind what was committed may still be taken back: it is not told, nor can it be acknowledged."""
    with Exporter(tmp_path) as exporter:
        fill(exporter, range(2))
        exporter.commit()
        end = (tmp_path / "manifest.jsonl").stat().st_size
        with (tmp_path / "manifest.jsonl").open("ab") as file:
            file.write((tmp_path / "manifest.jsonl").read_bytes().splitlines(keepends=True)[0])
        assert Offer(tmp_path, "box-1", "dataset").state().end == end
        with pytest.raises(ShipmentError, match="no line"):
            receipts(tmp_path).take(said(tmp_path, 0).model_copy(update={"upto": end + 1}), WHEN)


def test_a_line_too_long_to_be_ours_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Exporter(tmp_path) as exporter:
        fill(exporter, range(2))
    monkeypatch.setattr("dataset.lines.MAX_LINE", 2000)
    data = (tmp_path / "manifest.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "manifest.jsonl").write_bytes(data[0] + b"x" * 3000 + b"\n" + data[1])
    (tmp_path / "index.sqlite").unlink()
    first, _, body = Offer(tmp_path, "box-1", "dataset").page(0).partition(b"\n")
    head = PageHead.model_validate_json(first)
    assert (body, head.upto) == (data[0] + data[1], len(data[0]) + 3001 + len(data[1]))
    assert receipts(tmp_path).take(said(tmp_path, 0), WHEN).lines == 3


@settings(max_examples=40)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=12))
def test_pages_of_any_size_are_the_manifest(limits: list[int]) -> None:
    root = prepared()
    offer, at, came = Offer(root, "box-1", "dataset"), 0, b""
    for limit in [*limits, *[7] * 3]:
        first, _, body = offer.page(at, limit).partition(b"\n")
        head = PageHead.model_validate_json(first)
        assert head.sha256 == sha256(body).hexdigest()
        assert body.count(b"\n") <= limit
        came, at = came + body, head.upto
    whole = (root / "manifest.jsonl").read_bytes()
    assert whole.startswith(came)
    assert sum([*limits, 21]) < 15 or came == whole


_READY: list[Path] = []


def prepared() -> Path:
    return _READY[0]


@pytest.fixture(autouse=True, scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("set")
    with Exporter(root) as exporter:
        fill(exporter, range(15))
    _READY[:] = [root]
