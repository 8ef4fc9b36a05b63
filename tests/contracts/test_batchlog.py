"""The document of a recording's events: the keys of the specification, equal bytes, and clear words for files that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.batchlog import BatchLog, Entry, Metadata, document_bytes, parse_document, read_document
from contracts.errors import StorageError
from contracts.event import event_id
from contracts.wire import utc_from_ns

T0_NS = 1_770_000_000_000_000_000
SPEC = {
    "video_path", "session_start_time", "session_type", "video_duration_seconds", "total_frames", "detection_fps", "model_version",
    "processed_at",
}  # fmt: skip
EVENT_SPEC = {
    "event_id", "uid", "type", "timestamp", "video_offset_seconds", "frame_number", "confidence", "data", "thumbnail",
}  # fmt: skip


def metadata(**changes: Any) -> Metadata:
    values = {
        "video_path": "a.mkv", "session_start_time": utc_from_ns(T0_NS), "session_type": "practice", "video_duration_seconds": 12.5,
        "total_frames": 300, "detection_fps": 10.0, "model_version": "game 1.0.0", "processed_at": utc_from_ns(T0_NS),
    }  # fmt: skip
    return Metadata(**{**values, **changes})


def entry(number: int, **changes: Any) -> Entry:
    values = {
        "event_id": f"evt_{number:03d}", "uid": event_id("a", "kill", number), "type": "kill", "timestamp": utc_from_ns(T0_NS),
        "video_offset_seconds": number / 3, "frame_number": number, "confidence": 0.9, "data": {"weapon": "AKM"},
    }  # fmt: skip
    return Entry(**{**values, **changes})


def document(*numbers: int) -> BatchLog:
    return BatchLog(metadata=metadata(), events=[entry(number) for number in numbers])


def test_it_has_the_keys_of_the_specification() -> None:
    read = json.loads(document_bytes(document(1)))
    assert set(read) == {"metadata", "events"}
    assert set(read["metadata"]) >= SPEC
    assert set(read["events"][0]) >= EVENT_SPEC
    assert read["events"][0]["timestamp"].endswith("Z")
    assert read["events"][0]["video_offset_seconds"] == 0.333333


def test_a_document_of_the_specification_alone_can_be_read() -> None:
    whole = json.loads(document_bytes(document(1, 2)))
    bare = {
        "metadata": {key: whole["metadata"][key] for key in SPEC},
        "events": [{key: each[key] for key in EVENT_SPEC} for each in whole["events"]],
    }
    read = parse_document(json.dumps(bare).encode(), "it")
    assert [each.uid for each in read.events] == [UUID(each["uid"]) for each in bare["events"]]
    assert read.metadata.format == 1


@given(st.lists(st.integers(1, 500), unique=True, max_size=20), st.text(max_size=20), st.floats(0, 1))
def test_what_was_read_is_written_as_the_same_bytes(numbers: list[int], text: str, confidence: float) -> None:
    events = [entry(number, data={"text": text}, confidence=confidence) for number in numbers]
    once = document_bytes(BatchLog(metadata=metadata(video_path=text), events=events))
    assert document_bytes(parse_document(once, "it")) == once


def damaged() -> dict[str, tuple[bytes, str]]:
    good = document_bytes(document(1, 2))
    read = json.loads(good)
    newer = {**read, "metadata": {**read["metadata"], "format": 2}}
    twice = {**read, "events": [read["events"][0]] * 2}
    odd = {**read, "events": [{**read["events"][0], "confidence": 7}]}
    return {
        "cut": (good[: len(good) // 2], "is damaged or not JSON"),
        "empty": (b"", "is damaged or not JSON"),
        "binary": (b"\xff\xfe\x00", "is damaged or not JSON"),
        "list": (b"[]", "is no event log of a recording"),
        "foreign": (b'{"annotations": []}', "is no event log of a recording"),
        "newer": (json.dumps(newer).encode(), "has format 2, this software reads 1"),
        "twice": (json.dumps(twice).encode(), "two events have the same event_id"),
        "odd": (json.dumps(odd).encode(), "events.0.confidence"),
        "deep": (b"[" * 100_000, "is damaged or not JSON"),
    }


@pytest.mark.parametrize("what", sorted(damaged()))
def test_a_file_that_is_none_is_refused_in_words(tmp_path: Path, what: str) -> None:
    content, words = damaged()[what]
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(StorageError) as refused:
        read_document(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert words in str(refused.value)


@given(st.binary(max_size=200), st.integers(0, 600))
def test_nothing_but_a_document_or_a_storage_error_comes_of_any_bytes(noise: bytes, at: int) -> None:
    good = document_bytes(document(1))
    for content in (noise, good[:at] + noise + good[at:]):
        try:
            parse_document(content, "it")
        except StorageError as error:
            assert str(error).startswith("it: ")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nothing\.json"):
        read_document(tmp_path / "nothing.json")
