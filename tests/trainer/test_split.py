"""Parts of a recording never touch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigError
from trainer.split import by_time
from trainer.street import PARTS


@given(st.integers(60, 5000), st.floats(0.3, 0.7), st.floats(0.05, 0.2), st.integers(1, 15))
def test_no_frame_is_in_two_parts_and_gaps_lie_between(frames: int, train: float, validation: float, gap: int) -> None:
    try:
        split = by_time(frames, train, validation, gap)
    except ConfigError:
        return
    parts = {name: [i for i in range(frames) if split.part(i) == name] for name in ("train", "validation", "test")}
    assert all(parts.values())
    assert sum(map(len, parts.values())) == frames - 2 * gap
    assert min(parts["validation"]) - max(parts["train"]) == gap + 1
    assert min(parts["test"]) - max(parts["validation"]) == gap + 1
    assert max(parts["test"]) == frames - 1


def test_the_recipe_learns_from_the_beginning_and_is_measured_on_the_end() -> None:
    split = by_time(795, PARTS.train, PARTS.validation, PARTS.gap)
    assert split.train == (0, 461)
    assert split.test == (554, 795)
    assert [split.part(i) for i in PARTS.also] == [None, None]


def test_too_short_a_recording_is_refused() -> None:
    with pytest.raises(ConfigError, match="20 frames are too few"):
        by_time(20)
