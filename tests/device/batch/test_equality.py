"""The heart: one pass, one unit, many units in any order on several processes give the same events, to the last bit."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import cv2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.config import Loaded, load
from tests.device.batch.films import KINDS, SITE, awkward, batched, messages, one_pass, profile, without_time
from tests.device.capture.fakes import even, film
from tests.scenarios.stage import config
from tests.scenarios.stage import film as visits

STREET = Path(__file__).resolve().parents[3] / ".cache" / "footage" / "street.mkv"
VISITS = ((1.0, 3.0), (5.0, 7.0), (9.0, 11.0))
NEARLY_NOTHING = 0.05  # seconds: a unit at each key frame


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return profile(tmp_path_factory.mktemp("profile"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_to_divide_a_film_gives_the_events_of_one_pass(loaded: Loaded, kind: str, tmp_path: Path) -> None:
    path = awkward(tmp_path, kind)
    expected = one_pass(loaded, path, tmp_path / "one")
    assert len(expected) > 10
    for segment_s in (NEARLY_NOTHING, 1.7, 600.0):
        out = tmp_path / f"out-{segment_s}"
        assert messages(batched(loaded, path, out, segment_s)) == expected, segment_s


@pytest.mark.parametrize("fps", [0.4, 3, 25, 120])
def test_a_period_that_a_border_cuts_has_one_sample(tmp_path: Path, fps: float) -> None:
    loaded = profile(tmp_path / "profile", fps)
    path = awkward(tmp_path, "open")
    expected = one_pass(loaded, path, tmp_path / "one")
    assert messages(batched(loaded, path, tmp_path / "out", NEARLY_NOTHING)) == expected


def test_stages_and_their_options_stay_in_the_order_of_the_profile(tmp_path: Path) -> None:
    """Which an alphabetical one is not: `a_second` needs what `read` has read, and its answer is its first word."""
    loaded = profile(tmp_path / "profile", a_second={"use": f"{SITE}:Doubles", "words": {"zebra": 1, "ant": 2}})
    path = film(tmp_path / "film.mkv", even(30))
    expected = one_pass(loaded, path, tmp_path / "one")
    assert b'"first":"zebra"' in expected[0]
    assert messages(batched(loaded, path, tmp_path / "out", 0.5)) == expected


def test_what_is_hidden_is_black_in_every_way_to_divide_a_film_and_in_its_thumbnails(tmp_path: Path) -> None:
    loaded = profile(tmp_path / "profile", masks=[[[0, 0.5], [1, 0.5], [1, 1], [0, 1]]])
    path = awkward(tmp_path, "bframes")
    expected = one_pass(loaded, path, tmp_path / "one")
    assert expected != one_pass(profile(tmp_path / "bare"), path, tmp_path / "two"), "pixels decide"
    made = batched(loaded, path, tmp_path / "out", NEARLY_NOTHING)
    assert messages(made) == expected
    pictures = [cv2.imread(str(each)) for each in (made.folder / "thumbnails").iterdir()]
    halves = [(each[: len(each) // 2], each[len(each) // 2 + 8 :]) for each in pictures]
    assert halves and all(lower.max() < 24 < upper.max() for upper, lower in halves)


def stirs(at_ms: int) -> bool:
    return 3000 < at_ms < 5000 or at_ms > 10_900


@pytest.mark.parametrize("kind", ["open", "bframes", "vfr"])
def test_with_a_gate_exactly_what_it_lets_through_is_looked_at(kind: str, tmp_path: Path) -> None:
    number = [[0, 0], [1, 0], [1, 0.4], [0, 0.4]]  # that runs up there
    gate = {"hold_ms": 400, "watch_interval_ms": 500, "max_wait_ms": 1500, "masks": {"file": [number]}}
    loaded = profile(tmp_path / "profile", gate=gate)
    path = awkward(tmp_path, kind) if kind != "vfr" else film(tmp_path / "stirs.mkv", even(300), moving=stirs)
    expected = one_pass(loaded, path, tmp_path / "one")
    made = batched(loaded, path, tmp_path / "out", NEARLY_NOTHING)
    assert messages(made) == expected
    counts = made.counts
    assert counts["offered"] == counts["analysed"] + counts["gated"] + counts["dropped"]
    if kind == "vfr":
        assert 20 < counts["analysed"] < 80, "the rest was not even decoded"


def test_two_processes_and_one_give_the_same_bytes_but_for_the_processing_time(tmp_path: Path) -> None:
    device, path = (
        config(tmp_path, {"use": "pattern", "pace": "realtime"}),
        visits(tmp_path / "visits.mkv", VISITS, 12.0),
    )
    loaded = load(device)
    expected = one_pass(loaded, path, tmp_path / "one")
    documents = {}
    for name, (segment_s, workers) in {"whole": (600.0, 0), "parts": (2.0, 2)}.items():
        made = batched(loaded, path, tmp_path / name, segment_s, workers)
        assert messages(made) == expected
        assert without_time(made.folder / "events.jsonl") == without_time(tmp_path / "one" / "events.jsonl")
        documents[name] = made
    first, second = documents["whole"], documents["parts"]
    assert without_time(first.document) == without_time(second.document)
    pictures = [{p.name: p.read_bytes() for p in (each.folder / "thumbnails").iterdir()} for each in (first, second)]
    assert pictures[0] == pictures[1] and len(pictures[0]) == 3
    document = json.loads(first.document.read_bytes())
    assert [round(e["video_offset_seconds"], 1) for e in document["events"]] == [1.0, 5.0, 9.0]


@pytest.mark.footage
def test_the_street_as_it_comes_is_the_same_in_parts(tmp_path: Path) -> None:
    if not STREET.exists():
        pytest.skip("the street footage is not there: make test fetches it")
    (tmp_path / "device.yaml").write_text(f"device_id: box-01\ndata: {tmp_path}/data\n")
    loaded = load(tmp_path / "device.yaml", "street", {"detection_fps": 2})
    short = tmp_path / "street.mkv"
    subprocess.run(["ffmpeg", "-loglevel", "error", "-i", str(STREET), "-t", "9", "-c", "copy", str(short)], check=True, timeout=60)
    expected = one_pass(loaded, short, tmp_path / "one")
    assert len(expected) > 3
    assert messages(batched(loaded, short, tmp_path / "out", 3.0)) == expected


@pytest.fixture(scope="module")
def open_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return awkward(tmp_path_factory.mktemp("open"), "open")


@given(segment_s=st.floats(0.04, 7), fps=st.sampled_from([1, 7, 10, 24]))
@settings(max_examples=8)
def test_no_border_changes_anything(open_film: Path, tmp_path_factory: pytest.TempPathFactory, segment_s: float, fps: float) -> None:
    folder = tmp_path_factory.mktemp("any")
    loaded = profile(folder / "profile", fps)
    expected = one_pass(loaded, open_film, folder / "one")
    assert messages(batched(loaded, open_film, folder / "out", segment_s)) == expected
