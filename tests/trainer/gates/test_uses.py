"""The ledger of test sets: every use counts, over restarts, torn lines and writers at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contracts.errors import StorageError
from tests.trainer.gates.worlds import NOW
from trainer.gates.rules import Wear
from trainer.gates.uses import Uses

WEAR = Wear(warn_after=2, refuse_after=4)


def test_models_are_counted_by_test_set_and_once_each(tmp_path: Path) -> None:
    path = tmp_path / "state" / "uses.jsonl"
    assert Uses(path).count("a", "one", NOW, WEAR).level == "fresh"
    assert Uses(path).count("b", "one", NOW, WEAR).uses == 1
    again = Uses(path).count("a", "one", NOW, WEAR)
    assert (again.uses, again.models, again.level) == (2, 1, "fresh")


def test_a_test_set_wears_out(tmp_path: Path) -> None:
    uses = Uses(tmp_path / "uses.jsonl")
    levels = [uses.count("a", f"model {n}", NOW, WEAR).level for n in range(6)]
    assert levels == ["fresh", "fresh", "worn", "worn", "worn_out", "worn_out"]
    assert uses.count("a", "model 0", NOW, Wear()).level == "fresh"


def test_a_torn_or_damaged_line_counts_against_every_test_set(tmp_path: Path) -> None:
    path = tmp_path / "uses.jsonl"
    Uses(path).count("a", "one", NOW, WEAR)
    Uses(path).count("a", "two", NOW, WEAR)
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    seen = Uses(path).count("a", "three", NOW, WEAR)
    assert (seen.models, seen.level) == (3, "worn")
    assert "1 damaged lines" in seen.note
    assert Uses(path).count("a", "three", NOW, WEAR).uses == 3


def test_many_writers_lose_no_use(tmp_path: Path) -> None:
    path = tmp_path / "uses.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: Uses(path).count("a", f"model {n}", NOW, WEAR), range(40)))
    last = Uses(path).count("a", "model 0", NOW, WEAR)
    assert (last.uses, last.models) == (41, 40)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "uses.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError):
        Uses(tmp_path / "uses.jsonl").count("a", "one", NOW, WEAR)
    assert not (tmp_path / "elsewhere").exists()
