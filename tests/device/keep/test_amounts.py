"""Amounts of room and of time as an owner writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from device.keep.amounts import amount_bytes, span_s, written
from device.keep.options import StorageOptions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80 GB", 80_000_000_000), ("80gb", 80_000_000_000), ("1.5 TB", 1_500_000_000_000), ("512 MiB", 512 << 20), ("60%", 600),
        ("0", 0), ("1000", 1000), ("7 kB", 7000), (" 12 b ", 12), ("0.5 %", 5), ("100%", 1000),
    ],
)  # fmt: skip
def test_room_is_read_as_it_is_written(text: str, expected: int) -> None:
    assert amount_bytes(text, 1000) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30 days", 2_592_000), ("1 day", 86_400), ("12 hours", 43_200), ("90 s", 90), ("2h", 7200), ("1 week", 604_800), ("5 min", 300)],
)
def test_time_is_read_as_it_is_written(text: str, expected: int) -> None:
    assert span_s(text) == expected


@pytest.mark.parametrize("text", ["", "lots", "-1 GB", "80 days", "101%", "1e9", "80 GB GB", "٣ GB", "1,5 GB", "GB", "9" * 30])
def test_what_is_no_amount_of_room_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match=r"write for example|write at most"):
        StorageOptions.model_validate({"clips": {"budget": text}})


@pytest.mark.parametrize("text", ["", "soon", "30", "30 GB", "-1 day", "1 fortnight"])
def test_what_is_no_length_of_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match="30 days"):
        StorageOptions.model_validate({"clips": {"max_age": text}})


@given(st.integers(0, 10**15))
def test_what_is_shown_can_be_read_again_to_within_a_twentieth(count: int) -> None:
    shown = written(count).replace("bytes", "b")
    assert amount_bytes(shown, 0) == pytest.approx(count, rel=0.06, abs=1)


def test_a_plain_number_is_bytes() -> None:
    assert StorageOptions.model_validate({"free_low": 5_000_000}).free_low == "5000000"


@pytest.mark.parametrize("value", [True, 1.5, ["80 GB"], None])
def test_other_kinds_of_value_are_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        StorageOptions.model_validate({"free_low": value})


def test_one_option_of_a_shelf_leaves_the_others_as_they_were() -> None:
    options = StorageOptions.model_validate({"clips": {"max_age": "30 days"}, "exports": {"unacknowledged": "alert"}})
    assert (options.clips.budget, options.clips.max_age, options.exports.budget) == ("70%", "30 days", "10%")


@pytest.mark.parametrize("first", [["clips", "clips"], ["journal"], ["models"]])
def test_what_goes_first_is_named_once_and_never_the_journal(first: list[str]) -> None:
    with pytest.raises(ValidationError):
        StorageOptions.model_validate({"first": first})
