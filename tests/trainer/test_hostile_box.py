"""A box that lies, or somebody between: refused in words, and what was here stays as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import HardwareError, ProtocolError, VedetteError
from dataset.exporter import Exporter
from dataset.lines import sealed
from dataset.picture import stored
from dataset.records import read_record
from tests.dataset.scenery import about, fill, seen, view
from tests.trainer.boxes import contents
from tests.trainer.hostile_box import Answer, Change, Liar, page_with
from trainer.receive import Receiver
from trainer.receive_http import HttpBox
from trainer.receive_report import Report

Lie = Callable[[Change], Liar]


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sets")
    with Exporter(root / "box") as exporter:
        fill(exporter, range(4))
    with Exporter(root / "here") as exporter:
        fill(exporter, range(90, 92))
    return root


@pytest.fixture
def liar(tmp_path: Path, sets: Path) -> Iterator[Lie]:
    shutil.copytree(sets, tmp_path, dirs_exist_ok=True)
    made: list[Liar] = []

    def one(change: Change) -> Liar:
        made.append(Liar(tmp_path / "box", change))
        return made[-1]

    yield one
    for each in made:
        each.close()


def only(kind: str, **changes: Any) -> Change:
    """The same lie about every question of a kind."""

    def change(asked: str, answer: Answer) -> Answer:
        for name, value in changes.items() if asked == kind else ():
            setattr(answer, name, value(answer) if callable(value) else value)
        return answer

    return change


def fetched(liar: Liar, tmp_path: Path, tries: int = 2) -> Report:
    box, report = HttpBox(liar.address, None, timeout_s=5), Report()
    box.tries = tries
    try:
        Receiver(tmp_path / "here", least_s=0.01).round(box, report)
    finally:
        box.close()
    return report


def refused(liar: Liar, tmp_path: Path, kind: type[VedetteError], match: str) -> None:
    """Nothing came, nothing was acknowledged, nothing of what was here is gone."""
    before = contents(tmp_path / "here")
    with pytest.raises(kind, match=match):
        fetched(liar, tmp_path)
    assert contents(tmp_path / "here") == before
    assert not [path for path, _ in liar.asked if path.endswith("/ack")]


def other_picture(answer: Answer) -> bytes:
    """A good picture, as many bytes, with other pixels."""
    data = stored(view(50, 32, 24), "0" * 64, 0).png
    return (data + b"\0" * len(answer.body))[: len(answer.body)]


@pytest.mark.parametrize(
    ("change", "kind", "match"),
    [
        (only("object", body=lambda a: b"\0" * len(a.body)), ProtocolError, "not a picture"),
        (only("object", body=other_picture), ProtocolError, "not the picture it is named by"),
        (only("object", body=lambda a: a.body + b"more"), ProtocolError, "asked for bytes"),
        (only("object", body=lambda a: a.body[:-1]), ProtocolError, "asked for bytes"),
        (only("object", endless=True, headers={"Content-Length": "", "Connection": "close"}), ProtocolError, "more than the"),
        (only("object", status=206, headers={"Content-Range": "bytes 5-9/10"}), ProtocolError, "asked for bytes"),
        (only("object", status=206), ProtocolError, "asked for bytes"),
        (only("object", headers={"Content-Encoding": "gzip"}), ProtocolError, "packed"),
        (only("object", status=302, headers={"Location": "http://127.0.0.1:1/"}), ProtocolError, "elsewhere"),
        (only("object", status=404), ProtocolError, "refuses"),
        (only("object", status=500), HardwareError, "busy or in trouble"),
        (only("object", cut=0), HardwareError, "is the box on|connection ended"),
        (only("page", body=lambda a: a.body[:-5]), ProtocolError, "digest"),
        (only("page", body=b""), ProtocolError, "not a page"),
        (only("page", body=b"{}\n"), ProtocolError, "not a page"),
        (only("page", body=b"[" * 5000), ProtocolError, "not a page"),
        (only("page", body=b"[" * 5000 + b"\n"), ProtocolError, "not a page"),
        (only("page", endless=True, headers={"Content-Length": "", "Connection": "close"}), ProtocolError, "more than the"),
        (only("page", status=307, headers={"Location": "/elsewhere"}), ProtocolError, "elsewhere"),
        (only("exports", body=b"<html>"), ProtocolError, "did not answer as a box"),
        (only("exports", endless=True, headers={"Content-Length": "", "Connection": "close"}), ProtocolError, "more than the"),
        (only("exports", body=lambda a: a.body.replace(b'"box-1"', b'"../../box"')), ProtocolError, "did not answer as a box"),
        (only("exports", body=lambda a: a.body.replace(b'"name":"dataset"', b'"name":"../dataset"')), ProtocolError, "did not answer"),
        (only("exports", body=lambda a: a.body.replace(b'"box-1"', b'"box-2"')), ProtocolError, "a page of something else"),
    ],
)
def test_a_lie_is_refused_and_costs_nothing(liar: Lie, tmp_path: Path, change: Change, kind: type[VedetteError], match: str) -> None:
    refused(liar(change), tmp_path, kind, match)


def test_after_any_number_of_lies_an_honest_box_brings_everything(liar: Lie, tmp_path: Path) -> None:
    before = contents(tmp_path / "here")
    for change in (
        only("object", body=lambda a: a.body[:-9] + b"\0" * 9),
        only("object", cut=30),
        only("page", body=lambda a: a.body[:-5]),
        only("object", endless=True, headers={"Content-Length": "", "Connection": "close"}),
    ):
        with pytest.raises((ProtocolError, HardwareError)):
            fetched(liar(change), tmp_path, tries=1)
    assert fetched(liar(lambda _, answer: answer), tmp_path).records == 4
    assert contents(tmp_path / "here") == before | contents(tmp_path / "box")


Head = dict[str, Any]


def in_head(**changes: Any) -> Change:
    return only("page", body=lambda answer: page_with(answer.body, lambda head, rest: ({**head, **changes}, rest)))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (in_head(device="box-2"), "a page of something else"),
        (in_head(dataset="0" * 64), "a page of something else"),
        (in_head(after=10), "a page of something else"),
        (in_head(upto=1 << 50), "contradicts itself"),
        (in_head(upto=1), "contradicts itself"),
        (in_head(upto=0), "contradicts itself"),
        (in_head(end=0), "contradicts itself"),
        (in_head(sha256="0" * 64), "digest"),
        (in_head(after=-1), "not a page"),
        (in_head(v=2), "not a page"),
    ],
)
def test_a_head_that_contradicts_what_was_asked_for_is_refused(liar: Lie, tmp_path: Path, change: Change, match: str) -> None:
    refused(liar(change), tmp_path, ProtocolError, match)


def records_with(**changes: Any) -> Change:
    """The same page in which every record says something else, with good digests all over."""

    def lines(head: Head, rest: bytes) -> tuple[Head, bytes]:
        records = [record for line in rest.splitlines() if (record := read_record(line))]
        made = b"".join(sealed(record.model_copy(update=changes)) for record in records)
        upto = max(head["after"] + len(made), head["upto"])
        return {**head, "upto": upto, "end": max(upto, head["end"]), "sha256": sha256(made).hexdigest()}, made

    return only("page", body=lambda answer: page_with(answer.body, lines))


LABEL = {"category_id": 1, "category_name": "person", "confidence": 0.5, "source": "detection", "verified": False}


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"bytes": 1 << 40}, "at most"),
        ({"bytes": 0}, "at most"),
        ({"bytes": 5}, "asked for bytes"),
        ({"width": 65, "height": 47}, "not the picture it is named by"),
    ],
)
def test_a_record_that_lies_about_its_picture_is_refused(liar: Lie, tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    refused(liar(records_with(**changes)), tmp_path, ProtocolError, match)


def test_boxes_outside_of_the_picture_are_refused(liar: Lie, tmp_path: Path) -> None:
    labels = [seen_label((900.0, 900.0, 5.0, 5.0))]
    refused(liar(records_with(labels=labels)), tmp_path, ProtocolError, "not in its picture")


def seen_label(bbox: tuple[float, float, float, float]) -> Any:
    from contracts.dataset import Annotation

    return Annotation(bbox=bbox, category_id=1, category_name="person", confidence=0.5, source="detection", verified=False)


def test_a_record_of_a_later_version_is_not_taken_for_a_damaged_one(liar: Lie, tmp_path: Path) -> None:
    def newer(head: Head, rest: bytes) -> tuple[Head, bytes]:
        made = rest.replace(b'"v":1', b'"v":2')
        plain = [{key: value for key, value in json.loads(line).items() if key != "crc"} for line in made.splitlines()]
        made = b"".join(json.dumps(each).encode() + b"\n" for each in plain)
        upto = head["after"] + len(made)
        return {**head, "upto": upto, "end": upto, "sha256": sha256(made).hexdigest()}, made

    refused(liar(only("page", body=lambda answer: page_with(answer.body, newer))), tmp_path, ProtocolError, "update the trainer")


def test_an_image_id_that_is_a_path_is_no_record_of_ours(liar: Lie, tmp_path: Path) -> None:
    """Counted as damaged: nothing is asked for by it, nothing is written."""
    lie = liar(records_with(image_id="../../../../etc/passwd", image="images/../../../../etc/passwd.png"))
    before = contents(tmp_path / "here")
    assert fetched(lie, tmp_path).damaged == 4
    assert contents(tmp_path / "here") == before
    assert not [path for path, _ in lie.asked if "passwd" in path]


def test_a_receipt_for_something_else_is_refused_after_everything_is_here(liar: Lie, tmp_path: Path) -> None:
    lie = liar(only("ack", body=lambda a: json.dumps({**json.loads(a.body), "upto": 1}).encode()))
    with pytest.raises(ProtocolError, match="receipt"):
        fetched(lie, tmp_path)
    assert len(contents(tmp_path / "here")) == 6


def test_a_box_that_takes_no_receipt_has_told_us_everything_all_the_same(liar: Lie, tmp_path: Path) -> None:
    report = fetched(liar(only("ack", status=503)), tmp_path)
    assert (report.records, report.unacknowledged) == (4, 1)


def test_a_connection_that_is_cut_again_and_again_brings_everything_in_the_end(liar: Lie, tmp_path: Path) -> None:
    """Each time a few bytes more: the tries are counted anew."""
    lie = liar(lambda kind, answer: Answer(answer.status, answer.body, {**answer.headers}, cut=120) if kind == "object" else answer)
    assert fetched(lie, tmp_path, tries=2).pictures == 4
    assert sum(1 for _, asked in lie.asked if asked) > 4


def test_a_box_that_begins_elsewhere_in_the_picture_when_asked_to_go_on_is_found_out(liar: Lie, tmp_path: Path) -> None:
    """The half that is here is right, the rest is of somewhere else: fetched anew it is right."""
    Receiver(tmp_path / "here")
    with Exporter(tmp_path / "box") as exporter:
        name = exporter.add(view(0), [seen()], about(0)).image_id
    folder = tmp_path / "here" / "receiving"
    folder.mkdir()
    data = (tmp_path / "box" / "images" / f"{name}.png").read_bytes()
    (folder / f"{name}.part").write_bytes(data[:50])
    lie = liar(lambda kind, answer: Answer(206, answer.body[::-1], answer.headers) if answer.status == 206 else answer)
    assert fetched(lie, tmp_path).pictures == 4
    assert contents(tmp_path / "here")[name][0] == data


@pytest.mark.parametrize(
    ("body", "said"), [(b'{"detail": "no such data set"}', "no such data set"), (b"AccessKeyId: AKIA4711", ""), (b'"AKIA4711"', "")]
)
def test_what_is_no_box_and_answers_is_not_repeated(liar: Lie, tmp_path: Path, body: bytes, said: str) -> None:
    """Else who may start a job reads what only this machine can reach."""
    with pytest.raises(ProtocolError, match=r"refuses \(404\)") as refused:
        fetched(liar(only("exports", status=404, body=body)), tmp_path)
    assert "4711" not in str(refused.value)
    assert said in str(refused.value)
