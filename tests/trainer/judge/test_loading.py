"""From a data set on disk to a ground: splits, recordings, machines' words, and a digest of exactly what is judged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import ConfigError
from contracts.evaluation import SavedAnswers
from dataset.items import Category, Item, Label, Origin
from trainer.judge.answers_file import contestant, save_answers
from trainer.judge.asked import Asked, read_saved
from trainer.judge.hotcoco_evaluator import HotcocoEvaluator
from trainer.judge.loading import ground_of, judged_root, load_ground, recording_of
from trainer.judge.report import evaluate
from trainer.judge.told import told

CATEGORIES = [Category("car", 7), Category("person", 3)]
PERSON = Label((10.0, 10.0, 40.0, 40.0), "person", source="box", verified=True)


def item(name: str, *labels: Label, **more: Any) -> Item:
    return Item(name, f"{name}.png", 320, 240, labels=labels, **more)


def test_classes_are_in_the_order_of_their_numbers_and_items_of_their_ids() -> None:
    ground, items = ground_of([item("b", PERSON), item("a")], CATEGORIES)
    assert ground.classes == ("person", "car")
    assert [case.id for case in ground.cases] == [each.id for each in items] == ["a", "b"]


def test_a_recording_is_device_and_session() -> None:
    assert recording_of(item("a", origin=Origin(device="box-1", session="s"))) == "box-1/s"
    assert recording_of(item("a", origin=Origin(session="s"))) != recording_of(item("a", origin=Origin(device="box-1", session="s")))
    assert recording_of(item("a", sequence="film")) == "/film"
    assert recording_of(item("a")) == "/a"


def test_slices_are_device_camera_and_part_of_the_day() -> None:
    taken = item("a", origin=Origin(camera="yard", device="box-1", wall_ns=5 * 3600 * 10**9))
    assert dict(ground_of([taken], CATEGORIES)[0].cases[0].slices) == {"device": "box-1", "camera": "yard", "hour": "00-06"}
    assert ground_of([taken], CATEGORIES, utc_offset_h=2)[0].cases[0].slices["hour"] == "06-12"
    assert ground_of([item("a")], CATEGORIES)[0].cases[0].slices["hour"] == "unknown"


def test_a_machines_word_is_neither_asked_for_nor_held_against_anyone() -> None:
    said = replace(PERSON, source="detection", verified=False)
    ground, _ = ground_of([item("a", said)], CATEGORIES)
    assert not len(ground.cases[0].wanted(0))
    assert len(ground.cases[0].doubtful(0)) == 1
    assert len(ground_of([item("a", replace(said, verified=True))], CATEGORIES)[0].cases[0].wanted(0)) == 1


def test_only_the_split_that_is_named_is_judged() -> None:
    items = [item("a", split="test"), item("b", split="train")]
    assert [case.id for case in ground_of(items, CATEGORIES, "test")[0].cases] == ["a"]
    with pytest.raises(ConfigError, match="split val: the data set has no picture of it, it has test, train"):
        ground_of(items, CATEGORIES, "val")
    with pytest.raises(ConfigError, match="it holds no picture"):
        ground_of([], CATEGORIES)


def test_the_digest_is_of_what_is_judged_in_any_order_and_of_nothing_else() -> None:
    items = [item("a", PERSON, replace(PERSON, category="car")), item("b", exhaustive_for=("person",))]
    root = judged_root(ground_of(items, CATEGORIES)[0])
    turned = [items[1], replace(items[0], labels=items[0].labels[::-1], path=Path("elsewhere.png"), file="elsewhere.png")]
    assert judged_root(ground_of(turned, CATEGORIES)[0]) == root
    for other in (replace(items[0], labels=()), replace(items[0], ignore=((0, 0, 5, 5),)), replace(items[0], origin=Origin(session="s"))):
        assert judged_root(ground_of([other, items[1]], CATEGORIES)[0]) != root


def coco(folder: Path, **more: Any) -> Path:
    """A COCO file as other tools write it: ids of 0 for pictures, labels and classes."""
    document: dict[str, Any] = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 320, "height": 240} for n in range(2)],
        "categories": [{"id": 0, "name": "person"}, {"id": 1, "name": "car"}],
        "annotations": [{"id": n, "image_id": n, "category_id": 0, "bbox": [10, 10, 40, 40], "area": 1600, "iscrowd": 0} for n in range(2)],
    }
    path = folder / "instances_test.json"
    path.write_text(json.dumps({**document, **more}))
    return path


def results(folder: Path, rows: Any) -> Path:
    path = folder / "results.json"
    path.write_text(json.dumps(rows))
    return path


def row(image: int = 0, category: int = 0, score: Any = 0.9) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": [10, 10, 40, 40], "score": score}


def test_ids_of_zero_cost_nothing(tmp_path: Path) -> None:
    asked = Asked(coco(tmp_path), None, "", 0.0, 1)
    saved = asked.answers(results(tmp_path, [row(0), row(1)]))
    scores = HotcocoEvaluator().evaluate(asked.ground, contestant(saved, asked.ground).answers)
    assert scores.classes["person"]["ap"] == pytest.approx(1.0)


def test_results_keep_the_numbers_of_the_file_they_are_of(tmp_path: Path) -> None:
    """Ours begin at 1: class 1 of the results is still the car."""
    asked = Asked(coco(tmp_path), None, "", 0.0, 1)
    saved = asked.answers(results(tmp_path, [row(category=1)]))
    assert [saved.labels[each[5]] for each in saved.pictures["0"]] == ["car"]


def test_ids_that_are_there_twice_never_make_a_figure_silently(tmp_path: Path) -> None:
    twice = [{"id": 0, "file_name": f"{n}.png", "width": 320, "height": 240} for n in range(2)]
    with pytest.raises(ConfigError, match=r"cannot be read|twice"):
        load_ground(coco(tmp_path, images=twice))


@pytest.mark.parametrize("rows", [[{}], [1], [row(score="much")], [row(category=9)], [{**row(), "bbox": [1, 2]}]])
def test_results_that_are_none_are_refused_by_their_number(tmp_path: Path, rows: Any) -> None:
    asked = Asked(coco(tmp_path), None, "", 0.0, 1)
    with pytest.raises(ConfigError, match="result 0 is none of COCO"):
        asked.answers(results(tmp_path, rows))


@pytest.mark.parametrize(
    "text", ["[NaN]", "{", '{"model": 1}', '[{"image_id": 0, "category_id": 0, "bbox": [0,0,1,1], "score": Infinity}]']
)
def test_answers_that_are_none_or_no_number_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    asked = Asked(coco(tmp_path), None, "", 0.0, 1)
    with pytest.raises(ConfigError, match=r"results\.json"):
        asked.answers(tmp_path / "results.json")


def test_answers_are_saved_and_read_again(tmp_path: Path) -> None:
    saved = SavedAnswers(model="m", labels=["dog", "person"], points={"person": 0.4}, pictures={"a": [(1, 2, 3, 4, 0.5, 1)], "b": []})
    save_answers(tmp_path / "a.json", saved)
    assert read_saved(tmp_path / "a.json") == saved
    ground, _ = ground_of([item("a"), item("b")], CATEGORIES)
    model = contestant(saved, ground)
    assert model.answers["a"].kinds.tolist() == [0]
    assert model.points == {"person": 0.4, "car": 1.0}


def test_the_report_has_every_figure_and_is_told_as_a_table() -> None:
    items = [item(f"p{n}", PERSON, exhaustive_for=("person",), origin=Origin(camera=f"cam-{n % 2}", session=f"s{n}")) for n in range(4)]
    ground, _ = ground_of(items, CATEGORIES)
    saved = SavedAnswers(
        model="m", labels=["person"], points={"person": 0.5}, pictures={f"p{n}": [(10, 10, 40, 40, 0.9, 0)] if n else [] for n in range(4)}
    )
    result = evaluate(ground, contestant(saved, ground), HotcocoEvaluator())
    person = result.classes["person"]
    assert (person.wanted, person.recall, person.precision, person.count_bias) == (4, 0.75, 1.0, -0.25)
    assert result.classes["car"].coco["ap"] is None
    assert result.slices["camera"]["cam-1"].recall == 1.0
    assert result.slices["camera"]["cam-0"].recall == 0.5
    assert result.slices["size"]["medium"].wanted == 4
    assert result.mistakes["person"]["missed"] == 1
    lines = list(told(result))
    assert any(line.startswith("person") and "0.750" in line for line in lines)
    assert any(line.startswith("by camera") for line in lines)
