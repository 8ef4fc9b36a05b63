"""Stats: what is counted, and a report that shows it without needing anything else."""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from dataset.items import Category, Item, Label, Origin
from dataset.report import report
from dataset.stats import Stats, gather
from tests.dataset import made
from tests.dataset.test_prepare import Given

EVIL = "<script>alert(1)</script>\"'&"


def hash_of(n: int) -> int:
    """Perceptual hashes that are far apart."""
    return int.from_bytes(sha256(bytes([n])).digest()[:8], "big")


def gathered(items: list[Item], *names: str) -> Stats:
    return gather(Given(items, categories=[Category(name, n) for n, name in enumerate(names, 1)]), True, lambda _: None)


def item(name: str, *labels: Label, **fields: object) -> Item:
    return replace(Item(name, f"{name}.png", 100, 100, labels), **fields)  # type: ignore[arg-type]


CAT = Label((10, 10, 20, 20), "cat", 0.5, "detector")
DOG = Label((10, 10, 20, 20), "dog", verified=True, source="click", point=(20, 20))


def test_labels_are_counted_by_class_size_and_source() -> None:
    found = gathered([item("a", CAT, DOG), item("b", CAT), item("c")], "cat", "dog", "bird").document()
    assert found["items"], found["labels"] == (3, 3)
    assert (found["verified"], found["unlabelled"], found["clicks"]) == (1, 1, 1)
    assert found["classes_without_labels"] == ["bird"]
    assert found["by_source"] == {"detector": 2, "click": 1}
    classes = found["classes"]
    assert isinstance(classes, dict)
    assert classes["cat"]["labels"], classes["cat"]["images"] == (2, 2)
    assert classes["cat"]["sizes"]["small, under 32 px"] == 2


def test_two_classes_at_one_place_are_a_conflict() -> None:
    other = item("b", CAT, replace(DOG, box=(70, 70, 9, 9)))
    stats = gathered([item("a", replace(CAT, observation="x"), replace(DOG, observation="y")), other])
    assert stats.conflicts == {("cat", "dog"): 1}
    assert stats.disagreeing == 1


def test_a_picture_in_which_everything_was_searched_for_is_background() -> None:
    assert gathered([item("a", exhaustive_for=("cat",)), item("b")]).background == 1


def test_days_and_cameras_are_those_of_the_origin() -> None:
    stats = gathered([item("a", origin=Origin("yard", wall_ns=0)), item("b", origin=Origin("yard", wall_ns=86_400_000_000_000))])
    assert stats.counts["day"] == {"1970-01-01": 1, "1970-01-02": 1}
    assert stats.counts["camera"] == {"yard": 2}


def test_boxes_anywhere_and_of_any_shape_are_drawn() -> None:
    boxes = [(-500.0, 0.0, 1.0, 900.0), (99.0, 99.0, 0.001, 0.001), (1e5, 1e5, 1e6, 1.0)]
    stats = gathered([item("a", *(replace(CAT, box=box) for box in boxes))])
    assert sum(map(sum, stats.heat)) == 3
    assert stats.beyond == 2
    assert "</html>" in report(stats, "odd")


def test_duplicates_are_told_apart_from_what_only_looks_alike(tmp_path: Path) -> None:
    a = made.with_picture(item("a"), tmp_path)
    stats = gathered([a, replace(a, id="b"), replace(a, id="c", sha256="0" * 64, near=("a",))])
    assert (stats.same_file, stats.near) == (1, 1)


def test_the_report_needs_nothing_and_escapes_everything(tmp_path: Path) -> None:
    evil = made.with_picture(item("a", replace(CAT, category=EVIL), DOG, replace(DOG, category=EVIL, source=EVIL)), tmp_path)
    evil = replace(evil, file=f"{EVIL}.png", origin=Origin(EVIL, reason=EVIL), ignore=((1, 1, 5, 5),), split=EVIL)
    page = report(gathered([evil], EVIL, "dog", EVIL + "2"), EVIL)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.findall(r"(?:src|href)\s*=\s*[\"'](?!data:)", page)
    assert "url(" not in page
    assert "data:image/jpeg;base64," in page
    assert "default-src 'none'" in page


def test_an_empty_set_has_a_report_too() -> None:
    assert "none" in report(gathered([]), "empty")


def test_the_same_set_gives_the_same_report(tmp_path: Path) -> None:
    items = [made.with_picture(item(f"i{n}", CAT, sha256=f"{n:064x}", phash=hash_of(n)), tmp_path) for n in range(30)]
    assert report(gathered(items), "x") == report(gathered(list(reversed(items))), "x")


def test_many_classes_and_cameras_keep_memory_and_page_small() -> None:
    items = [item(f"i{n}", replace(CAT, category=f"class {n}"), origin=Origin(f"camera {n}")) for n in range(3000)]
    stats = gathered(items)
    assert len(stats.counts["camera"]) <= 2001
    assert len(report(stats, "many")) < 300_000
