"""The document writer: one entry an event, in the order of the video, the same bytes in every run."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.batchlog import document_bytes, read_document
from contracts.errors import StorageError
from contracts.event import Event
from device.publish.document import Document, entries
from tests.contracts.test_batchlog import metadata
from tests.device.publish.fakes import event


def lives(number: int, updates: int = 1) -> list[Event]:
    at_ns = number * 100_000_000
    told = [event(number, data={"n": 0}), *(event(number, "update", pts_ns=at_ns + n, confidence=0.85) for n in range(updates))]
    return [*told, event(number, "end", pts_ns=at_ns + 5_000_000_000, data={"n": 2}, frame_number=number + 50)]


def test_an_event_is_one_entry_as_it_was_last_told() -> None:
    (only,) = entries(lives(3))
    assert (only.event_id, only.uid, only.type, only.label, only.camera) == ("evt_001", event(3).id, "object", "person", "yard")
    assert (only.video_offset_seconds, only.end_offset_seconds, only.data) == (0.3, 5.3, {"n": 2})
    assert only.frame_number == 3, "of the first message"
    assert only.timestamp == event(3).start


def test_an_event_without_an_end_says_so() -> None:
    assert entries([event(1), event(1, "update")])[0].end_offset_seconds is None


def test_a_momentary_event_is_an_entry() -> None:
    (only,) = entries([event(1), event(1, "end")])
    assert only.end_offset_seconds == only.video_offset_seconds


@given(st.lists(st.integers(1, 30), unique=True, max_size=12), st.integers(0, 999))
def test_entries_are_in_order_of_start_kind_and_uid_however_they_came(numbers: list[int], seed: int) -> None:
    told = [
        [e.model_copy(update={"kind": kind, "id": event(n + shift).id}) for e in lives(n)]
        for n in numbers
        for kind, shift in (("crossed", 100), ("object", 200), ("object", 300))
    ]
    random.Random(seed).shuffle(told)
    made = entries(message for each in told for message in each)
    keys = [(each.video_offset_seconds, each.type, str(each.uid)) for each in made]
    assert keys == sorted(keys)
    assert [each.event_id for each in made] == [f"evt_{n:03d}" for n in range(1, len(made) + 1)]


def test_more_than_a_thousand_are_numbered_on() -> None:
    assert entries(event(n) for n in range(1, 1100))[-1].event_id == "evt_1099"


def test_it_is_written_whole_at_the_end_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "out" / "a.json"
    writer = Document(path, metadata, thumbnail=lambda e: f"thumbs/{e.id}.jpg")
    for message in [*lives(2), *lives(1)]:
        writer.add(message, 0)
    writer.commit()
    assert not path.exists()
    assert writer.due_in_s() == float("inf")
    writer.finish()
    read = read_document(path)
    assert [each.frame_number for each in read.events] == [1, 2]
    assert read.events[0].thumbnail == f"thumbs/{event(1).id}.jpg"
    assert path.read_bytes() == document_bytes(read)


def test_a_disk_that_refuses_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"a file where the folder should be")
    writer = Document(tmp_path / "out" / "a.json", metadata)
    with pytest.raises(StorageError):
        writer.finish()
