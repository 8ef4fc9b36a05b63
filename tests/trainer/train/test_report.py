"""The report: curves, figures and drawn mistakes in one page that runs nothing and asks nobody."""

from __future__ import annotations

import re
from base64 import b64decode
from html.parser import HTMLParser

import cv2
import numpy as np

from tests.trainer.train.worlds import config
from trainer.home import Home
from trainer.judge.ground import Answers, Found
from trainer.train.material import Material, gather
from trainer.train.plot import lines
from trainer.train.report import page
from trainer.train.run_folder import RunFolder
from trainer.train.worst import worst


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "action"}]


def wrong(material: Material) -> tuple[Answers, dict[str, str]]:
    """One answer of each kind of mistake, and one thing missed, in pictures of their own; the rest is right."""
    said, kinds = {}, list[str]()
    done: dict[str, str] = {}
    for case in material.val.cases:
        boxes, sure, numbers = case.boxes.copy(), np.full(len(case.boxes), 0.9), case.kinds.copy()
        left = [kind for kind in ("missed", "background", "localisation", "classification") if kind not in kinds]
        if left and len(boxes):
            kinds.append(left[0])
            done[case.id] = left[0]
            if left[0] == "missed":
                boxes, sure, numbers = boxes[1:], sure[1:], numbers[1:]
            elif left[0] == "background":
                boxes, sure, numbers = np.concatenate([boxes, [[0, 0, 3, 3]]]), np.append(sure, 0.8), np.append(numbers, 0)
            elif left[0] == "localisation":
                boxes[0, :2] += boxes[0, 2:] * 0.45
            else:
                numbers[0] = 1 - numbers[0]
        said[case.id] = Found(boxes, sure, numbers)
    return said, done


def test_the_worst_mistakes_of_each_kind_are_drawn_where_they_are(shapes: Home) -> None:
    material = gather(config().data, shapes)
    said, done = wrong(material)
    shots = worst(material.val, said, dict.fromkeys(material.classes, 0.5), material.val_items)
    for title, kind in (
        ("Missed", "missed"),
        ("False alarms", "background"),
        ("Wrong place", "localisation"),
        ("Wrong class", "classification"),
    ):
        count, found = shots[title]
        assert count >= 1, title
        assert any(shot.words.startswith(kind) for shot in found)
        image = cv2.imdecode(np.frombuffer(found[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None and image.shape[1] == 360
        red = (image[..., 2] > 180) & (image[..., 1] < 110) & (image[..., 0] < 90)
        assert red.sum() > 20
    assert len(done) == 4


def test_the_page_of_a_run_runs_nothing_and_asks_nobody(shapes: Home, whole: RunFolder) -> None:
    text = (whole.path / "report.html").read_text()
    read = Page()
    read.feed(text)
    assert not {"script", "iframe", "object", "embed", "link", "form"} & set(read.tags)
    assert all(address.startswith("data:image/jpeg;base64,") for address in read.addresses)
    assert not re.findall(r"url\(|@import|https?://", text)
    assert "default-src 'none'" in text
    assert read.tags.count("polyline") >= 6
    assert read.addresses, "an hour of training would make it better; three epochs make mistakes"
    assert b64decode(read.addresses[0].partition(",")[2])[:2] == b"\xff\xd8"
    for title in ("Worst mistakes", "Missed", "False alarms", "Wrong place", "Wrong class"):
        assert title in text


def test_names_that_are_markup_stay_text(shapes: Home, whole: RunFolder) -> None:
    from contracts.evaluation import Evaluation

    evil = "<script>alert(1)</script>"
    run = whole.read().model_copy(update={"notes": [evil], "skipped": [evil]})
    judged = Evaluation.model_validate_json((whole.path / "evaluation.json").read_bytes())
    judged = judged.model_copy(update={"classes": {evil: next(iter(judged.classes.values()))}})
    progress = [line.model_copy(update={"classes": {evil: 0.5}}) for line in whole.lines()]
    text = page(run, progress, judged, {evil: (0, [])})
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 5


def test_a_plot_of_one_point_or_none_is_no_trouble() -> None:
    assert "none" in lines([("a", [])])
    assert "polyline" in lines([("a", [(1, 0.0)])])
