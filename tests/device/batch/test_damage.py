"""Damaged and cut recordings: what can be read is read, the hole is in the document, everything around it is as in one pass."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from contracts.batchlog import read_document
from device.batch.batching import batch
from device.batch.films import Asked
from device.batch.local import LocalRunner
from device.batch.recipe import recipe_of
from device.batch.runner import Result
from device.batch.units import Unit
from device.config import Loaded
from tests.device.batch.films import CLOCK, FFMPEG, InOrder, batched, films_of, messages, one_pass, profile
from tests.device.capture.fakes import SECOND, even, film


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return profile(tmp_path_factory.mktemp("profile"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film(tmp_path_factory.mktemp("whole") / "whole.mkv", even(300), bframes=2).read_bytes()


def damaged(content: bytes, begin: float, end: float, seed: int) -> bytes:
    first, last = int(len(content) * begin), int(len(content) * end)
    return content[:first] + np.random.default_rng(seed).integers(0, 256, last - first, np.uint8).tobytes() + content[last:]


@pytest.mark.parametrize(("name", "begin", "end"), [("a-little", 0.5, 0.502), ("much", 0.3, 0.5), ("in-two", 0.21, 0.23)])
def test_around_noise_all_is_as_in_one_pass(loaded: Loaded, whole: bytes, tmp_path: Path, name: str, begin: float, end: float) -> None:
    path = tmp_path / "noise.mkv"
    path.write_bytes(damaged(whole, begin, end, 5))
    expected = one_pass(loaded, path, tmp_path / "one")
    assert 20 < len(expected) <= 121
    for segment_s in (0.05, 2.5):
        same_but_for_what_leans_on_damage(messages(batched(loaded, path, tmp_path / f"out-{segment_s}", segment_s)), expected)


def same_but_for_what_leans_on_damage(found: list[bytes], expected: list[bytes]) -> None:
    """FFmpeg conceals what is missing from what it has decoded before, in a hair another way with every number of threads: the same
    pictures at the same times, and of these the same pixels but in groups in which something is missing."""
    ours, theirs = ([json.loads(line) for line in lines] for lines in (found, expected))
    for told in (*ours, *theirs):
        told["sum"] = told["data"].pop("sum", None)
        told["data"].pop("number", None)
    leaning = {one["pts_ns"] // SECOND for one, other in zip(ours, theirs, strict=True) if one.pop("sum") != other.pop("sum")}
    assert ours == theirs
    assert len(leaning) <= 2, "a group is a second, and damage is in two at most"


def test_a_cut_file_is_looked_at_as_far_as_it_goes_and_the_document_says_so(loaded: Loaded, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole[: len(whole) // 2])
    made = batched(loaded, path, tmp_path / "out", 2.0)
    assert messages(made) == one_pass(loaded, path, tmp_path / "one")
    known = read_document(made.document).metadata
    assert 4 < known.video_duration_seconds < 8
    assert [hole.reason for hole in known.holes] == ["the file is cut short"]
    assert known.holes[0].end_offset_seconds == pytest.approx(12, abs=0.1)


def test_a_file_of_which_nothing_can_be_read_is_named_and_the_next_one_is_looked_at(loaded: Loaded, whole: bytes, tmp_path: Path) -> None:
    paths = [tmp_path / "noise.mp4", tmp_path / "good.mkv"]
    paths[0].write_bytes(np.random.default_rng(1).bytes(5000))
    paths[1].write_bytes(whole)
    recipe, asked = recipe_of(loaded, "file", CLOCK), Asked(tmp_path / "out")
    films = films_of(paths, recipe, asked)
    summary = batch(films, asked, InOrder(recipe.text()), CLOCK)
    assert summary["failed"] == 1 and "is not a video that can be read" in films[0].failed
    assert films[1].ready and films[1].counts["analysed"] == 120
    assert [each["document"] for each in json.loads((tmp_path / "out" / "index.json").read_text())["documents"]] == ["good.json"]


def test_intra_refresh_without_whole_key_frames_begins_far_enough_back(loaded: Loaded, tmp_path: Path) -> None:
    """Its `key frames` are pictures from which the picture gets whole in the course of a second."""
    raw = film(tmp_path / "raw.mkv", even(200), gop=25)
    path = tmp_path / "refresh.mkv"
    refresh = ["-c:v", "libx264", "-preset", "veryfast", "-x264-params", "intra-refresh=1:keyint=25:bframes=0", str(path)]
    subprocess.run([*FFMPEG, "-i", str(raw), *refresh], check=True, timeout=60)
    assert messages(batched(loaded, path, tmp_path / "out", 0.5)) == one_pass(loaded, path, tmp_path / "one")


def test_a_file_that_changes_while_it_is_looked_at_is_refused(loaded: Loaded, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "grows.mkv"
    path.write_bytes(whole)
    recipe, asked = recipe_of(loaded, "file", CLOCK), Asked(tmp_path / "out", segment_s=2)

    class Changing:
        def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Result]]:
            given = list(units)
            film(path, even(300), bframes=2, moving=lambda _: True)
            yield from LocalRunner(recipe.text(), 1).run(given)

        def close(self) -> None:
            pass

    films = films_of([path], recipe, asked)
    batch(films, asked, Changing(), CLOCK)
    assert "is not what it was when it was indexed" in films[0].failed
