"""Prepare: whole families on one side, the shares that were asked for, and nothing moves when the set grows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ConfigError, ProtocolError
from dataset.findings import Findings
from dataset.items import Category, Item, Origin
from dataset.kinship import key_of
from dataset.prepare import HELD, SPLITS, Division, Plan, divide, divided, parse_shares, read_ledger, side_of

SECOND_NS = 1_000_000_000


@dataclass
class Given:
    """Implements Reader over a list."""

    items: Sequence[Item]
    findings: Findings = field(default_factory=Findings)
    categories: Sequence[Category] = ()

    @property
    def total(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def close(self) -> None:
        pass


def item(name: str, near: tuple[str, ...] = (), **origin: object) -> Item:
    return Item(name, f"{name}.png", 9, 9, near=near, origin=Origin(**origin))  # type: ignore[arg-type]


def division_of(items: Sequence[Item], plan: Plan = Plan(), before: dict[str, str] | None = None) -> Division:  # noqa: B008 (frozen)
    return divide(Given(items), plan, before or {}, lambda _: None)


def sides(items: Sequence[Item], division: Division) -> dict[str, str]:
    return {each.id: each.split for each in divided(items, division)}


def test_a_session_is_never_divided() -> None:
    items = [item(f"{session}-{n}", session=f"s{session}") for session in range(40) for n in range(5)]
    found = sides(items, division_of(items))
    assert all(len({found[f"{session}-{n}"] for n in range(5)}) == 1 for session in range(40))
    assert set(found.values()) == set(SPLITS)


def test_the_shares_come_out_as_asked_for_where_there_are_enough_families() -> None:
    items = [item(f"i{n}") for n in range(5000)]
    division = division_of(items, Plan((0.7, 0.2, 0.1)))
    assert {name: round(count / 5000, 1) for name, count in division.counts().items()} == {"train": 0.7, "val": 0.2, "test": 0.1}


def test_another_salt_is_another_division() -> None:
    items = [item(f"i{n}") for n in range(100)]
    assert sides(items, division_of(items)) != sides(items, division_of(items, Plan(salt="pepper")))


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_nothing_that_was_put_somewhere_moves_when_the_set_grows_and_nothing_leaks(data: st.DataObject) -> None:
    """New pictures may look like old ones of two sides, come in any place and in any session."""
    names = [f"i{n}" for n in range(12)]
    items = []
    for name in names:
        near = data.draw(st.lists(st.sampled_from(names), max_size=2))
        session = data.draw(st.sampled_from(["", "a", "b"]))
        items.append(item(name, tuple(near), session=session))
    chosen = set(data.draw(st.lists(st.sampled_from(names), max_size=10)))
    old = [each for each in items if each.id in chosen]
    first = sides(old, division_of(old))
    grown = division_of(items, before=first)
    second = sides(items, grown)
    assert all(second[name] == side for name, side in first.items())
    assert len(second) + len(grown.held) == len(items)
    for each in items:
        for other in each.near:
            assert each.id not in second or other not in second or second[each.id] == second[other]
    for session in "ab":
        assert len({second[each.id] for each in items if each.origin.session == session and each.id in second}) <= 1


def test_the_one_new_picture_that_ties_two_sides_together_is_held_out() -> None:
    old = [item("a"), item("b")]
    before = {"a": "train", "b": "test"}
    division = division_of([*old, item("bridge", near=("a", "b"))], before=before)
    assert division.held == ["bridge"]
    assert list(division.sides) == [0, 2, HELD]


def test_an_earlier_division_that_leaks_by_todays_rules_is_refused() -> None:
    with pytest.raises(ConfigError, match="belong together"):
        division_of([item("a", session="s"), item("b", session="s")], before={"a": "train", "b": "test"})


def test_pictures_of_a_camera_that_follow_each_other_closely_are_kin() -> None:
    times = [0, 30, 80, 300, 320]
    items = [item(f"{camera}{t}", camera=camera, wall_ns=t * SECOND_NS) for t in times for camera in "xy"]
    division = division_of(items, Plan(gap_s=60))
    assert division.families == 4
    assert division_of(items, Plan(gap_s=10)).families == 10
    assert division.links["time"] == 6


def test_what_keeps_pictures_together_can_be_chosen() -> None:
    one = Item("a", "yard/a.png", 9, 9, attributes={"shelf": 4}, sequence="v", origin=Origin("cam", "s", "e", "f"))
    ways = ("session", "event", "camera", "source", "sequence", "folder", "none", "attribute:shelf", "attribute:x")
    keys = {by: key_of(one, by) for by in ways}
    assert keys == {
        "session": "session s",
        "event": "event e",
        "camera": "camera cam",
        "source": "source f",
        "sequence": "sequence v",
        "folder": "folder yard",
        "none": "",
        "attribute:shelf": "attribute:shelf 4",
        "attribute:x": "",
    }
    assert key_of(one, "auto") == "session s"


def test_the_same_file_and_what_looks_like_it_stay_together(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    noise = np.random.default_rng(1).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    picture = cv2.resize(noise, (160, 120), interpolation=cv2.INTER_CUBIC)
    for name, image in (("a", picture), ("b", picture), ("c", np.clip(picture.astype(int) + 3, 0, 255).astype(np.uint8))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
    items = [Item(name, name, 160, 120, path=tmp_path / f"{name}.png") for name in "abc"]
    division = division_of(items)
    assert division.families == 1
    assert division.links == Counter({"same file": 1, "near": 1})
    assert division_of(items, Plan(look=False)).families == 3


def test_a_split_of_nothing_gets_nothing() -> None:
    assert {side_of(f"n{n}", "salt", (0.5, 0.0, 0.5)) for n in range(200)} == {0, 2}
    assert {side_of(f"n{n}", "salt", (1.0, 0.0, 0.0)) for n in range(200)} == {0}


@pytest.mark.parametrize("text", ["", "1", "0,0,0", "a,b,c", "1,2,3,4", "-1,1,1", "nan,1,1", "inf,1,1"])
def test_shares_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--split"):
        parse_shares(text)


def test_shares_are_parts_of_their_sum() -> None:
    assert parse_shares("70,20,10") == (0.7, 0.2, 0.1)
    assert parse_shares("3,1") == (0.75, 0.25, 0.0)


@pytest.mark.parametrize("text", ["x", "[]", '{"id": 1, "split": "train"}', '{"id": "a", "split": "all"}', "[" * 100_000, "\xff"])
def test_a_ledger_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "splits.jsonl").write_bytes(text.encode("latin-1"))
    with pytest.raises(ProtocolError, match=r"splits\.jsonl"):
        read_ledger(tmp_path / "splits.jsonl")


def test_a_ledger_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "splits.jsonl").write_text("".join(json.dumps({"id": n, "split": "val"}) + "\n" for n in "ab"))
    assert read_ledger(tmp_path / "splits.jsonl") == {"a": "val", "b": "val"}
    with pytest.raises(ConfigError):
        read_ledger(tmp_path / "none")
