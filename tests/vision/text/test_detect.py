"""Finding text: quadrangles on a map, pictures of any shape, and a real screen."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import BundleError
from tests.vision.text.models import bright_bundle, fetched, map_bundle
from vision.planes import BgrPlanes
from vision.text.contours import DbOptions, clockwise, quads_of, straightened
from vision.text.detect import STEP, input_size, open_finder, upright
from vision.text.reader import Reader, open_reader
from vision.text.recognise import open_recogniser


def map_of(*boxes: tuple[int, int, int, int], shape: tuple[int, int] = (128, 256)) -> np.ndarray:
    likelihood = np.zeros(shape, np.float32)
    for x1, y1, x2, y2 in boxes:
        likelihood[y1:y2, x1:x2] = 0.9
    return likelihood


def test_pieces_come_from_top_to_bottom_and_have_grown() -> None:
    quads, scores = quads_of(map_of((20, 80, 120, 100), (30, 20, 90, 40)), DbOptions())
    boxes = upright(quads)
    assert len(boxes) == 2
    assert boxes[0][1] < 20
    assert boxes[0][3] > 40
    assert boxes[1][0] < 20
    assert boxes[1][2] > 120
    assert scores == pytest.approx([0.9, 0.9], abs=0.1)


def test_specks_and_what_is_hardly_text_are_left_out() -> None:
    assert len(quads_of(map_of((5, 5, 7, 7)), DbOptions())[0]) == 0
    assert len(quads_of(map_of((20, 20, 90, 40)) * np.float32(0.5), DbOptions())[0]) == 0
    assert len(quads_of(np.zeros((64, 64), np.float32), DbOptions())[0]) == 0


def test_the_likeliest_are_kept_where_there_are_too_many() -> None:
    likelihood = map_of((10, 10, 60, 30), (10, 50, 60, 70), (10, 90, 60, 110))
    likelihood[50:70] *= np.float32(0.8)
    quads, _ = quads_of(likelihood, DbOptions(max_boxes=2))
    assert upright(quads)[:, 1].tolist() == sorted(upright(quads)[:, 1].tolist())
    assert not any(45 < y < 65 for y in upright(quads)[:, 1] + 10)


def test_corners_are_put_in_order() -> None:
    corners = np.array([[10, 20], [2, 3], [12, 4], [1, 19]], np.float32)
    assert clockwise(corners).tolist() == [[2, 3], [12, 4], [10, 20], [1, 19]]


def test_a_tall_quadrangle_is_turned() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    quad = np.array([[10, 10], [20, 10], [20, 80], [10, 80]], np.float32)
    assert straightened(picture, quad).shape == (10, 70, 3)
    assert straightened(picture, np.full((4, 2), 5, np.float32)).shape[2] == 3


@given(st.integers(1, 4000), st.integers(1, 4000), st.integers(0, 1000), st.integers(32, 4096))
def test_the_input_is_of_whole_steps_and_bounded(width: int, height: int, short: int, long: int) -> None:
    across, down = input_size(width, height, DbOptions(short_px=short, long_px=long))
    assert across % STEP == down % STEP == 0
    assert min(across, down) >= STEP
    assert max(across, down) <= long + STEP


@settings(max_examples=30)
@given(width=st.integers(1, 300), height=st.integers(1, 300), seed=st.integers(0, 99))
def test_pictures_of_any_shape_have_an_answer_inside_them(finder: Reader, width: int, height: int, seed: int) -> None:
    picture = np.random.default_rng(seed).choice([0, 255], (height // 8 + 1, width // 8 + 1, 3)).astype(np.uint8)
    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST)
    quads, scores = finder.find(picture)  # type: ignore[attr-defined]
    assert np.isfinite(quads).all()
    assert len(quads) == len(scores)
    assert (quads >= 0).all()
    assert (quads <= [width - 1, height - 1]).all()


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> object:
    return open_finder(map_bundle(tmp_path_factory.mktemp("map") / "m"))


def test_a_bright_bar_is_found_where_it_is(tmp_path: Path) -> None:
    finder = open_finder(map_bundle(tmp_path / "m"))
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[80:110, 60:240] = 255
    found = finder.detect(BgrPlanes(picture))
    assert found.status == "ok"
    (box,) = found.xyxy
    assert box[0] < 62
    assert box[1] < 82
    assert box[2] > 238
    assert box[3] > 108
    assert len(finder.find(np.zeros((0, 5, 3), np.uint8))[0]) == 0


def test_no_answer_is_a_status(tmp_path: Path) -> None:
    finder = open_finder(map_bundle(tmp_path / "m"))
    finder.close()
    assert finder.detect(BgrPlanes(np.zeros((64, 64, 3), np.uint8))).status == "error"
    assert "closed" in finder.reason


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"head": {"kind": "ctc"}}, "not for find_text with head db"),
        ({"head": {"kind": "db", "options": {"long_px": 1}}}, "head db: long_px"),
        ({"input": {"name": "x", "size": (96, 96)}}, "needs float32 nchw"),
        ({"input": {"name": "z", "size": (96, 96), "dtype": "float32", "layout": "nchw"}}, "named x, not z"),
    ],
)
def test_a_bundle_of_another_layout_is_refused_in_words(fields: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=said):
        open_finder(map_bundle(tmp_path / "b", **fields))


def test_a_network_that_gives_no_map_is_refused(tmp_path: Path) -> None:
    stored = bright_bundle(tmp_path / "b", task="find_text", head={"kind": "db"})
    with pytest.raises(BundleError, match=r"head db needs one of|takes"):
        open_finder(stored)


def test_a_reader_without_a_finder_finds_no_lines(tmp_path: Path) -> None:
    reader = Reader(open_recogniser(bright_bundle(tmp_path / "b")))
    with pytest.raises(LookupError, match="without a finder"):
        reader.lines(np.zeros((9, 9, 3), np.uint8))


def test_lines_are_put_together_of_their_pieces(tmp_path: Path) -> None:
    """Two bars beside one another and one below: two lines."""
    finder = map_bundle(tmp_path / "m", head={"kind": "db", "options": {"unclip": 0.2}})
    reader = open_reader(bright_bundle(tmp_path / "b", letters="a"), finder)
    picture = np.zeros((160, 400, 3), np.uint8)
    picture[20:50, 20:150], picture[22:52, 220:380], picture[100:130, 20:200] = 255, 255, 255
    lines = reader.lines(picture, None, 0.0)
    assert [line.text for line in lines] == ["a a", "a"]
    assert lines[0].box[0] < 25
    assert lines[0].box[2] > 370
    assert set(reader.fingerprint) == {"reader", "finder", "reader_engine"}
    assert lines == reader.lines(picture, None, 0.0)
    reader.close()


@pytest.mark.reading
def test_a_screen_is_read_in_order() -> None:
    reader = open_reader(fetched("text-read"), fetched("text-find"))
    picture = cv2.imread(str(Path(__file__).resolve().parents[3] / "scripts" / "golden_text" / "screen.png"))
    lines = reader.lines(np.asarray(picture, np.uint8))
    assert [line.text for line in lines] == ["SURVIVED", "Player One 12 kills", "Extract: Old Gas Station"]
    assert min(line.confidence for line in lines) > 0.9
