"""Cohorts: which boxes a name means."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from contracts.errors import ConfigError
from trainer.home import Home
from trainer.push.cohorts import Cohort, cohorts_of, members

HEARD = ["shop-a1", "shop-a2", "shop-b1", "yard-1"]
COHORTS = {
    "shops": Cohort(boxes=["shop-*"], canaries=["shop-a?"]),
    "yard": Cohort(boxes=["yard-1", "yard-new"], canaries=["yard-1"]),
    "nobody": Cohort(boxes=["lab-*"]),
    "stray": Cohort(boxes=["shop-a1"], canaries=["yard-*"]),
}


def test_patterns_are_of_boxes_that_were_heard_of_and_names_may_be_of_new_ones() -> None:
    assert members(COHORTS, ["shops"], HEARD) == (["shop-a1", "shop-a2", "shop-b1"], ["shop-a1", "shop-a2"])
    assert members(COHORTS, ["yard", "shops", "yard"], HEARD)[0] == ["yard-1", "yard-new", "shop-a1", "shop-a2", "shop-b1"]
    assert members(COHORTS, [], HEARD) == ([], [])


def test_ten_thousand_names_are_found_at_once() -> None:
    every = [f"box-{number:05}" for number in range(10_000)]
    began_s = time.process_time()
    assert members({"all": Cohort(boxes=every, canaries=every[:1000])}, ["all"], every) == (every, every[:1000])
    assert time.process_time() - began_s < 5, "each was held against each"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody", "'lab-\\*' means no box"),
        ("stray", "'yard-\\*' means no box"),
        ("Shops", "'Shops': is not in configs/cohorts.yaml, which has nobody"),
    ],
)
def test_what_means_no_box_is_a_mistake(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        members(COHORTS, [name], HEARD)


def test_the_file_is_examined(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert cohorts_of(home) == {}
    file = home.configs / "cohorts.yaml"
    file.write_text("shops: {boxes: [shop-*], canaries: [shop-a1]}\n")
    assert cohorts_of(home) == {"shops": Cohort(boxes=["shop-*"], canaries=["shop-a1"])}
    for wrong in (
        "shops: [shop-a1]",
        "shops: {boxes: []}",
        "shops: {boxes: [a], more: 1}",
        "- shops",
        "shops: {boxes: [a]}\nshops: {boxes: [b]}",
    ):
        file.write_text(wrong)
        with pytest.raises(ConfigError, match=r"cohorts\.yaml"):
            cohorts_of(home)
