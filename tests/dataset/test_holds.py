"""What formats hold: the tables of the guide are what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings

from dataset.formats.known import FORMATS
from dataset.holds import FEATURES, features_of, held
from dataset.items import Category, Item
from tests.dataset import made

GUIDE = Path(__file__).resolve().parent.parent.parent / "docs/guide/dataset-formats.md"


def table() -> tuple[list[str], dict[str, list[str]]]:
    """Formats, and the marks of each feature."""
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in GUIDE.read_text().splitlines() if line.startswith("|")]
    head = next(row for row in rows if row[0] == "what")
    words = {feature.words: name for name, feature in FEATURES.items()}
    return head[1:], {words[row[0]]: row[1:] for row in rows if row[0] in words}


def test_the_table_of_the_guide_is_what_the_code_declares() -> None:
    formats, rows = table()
    assert formats == [name for name in FORMATS if name != "vedette"]
    assert set(rows) == set(FEATURES)
    for name, marks in rows.items():
        assert [mark == "yes" for mark in marks] == [name in FORMATS[each].holds for each in formats], name


def test_every_format_and_action_is_in_the_guide() -> None:
    text = GUIDE.read_text()
    assert not [name for name in FORMATS if f"`{name}`" not in text]
    assert set(re.findall(r"vedette dataset ([a-z]+)", text)) >= {"convert", "prepare", "diff", "stats", "check"}


@settings(max_examples=30, deadline=None)
@given(made.sets())
def test_what_is_lost_is_what_stripping_changes(given_set: tuple[list[Category], list[Item]]) -> None:
    for item in given_set[1]:
        changed = {name for name, feature in FEATURES.items() if feature.strip(item) != item}
        assert features_of(item) == changed - {"id", "numbers"}
        assert held(item, FEATURES) == item
