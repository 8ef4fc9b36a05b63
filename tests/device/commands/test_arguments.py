"""Arguments that commands share."""

from __future__ import annotations

import argparse
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigError
from device import scrub
from device.commands.arguments import add_config, load_from, parse_change, seconds
from device.config import Loaded


def test_a_change_is_a_path_and_a_value_as_yaml_reads_it() -> None:
    assert parse_change("a.b=1") == {"a": {"b": 1}}
    assert parse_change("a=x=y") == {"a": "x=y"}
    assert parse_change("mqtt=null") == {"mqtt": None}
    assert parse_change("zones.door.points=[[0, 0], [1, 0]]") == {"zones": {"door": {"points": [[0, 0], [1, 0]]}}}


@given(st.text(max_size=20))
def test_any_change_is_read_or_refused_in_words(text: str) -> None:
    try:
        assert isinstance(parse_change(text), dict)
    except ConfigError as error:
        assert "--set" in str(error)


@given(st.text(max_size=10) | st.floats().map(str))
def test_seconds_are_more_than_none_and_not_for_ever(text: str) -> None:
    with suppress(argparse.ArgumentTypeError):
        assert 0 < seconds(text) <= 1e9


def test_what_is_secret_in_the_configuration_is_hidden_from_then_on() -> None:
    parser = argparse.ArgumentParser()
    add_config(parser)
    args = [
        "--set",
        "cameras.a={use: rtsp, url: 'rtsp://me:swordfish@h/x'}",
        "--set",
        "page.password=opensesame",
        "--set",
        "detection_fps=3",
    ]
    try:
        loaded = load_from(parser.parse_args(args))
        assert isinstance(loaded, Loaded) and loaded.settings.detection_fps == 3
        assert scrub.scrub("swordfish opensesame") == "*** ***"
    finally:
        scrub.forget()


def test_later_changes_win_and_the_rest_of_a_mapping_stays() -> None:
    parser = argparse.ArgumentParser()
    add_config(parser)
    changes = ["--set", "model={workers: 2, mode: latency}", "--set", "model.workers=3"]
    model = load_from(parser.parse_args(changes)).settings.model
    assert (model.workers, model.mode) == (3, "latency")
    with pytest.raises(ConfigError, match=r"--set: model\.workers = -1"):
        load_from(parser.parse_args(["--set", "model.workers=-1"]))
