"""Check-up: every fault a set can have is found, and a good one is said to be good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from dataset.checkup import CheckUp, Depth
from dataset.findings import Findings
from dataset.items import Category, Item, Label
from tests.dataset import made
from tests.dataset.test_prepare import Given

ALL = Depth(hashes=True, decode=True, leaks=True)


def good(folder: Path, count: int = 2) -> list[Item]:
    """Pictures of different sizes, so that no two are the same."""
    label = Label((1, 1, 5, 5), "cat")
    items = [made.with_picture(Item(f"i{n}", f"{n}.png", 20 + n, 20, (label,), split="train"), folder) for n in range(count)]
    return [replace(item, sha256=sha256(item.path.read_bytes()).hexdigest()) for item in items if item.path]


def checked(items: list[Item], depth: Depth = ALL) -> Findings:
    return CheckUp(Given(items, categories=[Category("cat", 1)]), depth).run(lambda _: None)


def test_a_good_set_is_said_to_be_good(tmp_path: Path) -> None:
    findings = checked(good(tmp_path), Depth())
    assert findings.clean
    assert not findings.noted


def cut(item: Item) -> None:
    assert item.path is not None
    item.path.write_bytes(item.path.read_bytes()[:40])


def gone(item: Item) -> None:
    assert item.path is not None
    item.path.unlink()


def other(item: Item) -> None:
    assert item.path is not None
    item.path.write_bytes(made.png(item.width, item.height) + b"x")


def smaller(item: Item) -> None:
    assert item.path is not None
    item.path.write_bytes(made.png(5, 5))


def text(item: Item) -> None:
    assert item.path is not None
    item.path.write_text("no picture")


@pytest.mark.parametrize(
    ("harm", "reasons"),
    [
        (gone, {"picture missing"}),
        (text, {"picture damaged"}),
        (cut, {"picture damaged"}),
        (other, {"picture hash"}),
        (smaller, {"picture size", "picture hash"}),
    ],
)
def test_a_harmed_picture_is_found(tmp_path: Path, harm: Callable[[Item], None], reasons: set[str]) -> None:
    items = good(tmp_path)
    harm(items[0])
    findings = checked(items)
    assert set(findings.skipped) == reasons
    assert {each.where for each in findings.told if each.reason in reasons} == {"0.png"}


def test_a_picture_that_nobody_would_decode_is_found_without_decoding(tmp_path: Path) -> None:
    item = good(tmp_path, 1)[0]
    assert item.path is not None
    head = bytearray(item.path.read_bytes())
    head[16:24] = (9000).to_bytes(4, "big") * 2
    item.path.write_bytes(head)
    findings = checked([replace(item, width=9000, height=9000, sha256=None)], Depth())
    assert dict(findings.skipped) == {"picture size": 1}
    assert "at most 67108864 pixels are read" in findings.told[0].text


def test_a_picture_that_is_not_in_the_set_is_found(tmp_path: Path) -> None:
    assert checked([replace(good(tmp_path)[0], path=None)]).skipped == {"picture missing": 1}


def test_ids_and_file_names_that_are_there_twice_are_found(tmp_path: Path) -> None:
    a, b = good(tmp_path)
    assert checked([a, replace(b, id=a.id)]).skipped == {"id twice": 1}
    assert checked([a, replace(a, id="z")], Depth()).skipped == {"file name twice": 1}


def test_boxes_outside_are_faults_and_boxes_across_the_edge_are_told(tmp_path: Path) -> None:
    item = good(tmp_path)[0]
    labels = (Label((500, 1, 5, 5), "cat"), Label((-2, 1, 5, 5), "cat"))
    findings = checked([replace(item, labels=labels)])
    assert findings.skipped == {"label outside of the picture": 1}
    assert findings.noted == {"label beyond the edge": 1}


def test_the_same_picture_in_two_splits_is_a_leak(tmp_path: Path) -> None:
    a, b = good(tmp_path)
    assert checked([a, replace(a, id="z", file="z.png", split="test")]).skipped == {"leak": 1}
    assert checked([a, replace(a, id="z", file="z.png")]).clean
    assert checked([replace(a, phash=5), replace(b, phash=7, split="val")]).skipped == {"leak": 1}


def test_classes_and_links_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    item = replace(good(tmp_path)[0], labels=(), near=("gone",))
    assert checked([item]).noted == {"class without labels": 1, "link to nothing": 1}
