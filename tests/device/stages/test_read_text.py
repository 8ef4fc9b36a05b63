"""ReadText: regions and boxes, what is kept and dropped, odd boxes, failures, and a cache that changes nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.errors import BundleError, ConfigError, HardwareError
from device.pipeline.doubts import doubts_of
from device.pipeline.protocols import Fingerprinted, FrameOnly
from device.stages.read_text import MOST_ROWS, ReadText
from tests.device.stages.world import boxes, context, frame
from vision.planes import BgrPlanes
from vision.text.charset import Allowed, Charset
from vision.text.reader import TextLine
from vision.types import Image, Scene

CHARSET = Charset(tuple(sorted(set(map(chr, range(0x20, 0x7F))))))
ROW = 10  # pixels of a written line


def written(*lines: str, width: int = 200, at: tuple[int, int] = (0, 0), size: tuple[int, int] = (100, 400)) -> Image:
    """A picture whose pixels are letters: each line a row of them, 10 high, in the blue channel from `at` on."""
    picture = np.zeros((*size, 3), np.uint8)
    x, y = at
    for number, line in enumerate(lines):
        codes = np.frombuffer(line.encode().ljust(width, b"\0"), np.uint8)[: size[1] - x]
        picture[y + number * ROW : y + (number + 1) * ROW, x : x + len(codes), 0] = codes
    return picture


class Pixels:
    """A Reader of such pictures; counts how often it is asked."""

    def __init__(self, confidence: float = 0.9) -> None:
        self.asked = 0
        self.confidence = confidence
        self.failure: Exception | None = None

    @property
    def fingerprint(self) -> Mapping[str, str]:
        return {"reader": "sha256:pixels"}

    def allowed(self, language: str | None, characters: str | None) -> Allowed | None:
        return CHARSET.allowed(language, characters)

    def line(self, picture: Image, allowed: Allowed | None = None) -> TextLine:
        self._ask(picture)
        return self._line(picture, 0, allowed)

    def lines(self, picture: Image, allowed: Allowed | None = None, min_confidence: float = 0.5) -> tuple[TextLine, ...]:
        self._ask(picture)
        found = [self._line(picture, y, allowed) for y in range(0, picture.shape[0], ROW)]
        return tuple(line for line in found if line.text and line.confidence >= min_confidence)

    def _ask(self, picture: Image) -> None:
        self.asked += 1
        assert picture.size
        assert picture.flags.c_contiguous
        if self.failure:
            raise self.failure

    def _line(self, picture: Image, y: int, allowed: Allowed | None) -> TextLine:
        text = bytes(code for code in picture[y, :, 0].tolist() if 0x20 <= code < 0x7F).decode()
        if allowed is not None:
            text = "".join(each for each in text if allowed[CHARSET.characters.index(each) + 1])
        return TextLine(text.strip(), self.confidence, (0.0, float(y), float(picture.shape[1]), float(min(y + ROW, picture.shape[0]))))


def stage(reader: Pixels | None = None, **options: Any) -> ReadText:
    made = ReadText.Options.model_validate(options)
    return ReadText(made, replace(context(), open_reader=lambda _name, _finder: reader or Pixels()))


def seen(picture: Image, *rows: Any, labels: tuple[str, ...] = ("kill", "hud"), status: Any = "ok") -> Scene:
    return Scene(frame(0, planes=BgrPlanes(picture)), boxes(*rows, status=status), labels)


def told(scene: Scene) -> list[tuple[str, str | None, dict[str, str] | None]]:
    data = scene.detections.data
    names = [scene.labels[number] for number in scene.detections.class_id.tolist()]
    return [(name, text, fields and dict(fields)) for name, text, fields in zip(names, data["text"], data["fields"], strict=True)]


def test_a_region_where_text_is_becomes_a_row() -> None:
    out = stage(regions={"score": {"area": [0, 0, 0.5, 0.1]}})(seen(written("SCORE 1280")))
    assert told(out) == [("score", "SCORE 1280", None)]
    assert out.detections.xyxy.tolist() == [[0, 0, 200, 10]]
    assert out.detections.confidence.tolist() == pytest.approx([0.9])
    assert out.detections.data["text_confidence"].tolist() == pytest.approx([0.9])
    assert out.labels == ("kill", "hud", "score")


def test_a_region_without_text_is_no_row() -> None:
    out = stage(regions={"score": {"area": [0, 0, 0.5, 0.1]}})(seen(written()))
    assert told(out) == []
    assert set(out.detections.data) == {"text", "text_confidence", "fields"}


def test_a_region_whose_text_is_not_as_expected_is_no_row_unless_it_is_kept() -> None:
    rule = {"area": [0, 0, 0.5, 0.1], "pattern": r"SCORE (?P<score>\d+)"}
    assert told(stage(regions={"score": rule})(seen(written("MENU")))) == []
    assert told(stage(regions={"score": rule})(seen(written("SCORE 12")))) == [("score", "SCORE 12", {"score": "12"})]
    assert told(stage(regions={"score": {**rule, "unmatched": "keep"}})(seen(written("MENU")))) == [("score", "MENU", None)]


def test_a_box_gets_its_text_and_stays_without() -> None:
    rule = {"pattern": r"(?P<killer>\w+) > (?P<victim>\w+)"}
    picture = written("Ann > Bob", "nonsense")
    out = stage(labels={"kill": rule})(seen(picture, (0, 0, 200, 10, 0.8, 0), (0, 10, 200, 20, 0.7, 0), (0, 0, 9, 9, 0.6, 1)))
    assert told(out) == [("kill", "Ann > Bob", {"killer": "Ann", "victim": "Bob"}), ("kill", "nonsense", None), ("hud", None, None)]
    assert out.detections.confidence.tolist() == pytest.approx([0.8, 0.7, 0.6])
    assert np.isnan(out.detections.data["text_confidence"][2])


def test_a_box_whose_text_is_not_as_expected_goes_where_that_is_said() -> None:
    rule = {"pattern": r"(?P<killer>\w+) > (?P<victim>\w+)", "unmatched": "drop"}
    picture = written("Ann > Bob", "nonsense", "")
    rows = [(0, y, 200, y + 10, 0.8, 0) for y in (0, 10, 20)]
    assert [text for _, text, _ in told(stage(labels={"kill": rule})(seen(picture, *rows)))] == ["Ann > Bob"]


def test_text_that_is_none_of_the_words_it_could_be_is_a_doubt() -> None:
    words = {"pattern": r"(?P<state>\w+)", "vocabulary": {"state": ["MENU", "PLAY"]}, "area": [0, 0, 0.5, 0.1]}
    for rule in (words, {**words, "unmatched": "keep"}):
        reads = stage(regions={"state": rule})
        assert [doubts_of(reads(seen(written(text)))) for text in ("MENU", "XYZZY", "PLAY", "")] == [(), ("unread_text",), (), ()]
    free = stage(regions={"state": {"pattern": r"\d+", "area": [0, 0, 0.5, 0.1]}})
    assert doubts_of(free(seen(written("MENU")))) == (), "an expression only chooses what is wanted"


def test_lines_are_joined_and_full_makes_a_row_of_each() -> None:
    picture = written("KILLED", "IN", "ACTION")
    rule: dict[str, Any] = {"area": [0, 0, 1, 0.5], "vocabulary": {"outcome": ["SURVIVED", "KILLED IN ACTION"]}}
    joined = stage(regions={"end": {**rule, "mode": "lines"}})(seen(picture))
    assert told(joined) == [("end", "KILLED\nIN\nACTION", {"outcome": "KILLED IN ACTION"})]
    each = stage(regions={"feed": {"area": [0, 0, 1, 0.5], "mode": "full", "pattern": "(?P<word>[KA].*)"}})(seen(picture))
    assert told(each) == [("feed", "KILLED", {"word": "KILLED"}), ("feed", "ACTION", {"word": "ACTION"})]
    assert each.detections.xyxy.tolist() == [[0, 0, 400, 10], [0, 20, 400, 30]]


def test_full_on_a_box_adds_its_lines_beside_it() -> None:
    out = stage(labels={"kill": {"mode": "full"}})(seen(written("a", "b", at=(50, 20)), (50, 20, 250, 40, 0.8, 0)))
    assert told(out) == [("kill", None, None), ("kill", "a", None), ("kill", "b", None)]
    assert out.detections.xyxy[1:].tolist() == [[50, 20, 250, 30], [50, 30, 250, 40]]


def test_part_of_a_box_and_more_than_it_can_be_read() -> None:
    picture = written("ab", "cd")
    box = (0, 0, 100, 20, 0.9, 0)
    assert told(stage(labels={"kill": {"area": [0, 0.5, 1, 1]}})(seen(picture, box)))[0][1] == "cd"
    assert told(stage(labels={"kill": {}})(seen(picture, (0, 10, 1, 12, 0.9, 0))))[0][1] == "c"
    assert told(stage(labels={"kill": {"margin": 0.5}})(seen(picture, (0, 10, 1, 12, 0.9, 0))))[0][1] == "ab"


def test_reading_waits_for_a_label_to_be_there() -> None:
    reader = Pixels()
    reads = stage(reader, regions={"score": {"area": [0, 0, 0.5, 0.1], "when": ["hud"]}})
    assert told(reads(seen(written("12")))) == []
    assert reader.asked == 0
    assert told(reads(seen(written("12"), (0, 0, 9, 9, 0.9, 1)))) == [("hud", None, None), ("score", "12", None)]


def test_characters_that_may_not_be_there_are_not_read() -> None:
    assert told(stage(regions={"score": {"charset": "0-9"}})(seen(written("SCORE 12"))))[0][1] == "12"


def test_text_that_is_not_certain_was_not_read() -> None:
    out = stage(Pixels(confidence=0.4), regions={"score": {}}, labels={"kill": {}})(seen(written("12"), (0, 0, 50, 9, 0.9, 0)))
    assert told(out) == [("kill", None, None)]


@pytest.mark.parametrize(
    "box",
    [
        (-50, -50, -1, -1), (500, 0, 600, 10), (0, 200, 10, 300), (10, 5, 10, 9), (np.nan, 0, 5, 5), (0, 0, np.inf, 5), (9, 9, 3, 3),
    ],
)  # fmt: skip
def test_boxes_outside_the_picture_or_without_an_area_have_no_text(box: tuple[float, ...]) -> None:
    reader = Pixels()
    out = stage(reader, labels={"kill": {}})(seen(written("x"), (*box, 0.9, 0)))
    assert told(out) == [("kill", None, None)]
    assert reader.asked == 0


@settings(max_examples=60)
@given(
    st.lists(st.tuples(*[st.floats(-500, 900, width=32)] * 4, st.integers(-1, 4)), max_size=6),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_any_boxes_in_pictures_of_any_size_keep_their_rows(rows: list[tuple[Any, ...]], size: tuple[int, int]) -> None:
    scene = seen(written("ab", size=size), *[(*row[:4], 0.5, row[4]) for row in rows])
    out = stage(labels={"kill": {"margin": 0.3, "area": [0.1, 0.2, 0.9, 1]}, "hud": {"mode": "lines"}})(scene)
    assert np.array_equal(out.detections.xyxy, scene.detections.xyxy)
    assert np.array_equal(out.detections.class_id, scene.detections.class_id)


def test_a_picture_of_one_pixel_is_read() -> None:
    assert told(stage(regions={"all": {}})(seen(written("x", size=(1, 1)))))[0][1] == "x"


def test_no_more_boxes_of_a_label_are_read_than_a_picture_can_have() -> None:
    reader = Pixels()
    out = stage(reader, labels={"kill": {}})(seen(written("x"), *[(0, 0, 50 + n, 10, 0.9, 0) for n in range(MOST_ROWS + 50)]))
    assert reader.asked == MOST_ROWS
    assert len(out.detections) == MOST_ROWS + 50


def test_no_answer_of_the_detector_is_passed_on() -> None:
    reader = Pixels()
    out = stage(reader, regions={"all": {}})(seen(written("x"), status="timeout"))
    assert (out.detections.status, len(out.detections), reader.asked) == ("timeout", 0, 0)
    assert "text" in out.detections.data


@pytest.mark.parametrize(("failure", "status"), [(HardwareError("broken"), "error"), (TimeoutError("late"), "timeout")])
def test_a_reader_that_fails_gives_no_answer_and_stops_the_process_when_it_lasts(failure: Exception, status: str) -> None:
    reader = Pixels()
    reads = stage(reader, regions={"all": {}}, max_failures=3)
    reader.failure = failure
    for _ in range(2):
        out = reads(seen(written("x"), (0, 0, 9, 9, 0.9, 0)))
        assert (out.detections.status, len(out.detections)) == (status, 0)
    reader.failure = None
    assert reads(seen(written("x"))).detections.status == "ok"
    reader.failure = failure
    reads(seen(written("y")))
    reads(seen(written("y")))
    with pytest.raises(HardwareError, match="3 pictures in a row"):
        reads(seen(written("y")))


def test_an_unchanged_crop_is_read_once() -> None:
    reader = Pixels()
    made = replace(context(), open_reader=lambda _name, _finder: reader)
    reads = ReadText(ReadText.Options.model_validate({"regions": {"score": {"area": [0, 0, 0.5, 0.1]}}}), made)
    for number in range(5):
        picture = written("12")
        picture[50:, :, 1] = number  # something moves elsewhere
        assert told(reads(seen(picture)))[0][1] == "12"
    assert reader.asked == 1
    assert (made.tally.get("left", "text_crops", "read"), made.tally.get("left", "text_crops", "unchanged")) == (1, 4)


def test_one_changed_pixel_is_another_crop() -> None:
    reader = Pixels()
    reads = stage(reader, regions={"all": {}})
    one, other = written("12"), written("12")
    other[99, 399, 2] = 1
    reads(seen(one))
    reads(seen(other))
    assert reader.asked == 2


def test_the_same_crop_read_in_other_ways_is_not_confused() -> None:
    """One area, four rules: each gets what it would get alone; so does a picture of other shape and the same bytes."""
    rules: dict[str, Any] = {"a": {}, "b": {"charset": "0-9"}, "c": {"mode": "lines"}, "d": {"mode": "lines", "min_confidence": 0.95}}
    together = told(stage(regions=rules)(seen(written("S 1", "T 2"))))
    alone = [row for name, rule in rules.items() for row in told(stage(regions={name: rule})(seen(written("S 1", "T 2"))))]
    assert together == alone
    reads = stage(regions={"all": {"mode": "full"}})
    flat = written("ab", size=(10, 20)).reshape(20, 10, 3)
    assert told(reads(seen(np.ascontiguousarray(flat)))) == told(stage(regions={"all": {"mode": "full"}})(seen(flat)))


@given(st.lists(st.sampled_from(["12", "13", "KILLED", "SURV1VED", ""]), min_size=1, max_size=25), st.integers(1, 3))
def test_with_and_without_the_cache_the_answers_are_the_same(texts: list[str], size: int) -> None:
    rules = {"regions": {"a": {"pattern": r"(?P<n>\d+)"}, "b": {"vocabulary": {"end": ["SURVIVED", "KILLED"]}}}}
    cached, plain = stage(cache=size, **rules), stage(cache=0, **rules)
    for text in texts:
        assert told(cached(seen(written(text)))) == told(plain(seen(written(text))))
    assert len(cached._known) <= size
    assert not plain._known


def test_frames_may_come_in_any_order() -> None:
    texts = ["12", "", "SURVIVED", "12", "x"]
    there = stage(regions={"a": {}})
    back = stage(regions={"a": {}})
    forwards = [told(there(seen(written(text)))) for text in texts]
    assert forwards == [told(back(seen(written(text)))) for text in reversed(texts)][::-1]


def test_the_stage_says_what_decides_it() -> None:
    made = stage(regions={"a": {}})
    assert isinstance(made, FrameOnly)
    assert isinstance(made, Fingerprinted)
    assert made.fingerprint == {"reader": "sha256:pixels"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "nothing is read"),
        ({"regions": {"a": {"area": [0.5, 0, 0.5, 1]}}}, "x1 < x2"),
        ({"regions": {"a": {"area": [0, 0, 2, 1]}}}, "less than or equal to 1"),
        ({"regions": {"a": {"pattern": "(?=x)"}}}, "looks ahead"),
        ({"regions": {"a": {"pattern": ["x", "("]}}}, "missing )"),
        ({"labels": {"a": {"vocabulary": {"x": []}}}}, "1 to 10000 words"),
        ({"labels": {"a": {"language": "klingon"}}}, "choose one of english"),
        ({"labels": {"a": {"charset": "9-0"}}}, "backwards"),
        ({"labels": {"a": {"mode": "page"}}}, "'line', 'lines' or 'full'"),
        ({"labels": {"a": {"colour": "red"}}}, "Extra inputs"),
    ],
)
def test_options_that_cannot_be_are_refused_in_words(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ReadText.Options.model_validate(options)
    assert said in str(refused.value)


def test_what_the_model_cannot_read_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"read_text: regions.a: charset: the model cannot read 'Ж'"):
        stage(regions={"a": {"charset": "0-9Ж"}})


def test_a_bundle_that_is_not_there_is_a_fault_of_the_configuration() -> None:
    def refuse(name: str, finder: str | None) -> Any:
        raise BundleError(f"bundle {name}: not on this box, nor {finder}")

    with pytest.raises(ConfigError, match="read_text: bundle text-read: not on this box, nor None"):
        ReadText(ReadText.Options.model_validate({"regions": {"a": {}}}), replace(context(), open_reader=refuse))
    with pytest.raises(ConfigError, match="nor text-find"):
        ReadText(ReadText.Options.model_validate({"regions": {"a": {"mode": "full"}}}), replace(context(), open_reader=refuse))


def test_what_was_read_can_be_written_down() -> None:
    """As the batch does it: every value is plain."""
    out = stage(regions={"a": {"pattern": r"(?P<n>\d+)"}})(seen(written("wave 12")))
    (text,), (fields,) = out.detections.data["text"], out.detections.data["fields"]
    assert json.loads(json.dumps([text, fields])) == ["wave 12", {"n": "12"}]


class Together(Pixels):
    """Answers when as many are asked at the same time."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._all = threading.Barrier(number)

    def line(self, picture: Image, allowed: Allowed | None = None) -> TextLine:
        self._all.wait(20)
        return self._line(picture, 0, allowed)


def test_several_crops_of_a_picture_are_read_at_a_time_and_say_the_same() -> None:
    picture = written("alpha", "beta", "gamma", "alpha")
    rows = [(0, n * ROW, 200, (n + 1) * ROW, 0.9, 0) for n in range(4)]
    one = stage(labels={"kill": {}}, threads=1)(seen(picture, *rows))
    many = stage(Together(3), labels={"kill": {}}, threads=3)(seen(picture, *rows))
    assert told(one) == told(many) and [text for _, text, _ in told(many)] == ["alpha", "beta", "gamma", "alpha"]


def test_one_of_several_that_fails_leaves_the_picture_without_an_answer() -> None:
    reader = Pixels()
    reader.failure = HardwareError("gone")
    rows = [(0, n * ROW, 200, (n + 1) * ROW, 0.9, 0) for n in range(2)]
    assert stage(reader, labels={"kill": {}}, threads=3)(seen(written("a", "b"), *rows)).detections.status == "error"
