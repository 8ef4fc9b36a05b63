"""What each kind of job does, with a real home: named things only, told how far it is, stopped when nobody wants it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

from contracts.errors import ConfigError, VedetteError
from tests.trainer.boxes import TOKEN, RunningBox
from tests.trainer.jobs.homes import home_in, open_jobs
from trainer.clock import SystemClock
from trainer.home import Home
from trainer.jobs.kinds import KINDS, Given, checked, read, schema

GATES = """
version: 1
resamples: 200
min_recordings: 2
min_objects: 1
rules:
  finds-persons: {kind: absolute, metric: ap, at_least: 0.99, classes: [person]}
"""


class Listening:
    """A Told that stops after so many words."""

    def __init__(self, most: int = 1 << 30) -> None:
        self.said: list[tuple[float, str]] = []
        self._most = most

    def progress(self, done: float, said: str) -> None:
        assert 0 <= done <= 1
        self.said.append((done, said))

    def stopped(self) -> bool:
        return len(self.said) >= self._most


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Given, str]]:
    home, digest = home_in(tmp_path_factory.mktemp("works"), 12)
    database, _ = open_jobs(home)
    yield Given(home, database, SystemClock(), "01K5QZ3V0000000000000000JJ", "ada", 0, 1), digest
    database.close()


def done(kind: str, given: Given, told: Listening | None = None, **arguments: Any) -> dict[str, Any]:
    wanted, work = read(kind, checked(kind, arguments))
    result = dict(work(wanted, given, told or Listening()))
    json.dumps(result)
    return result


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_what_it_is_asked_with(kind: str) -> None:
    fields = schema(kind)["properties"]
    assert fields
    with pytest.raises(ConfigError, match="its arguments are"):
        checked(kind, {"no_such_argument": 1})


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", "", ".hidden", "x" * 81, "a\n"])
def test_no_argument_names_a_path(name: str) -> None:
    digest = "0" * 64
    for kind, arguments in (
        ("dataset_hash", {"set": name}), ("evaluate", {"bundle": digest, "set": name}), ("export", {"run": name}),
        ("evaluate", {"bundle": digest, "set": "x", "split": name}), ("gate", {"gates": name, "set": "x", "candidate": digest}),
        ("fetch", {"box": "http://box", "into": name}), ("fetch", {"box": "http://box", "into": "x", "token": name}),
        ("review_fill", {"sets": [name]}), ("train", {"config": name}), ("bundle", {"run": name, "name": "ab", "version": "1.0.0"}),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=f"job {kind}"):
            checked(kind, arguments)


def test_the_root_of_a_data_set_is_computed_and_remembered(place: tuple[Given, str]) -> None:
    given, _ = place
    told = Listening()
    found = done("dataset_hash", given, told, set="yard")
    assert (found["items"], found["labels"]) == (12, 12)
    assert told.said[-1] == (1.0, "pictures: 12 of 12")
    assert json.loads((given.home.roots / "yard.json").read_text())["root"] == found["root"]


def test_a_bundle_is_measured_and_stops_between_two_pictures(place: tuple[Given, str]) -> None:
    given, digest = place
    found = done("evaluate", given, bundle=digest, set="yard", side="")
    assert found["bundle"] == digest
    assert found["evaluation"]["pictures"] == 12
    told = Listening(4)
    with pytest.raises(VedetteError, match="stopped at"):
        done("evaluate", given, told, bundle=digest, set="yard", side="")
    assert len(told.said) == 4


def test_a_bundle_is_judged_and_its_verdict_kept(place: tuple[Given, str]) -> None:
    given, digest = place
    (given.home.gates / "strict.yaml").write_text(GATES)
    found = done("gate", given, gates="strict", set="yard", side="", candidate=digest)
    assert (found["answer"], found["takes_the_title"], found["registered"]) == ("fail", False, False)
    assert found["failed"][0].startswith("finds-persons")
    kept = json.loads((given.home.verdicts / f"{found['verdict']}.json").read_text())
    assert kept["candidate"] == digest
    aside = done(
        "gate", given, gates="strict", set="yard", side="", candidate=digest, override=["finds-persons"], reason="noise is no person"
    )
    assert aside["answer"] == "pass"
    said = json.loads((given.home.verdicts / f"{aside['verdict']}.json").read_text())
    assert [(each["rule"], each["name"]) for each in said["overrides"]] == [("finds-persons", "ada")]
    with pytest.raises(ConfigError, match="needs a reason"):
        done("gate", given, gates="strict", set="yard", side="", candidate=digest, override=["finds-persons"], reason="short")


def test_training_data_is_fetched_from_a_box_with_a_token_of_the_home(place: tuple[Given, str], tmp_path: Path) -> None:
    given, _ = place
    source = Home(tmp_path / "box").path / "dataset"
    home_in(tmp_path / "made", 5)[0].sets.joinpath("yard").rename(source)
    (given.home.keys / "box-1").write_text(TOKEN + "\n")
    box = RunningBox(source)
    try:
        report = done("fetch", given, box=box.address, into="fetched", token="box-1")
        assert (report["pictures"], report["records"]) == (5, 5)
        again = done("fetch", given, box=box.address, into="fetched", token="box-1")
        assert again["pictures"] == 0
        with pytest.raises(ConfigError, match="cannot be read"):
            done("fetch", given, box=box.address, into="fetched", token="no-such")
    finally:
        box.stop()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"data": {"set": "/etc"}}, "data.set"), ({"data": {"set": "x", "split": "../y"}}, "data.split"),
        ({"data": {"set": "x"}, "model": {"backbone": "weights"}}, "model.backbone"),
        ({"data": {"set": "x"}, "model": {"architecture": "outside:mine", "command": ["sh"]}}, "starts another program"),
        ({"data": {"set": "x"}, "model": {"command": ["sh"]}}, "starts another program"),
    ],
)  # fmt: skip
def test_settings_of_a_run_name_neither_paths_nor_programs(place: tuple[Given, str], settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        done("train", place[0], settings=settings)


def test_a_run_is_asked_for_in_one_of_two_ways() -> None:
    for arguments in ({}, {"config": "a", "settings": {}}):
        with pytest.raises(ConfigError, match="one of them"):
            checked("train", arguments)


def test_what_is_worth_labelling_is_put_into_the_queue(place: tuple[Given, str]) -> None:
    found = done("review_fill", place[0], sets=["yard"])
    assert found["sets"] == 1
    assert found["records"] >= 12
