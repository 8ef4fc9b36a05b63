"""The configuration: what is wrong in it is said with its line, before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import ConfigError
from trainer.train.config_file import config_of, read_config


def written(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text)
    return path


def test_a_short_file_is_enough_and_the_rest_has_defaults(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, "data: {set: shelf, split: first}\nmodel: {architecture: large, size: [320, 416]}\n"))
    assert (config.data.set, config.model.architecture, config.model.size) == ("shelf", "large", (320, 416))
    assert config.training.epochs == 100
    assert config_of(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data: {set: a}\ntraining:\n  epoch: 3\n", r"run\.yaml:3: training\.epoch: is not a known key; did you mean `epochs`\?"),
        ("data: {set: a}\nmodle: {}\n", r"run\.yaml:2: modle: is not a known key; did you mean `model`\?"),
        ("training: {epochs: 3}\n", r"run\.yaml:1: data: is missing; add `data:` here"),
        (
            "data: {set: a}\nmodel:\n  architecture: huge\n",
            r"run\.yaml:3: model\.architecture: 'huge': is none of ours; write one of small",
        ),
        ("data: {set: a}\nmodel: {size: [100, 128]}\n", r"sides are multiples of 32"),
        ("data: {set: a}\nmodel: {size: [64, 64]}\n", r"at least"),
        ("data: {set: a}\ntraining: {rate: .nan}\n", r"training\.rate"),
        ("data: {set: a}\ndata: {set: b}\n", r"run\.yaml:2: data: is there twice, first in line 1"),
        ("data: &a {set: a}\nmodel: *a\n", r"aliases"),
        ("data: [", r"is not YAML"),
        ("data: {set: a, classes: []}\n", r"name at least one class"),
        ("data: {set: a}\nmodel: {parent: b, backbone: c}\n", r"two beginnings"),
        ("data: {set: a}\ntargets:\n  points: f9x\n", r"run\.yaml:3: targets\.points: .*write f1, f2, f0\.5 or precision=0\.95"),
        ("data: {set: a}\naugment: {scale: [2, 1]}\n", r"smallest and largest"),
    ],
)
def test_a_fault_is_named_with_its_line_and_its_mend(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_config(written(tmp_path, text))


def test_all_faults_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(written(tmp_path, "data: {set: a}\ntraining: {epochs: 0, batch: 3}\naugment: {flip: 2}\n"))
    assert len(str(caught.value).splitlines()) == 3


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not there"):
        read_config(tmp_path / "gone.yaml")
