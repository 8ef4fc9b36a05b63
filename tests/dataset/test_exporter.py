from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from contracts.dataset import AnnotationFile, Metadata, Record
from contracts.errors import ConfigError, ProtocolError
from dataset.exporter import Exporter
from dataset.filters import Filters
from dataset.marks import box, click, drawn
from dataset.picture import image_id
from dataset.records import micros
from tests.dataset.scenery import WHEN, about, fill, lines, seen, told, view

SPEC_RECORD = ["id", "image", "annotations", "action_id", "action_type", "timestamp", "active_states", "source", "is_new", "reviewed"]
SPEC_FILE = ["image_id", "image_filename", "image_width", "image_height", "annotations", "context", "version"]
SPEC_BOX = ["bbox", "category_id", "category_name", "confidence", "source", "verified"]
SPEC_STATISTICS = [
    "total_records_processed", "records_with_screenshots", "records_with_matches", "records_with_clicks", "skipped_records",
    "export_time_seconds",
]  # fmt: skip


def test_every_name_of_the_layout_is_the_one_that_was_agreed(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        why = about(1, action_id="e1", action_type="object", active_states=("open",), success=True)
        name = exporter.add(view(1), [seen()], why).image_id
    record, file = lines(tmp_path)[0], told(tmp_path, name)
    assert [key for key in SPEC_RECORD if key not in record] == []
    assert (record["image"], record["annotations"]) == (f"images/{name}.png", f"annotations/{name}.json")
    assert record["timestamp"] == "2026-11-22T03:36:27.123456Z"
    assert [key for key in SPEC_FILE if key not in file] == []
    assert [key for key in SPEC_BOX if key not in file["annotations"][0]] == []
    assert file["context"] == {"action_type": "object", "active_states": ["open"], "timestamp": record["timestamp"], "success": True}
    metadata = json.loads((tmp_path / "metadata.json").read_text())
    assert [key for key in SPEC_STATISTICS if key not in metadata["statistics"]] == []
    assert metadata["category_map"] == {"person": 1}
    Record.model_validate(record), AnnotationFile.model_validate(file), Metadata.model_validate(metadata)


def test_a_picture_is_kept_without_loss_and_named_by_its_pixels(tmp_path: Path) -> None:
    image = view(3)
    with Exporter(tmp_path, png_level=9) as exporter:
        name = exporter.add(image, [], about()).image_id
    read = cv2.imread(str(tmp_path / "images" / f"{name}.png"))
    assert read is not None
    assert np.array_equal(read, image)
    assert name == image_id(image)
    assert name != image_id(np.ascontiguousarray(image.reshape(64, 48, 3)))  # the same bytes in another shape are another picture


def test_a_picture_that_comes_again_is_stored_once_and_keeps_both_stories(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        first = exporter.add(view(1), [seen("person")], about(1, action_id="a"))
        again = exporter.add(view(1), [box("car", (30, 5, 20, 20), 0.8)], about(2, action_id="b"))
    assert (first.is_new, again.is_new) == (True, False)
    assert len(list((tmp_path / "images").iterdir())) == 1
    file = told(tmp_path, first.image_id)
    assert [each["action_id"] for each in file["observations"]] == ["a", "b"]
    assert sorted(each["category_name"] for each in file["annotations"]) == ["car", "person"]


def test_a_picture_that_was_lost_and_comes_again_is_told_as_it_is_now(tmp_path: Path) -> None:
    with Exporter(tmp_path, png_level=0) as exporter:
        name = exporter.add(view(1), [seen()], about(1)).image_id
    path = tmp_path / "images" / f"{name}.png"
    before = path.read_bytes()
    path.unlink()
    with Exporter(tmp_path, png_level=9) as exporter:
        assert exporter.add(view(1), [seen()], about(2)).is_new
        exporter.commit()
        assert exporter.held().bytes == path.stat().st_size
    again = lines(tmp_path)[-1]
    assert path.read_bytes() != before
    assert (again["bytes"], again["sha256"]) == (path.stat().st_size, sha256(path.read_bytes()).hexdigest())


def test_the_same_said_twice_is_said_once(tmp_path: Path) -> None:
    for _ in range(2):
        with Exporter(tmp_path) as exporter:
            assert fill(exporter, range(5))
    assert len(lines(tmp_path)) == 5


def test_class_numbers_begin_at_one_and_stay_over_sessions(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        exporter.add(view(1), [seen("zebra"), seen("ant")], about(1))
    with Exporter(tmp_path) as exporter:
        exporter.add(view(2), [seen("bee"), seen("ant")], about(2))
    metadata = json.loads((tmp_path / "metadata.json").read_text())
    assert metadata["category_map"] == {"zebra": 1, "ant": 2, "bee": 3}
    (tmp_path / "ontology.json").unlink()
    with Exporter(tmp_path) as exporter:
        assert exporter.summary().category_map == {"zebra": 1, "ant": 2, "bee": 3}


def test_a_click_is_a_point_and_the_box_around_it_is_cut_at_the_edge(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        name = exporter.add(view(1, 160, 120), [click("button", 100, 60), click("corner", 10, 115)], about()).image_id
    inner, corner = told(tmp_path, name)["annotations"]
    assert (inner["bbox"], inner["point"], inner["verified"], inner["confidence"]) == ([75, 35, 50, 50], [100, 60], True, 1.0)
    assert (corner["bbox"], corner["point"]) == ([0, 90, 35, 30], [10, 115])


def test_what_a_person_drew_stands_before_what_a_machine_saw(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        cars = box("car", (40, 4, 10, 10), 0.4), box("car", (40, 30, 10, 10), 0.4)
        name = exporter.add(view(1), [seen("person"), *cars], about(1)).image_id
        exporter.review(name, [drawn("person", (5, 6, 20, 30))], about(2, source="ann", reviewed=True, exhaustive_for=("person", "car")))
    file = told(tmp_path, name)
    assert [(each["category_name"], each["bbox"], each["source"]) for each in file["annotations"]] == [("person", [5, 6, 20, 30], "box")]
    assert file["exhaustive_for"] == ["car", "person"]
    assert len(file["observations"][0]["annotations"]) == 3
    assert file["reviewed"] is True


def test_a_near_duplicate_is_linked_to_the_first_of_its_kind(tmp_path: Path) -> None:
    image = view(1)
    brighter = np.clip(image.astype(int) + 3, 0, 255).astype(np.uint8)
    with Exporter(tmp_path, batch_size=2) as exporter:
        first = exporter.add(image, [], about(1))
        exporter.add(view(2), [], about(2))
        third = exporter.add(brighter, [], about(3))
        fourth = exporter.add(np.clip(image.astype(int) + 4, 0, 255).astype(np.uint8), [], about(4))
    assert (third.near_duplicate_of, fourth.near_duplicate_of) == (first.image_id, first.image_id)
    assert json.loads((tmp_path / "metadata.json").read_text())["statistics"]["near_duplicates"] == 2


def test_near_duplicates_can_be_left_out_and_are_counted(tmp_path: Path) -> None:
    with Exporter(tmp_path, near_duplicates="skip") as exporter:
        exporter.add(view(1), [], about(1))
        assert exporter.add(view(1) // 2 * 2, [], about(2)).refused == "near_duplicate"
        exporter.add(view(3), [], about(3))
    assert lines(tmp_path)[1]["skipped_before"] == {"near_duplicate": 1}
    assert not list((tmp_path / "incoming").iterdir())


@pytest.mark.parametrize(
    ("filters", "facts", "why"),
    [
        (Filters(successful_only=True), {"success": None}, "not_successful"),
        (Filters(with_detections_only=True), {"marks": []}, "no_detections"),
        (Filters(min_confidence=0.95), {}, "confidence"),
        (Filters(active_states=frozenset({"door"})), {"active_states": ("yard",)}, "state"),
        (Filters(True, True, 0.5, frozenset({"door"})), {"success": True, "active_states": ("door", "x")}, ""),
    ],
)
def test_filters_say_why(tmp_path: Path, filters: Filters, facts: dict[str, Any], why: str) -> None:
    marks = facts.pop("marks", [seen()])
    with Exporter(tmp_path, filters=filters) as exporter:
        assert exporter.add(view(1), marks, about(1, **facts)).refused == why
    assert len(lines(tmp_path)) == (why == "")


def test_a_box_below_the_confidence_is_ignored_rather_than_background(tmp_path: Path) -> None:
    with Exporter(tmp_path, filters=Filters(min_confidence=0.5)) as exporter:
        name = exporter.add(view(1), [seen(confidence=0.9), box("person", (40, 10, 10, 10), 0.3)], about()).image_id
    file = told(tmp_path, name)
    assert len(file["annotations"]) == 1
    assert file["ignore"] == [{"bbox": [40, 10, 10, 10], "reason": "doubtful"}]


def test_nothing_is_durable_before_the_batch_is_full_or_committed(tmp_path: Path) -> None:
    with Exporter(tmp_path, batch_size=3) as exporter:
        fill(exporter, range(2))
        assert lines(tmp_path) == []
        fill(exporter, range(2, 4))
        assert len(lines(tmp_path)) == 3
        assert exporter.commit() == 1
    assert exporter.committed == 4


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    with Exporter(tmp_path), pytest.raises(ConfigError, match=r"process \d+ writes to this data set"):
        Exporter(tmp_path)
    Exporter(tmp_path).close()


def test_removed_pictures_leave_a_tombstone_and_may_come_again(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        names = fill(exporter, range(3))
        exporter.commit()
        assert exporter.remove(names[:2], "retention", WHEN) == []
        assert exporter.acknowledge(names[:2], "trainer", WHEN) == 2
        assert exporter.remove(names, "retention", WHEN) == names[:2]
        assert exporter.remove(names, "retention", WHEN) == []
        assert exporter.summary().total_images == 1
    assert [path.stem for path in (tmp_path / "images").iterdir()] == [names[2]]
    assert [path.stem for path in (tmp_path / "annotations").iterdir()] == [names[2]]
    with Exporter(tmp_path) as exporter:
        again = exporter.add(view(0), [seen("cat")], about(9))
        assert again.is_new
    assert [each["category_name"] for each in told(tmp_path, names[0])["annotations"]] == ["cat"]
    last = lines(tmp_path)[3]
    assert (last["action_type"], last["source"]) == ("removed", "retention")


def test_a_picture_that_comes_again_after_its_removal_is_as_old_as_its_new_story(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        names = fill(exporter, range(1))
        exporter.commit()
        exporter.remove(names, "retention", WHEN, unacknowledged=True)
        exporter.add(view(0), [seen()], about(3600))
        exporter.commit()
        assert exporter.held().oldest_us == micros(WHEN + timedelta(hours=1)), "else it would be too old at once"
        assert [known.acknowledged for known in exporter.offered(9, acknowledged=False)] == [False]


def test_an_observation_after_the_acknowledgement_is_not_acknowledged(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        (name,) = fill(exporter, range(1))
        exporter.commit()
        exporter.acknowledge([name], "trainer", WHEN)
        exporter.add(view(0), [seen("car")], about(5))
        assert exporter.remove([name], "retention", WHEN) == []
        assert exporter.remove([name], "owner", WHEN, unacknowledged=True) == [name]


def test_what_cannot_be_a_picture_or_a_box_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with Exporter(tmp_path) as exporter:
        with pytest.raises(ValueError, match="a picture is"):
            exporter.add(np.zeros((4, 4, 2), np.uint8), [], about())
        with pytest.raises(ValueError, match="is not in a picture"):
            exporter.add(view(1), [box("person", (500, 500, 10, 10), 0.5)], about())
        with pytest.raises(ValueError, match="is not in a picture"):
            exporter.add(view(1), [box("person", (float("nan"), 0, 10, 10), 0.5)], about())
        with pytest.raises(ProtocolError, match="64 hex digits"):
            exporter.review("../../etc/passwd", [], about())
    assert lines(tmp_path) == []
    assert not list((tmp_path / "incoming").iterdir())
    assert not list((tmp_path / "images").iterdir())
