"""Recognition: decoding, odd crops, bundles of another layout, and real lines in many fonts."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from contracts.errors import BundleError
from tests.vision.bundles import white_box_bundle
from tests.vision.text.models import bright_bundle, fetched, map_bundle
from vision.text.charset import Charset
from vision.text.recognise import WIDEST, decode, open_recogniser

DATA = Path(__file__).parent / "data"
ABC = Charset(tuple("abc "))
MOST_WRONG = 0.01  # of the characters of data/lines.png


def spelled(columns: list[int], sure: float = 0.9) -> np.ndarray:
    """Scores of 5 columns whose likeliest are these."""
    scores = np.full((len(columns), 5), (1 - sure) / 4, np.float32)
    scores[np.arange(len(columns)), columns] = sure
    return scores


def collapsed(columns: list[int]) -> str:
    """CTC by the book."""
    text, last = "", 0
    for column in columns:
        text += ABC.characters[column - 1] if column not in {0, last} else ""
        last = column
    return text


@given(st.lists(st.integers(0, 4), max_size=40))
def test_steps_become_text_as_the_book_says(columns: list[int]) -> None:
    found = decode(spelled(columns).reshape(-1, 5), ABC)
    assert found.text == collapsed(columns)
    assert found.confidence == pytest.approx(0.9 if found.text else 0.0)


def test_a_letter_is_doubled_by_a_blank_between() -> None:
    assert decode(spelled([1, 1, 0, 1, 2]), ABC).text == "aab"


def test_what_is_not_allowed_is_not_read_and_what_is_forced_is_not_believed() -> None:
    scores = np.array([[0.01, 0.6, 0.39, 0.0, 0.0], [0.9, 0.05, 0.05, 0.0, 0.0]], np.float32)
    assert decode(scores, ABC).text == "a"
    found = decode(scores, ABC, ABC.allowed(None, "b"))
    assert (found.text, found.confidence) == ("b", pytest.approx(0.39))


def test_a_line_is_read_at_its_own_width(tmp_path: Path) -> None:
    recogniser = open_recogniser(bright_bundle(tmp_path / "b"))
    line = np.zeros((48, 640, 3), np.uint8)
    line[:, 80:160], line[:, 240:400] = 85, 170
    free, forced = recogniser.read(line), recogniser.read(line, recogniser.charset.allowed(None, "a"))
    assert free.text == "ab"
    assert set(forced.text) == {"a"}
    assert forced.confidence < free.confidence - 0.1
    recogniser.close()


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (48, 48), (7, 3), (30, 30 * (WIDEST + 20))])
def test_crops_of_any_size_have_an_answer(shape: tuple[int, int], tmp_path: Path) -> None:
    recogniser = open_recogniser(bright_bundle(tmp_path / "b"))
    tensor = recogniser._tensor(np.full((*shape, 3), 85, np.uint8))
    assert tensor.shape[2] == 48
    assert 320 <= tensor.shape[3] <= 48 * WIDEST
    assert recogniser.read(np.full((*shape, 3), 85, np.uint8)).confidence <= 1


def test_a_crop_without_pixels_says_nothing(tmp_path: Path) -> None:
    recogniser = open_recogniser(bright_bundle(tmp_path / "b"))
    assert recogniser.read(np.zeros((0, 9, 3), np.uint8)).text == ""


def test_a_line_reads_the_same_whatever_was_read_before(tmp_path: Path) -> None:
    recogniser = open_recogniser(bright_bundle(tmp_path / "b"))
    lines = [np.random.default_rng(n).integers(0, 255, (20 + n, 90 + 31 * n, 3), np.uint8) for n in range(6)]
    assert [recogniser.read(line) for line in lines] == [recogniser.read(line) for line in reversed(lines)][::-1]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"task": "detect"}, "is for detect with head ctc, not for read_text"),
        ({"head": {"kind": "db"}}, "with head db"),
        ({"head": {"kind": "ctc", "options": {"letters": "x"}}}, "head ctc: Extra inputs"),
        ({"head": {"kind": "ctc", "options": {"charset": "CARD.md"}}}, "charset: not one printable character"),
        ({"head": {"kind": "ctc", "options": {"charset": "none.txt"}}}, "none.txt is not listed"),
        ({"input": {"name": "x", "size": (48, 320)}}, "input is uint8 nhwc, lines need float32 nchw"),
        ({"input": {"name": "y", "size": (48, 320), "dtype": "float32", "layout": "nchw"}}, "input is named x, not y"),
        ({"input": {"name": "x", "size": (32, 320), "dtype": "float32", "layout": "nchw"}}, "input x takes"),
    ],
)
def test_a_bundle_of_another_layout_is_refused_in_words(fields: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=said):
        open_recogniser(bright_bundle(tmp_path / "b", **fields))


def test_a_charset_of_another_length_is_refused(tmp_path: Path) -> None:
    stored = bright_bundle(tmp_path / "b")
    other = bright_bundle(tmp_path / "c", letters="abcd ")
    model = (other.path / "model.onnx").read_bytes()
    with pytest.raises(BundleError, match=r"head ctc needs one of \(1, any, 4\)"):
        from vision.bundle_write import write_bundle

        fields = stored.manifest.model_dump(exclude={"model", "files", "chunks"})
        files = {"model.onnx": model, "charset.txt": stored.read("charset.txt")}
        open_recogniser(write_bundle(tmp_path / "d", fields, files))


def test_a_detector_does_not_read(tmp_path: Path) -> None:
    for stored in (white_box_bundle(tmp_path / "w"), map_bundle(tmp_path / "m")):
        with pytest.raises(BundleError, match="not for read_text"):
            open_recogniser(stored)


@pytest.mark.reading
def test_lines_in_many_fonts_are_read() -> None:
    """48 lines, 24 texts, 20 cuts of DejaVu, 14 to 32 pixels, light on dark and dark on light, some hatched, some blurred."""
    recogniser = open_recogniser(fetched("text-read"))
    sheet = cv2.imread(str(DATA / "lines.png"))
    lines = json.loads((DATA / "lines.json").read_text())
    assert len({line["font"] for line in lines}) >= 15
    wrong, letters, misread = 0, 0, []
    for line in lines:
        x1, y1, x2, y2 = line["box"]
        found = recogniser.read(np.ascontiguousarray(sheet[y1:y2, x1:x2]))
        edits = Levenshtein.distance(found.text, line["text"])
        wrong, letters = wrong + edits, letters + len(line["text"])
        misread += [(line["text"], found.text)] if edits else []
    assert wrong / letters <= MOST_WRONG, misread


@pytest.mark.reading
def test_only_digits_are_read_where_only_digits_can_be() -> None:
    recogniser = open_recogniser(fetched("text-read"))
    sheet = cv2.imread(str(DATA / "lines.png"))
    line = next(line for line in json.loads((DATA / "lines.json").read_text()) if line["text"] == "00:31:59")
    x1, y1, x2, y2 = line["box"]
    found = recogniser.read(np.ascontiguousarray(sheet[y1:y2, x1:x2]), recogniser.charset.allowed(None, "0-9:"))
    assert found.text == "00:31:59"
    assert found.confidence > 0.9
