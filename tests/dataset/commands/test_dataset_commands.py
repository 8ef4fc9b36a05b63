"""The commands, as they are typed: both programs carry them, exit codes say how it went, JSON is all there is on stdout."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

import device.main
import trainer.main
from dataset.commands.progress import Progress
from dataset.formats.coco_write import CocoWriter
from dataset.formats.known import WRITABLE, open_reader
from dataset.items import Category, Item, Label, Origin
from tests.dataset import made

CLASSES = [Category("cat", 1), Category("dog", 2)]


def sample(folder: Path, count: int = 12) -> Path:
    """A COCO set of sessions of three, no two pictures the same."""
    items = []
    for n in range(count):
        label = Label((1.5, 2, 6, 7), "cat" if n % 2 else "dog", 0.5, "detector", track=n // 3)
        origin = Origin("yard", f"s{n // 3}", wall_ns=n * 1_000_000_000)
        item = Item(f"i{n}", f"{n}.png", 20 + n, 20, (label,), origin=origin, phash=0x9E3779B97F4A7C15 * (n + 1) % (1 << 64))
        items.append(made.with_picture(item, folder / "in"))
    made.write(CocoWriter(folder / "set", CLASSES), items)
    return folder / "set"


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = device.main.main(["dataset", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("name", WRITABLE)
def test_a_set_is_converted_into_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, _ = run(capsys, "convert", sample(tmp_path), tmp_path / "out", "--to", name, "--json")
    assert code == 0
    document = json.loads(out)
    assert (document["items"], document["labels"], document["skipped"]) == (12, 12, {})
    if name == "yolo":
        assert document["lost"]["confidence"] == 12
    if name != "tfrecord":
        assert len(list(open_reader(tmp_path / "out"))) == 12


@pytest.mark.parametrize("name", [name for name in WRITABLE if name not in {"tfrecord", "cvat-video"}])
def test_what_was_converted_does_not_differ_but_for_what_is_not_held(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    source = sample(tmp_path)
    run(capsys, "convert", source, tmp_path / "out", "--to", name)
    code, out, _ = run(capsys, "diff", source, tmp_path / "out", "--json")
    document = json.loads(out)
    assert document["images"].get("added", 0) == document["images"].get("removed", 0) == 0
    assert set(document["boxes"]) == ({"same"} if name == "coco" else {"changed"} if name == "yolo" else set(document["boxes"]))
    assert code == (0 if document["same"] else 1)


def test_the_trainer_carries_the_same_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trainer.main.main(["dataset", "check", str(sample(tmp_path)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True


def test_a_set_is_divided_and_grows_without_moving_anything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = sample(tmp_path)
    code, out, _ = run(capsys, "prepare", source, tmp_path / "one", "--split", "0.5,0.25,0.25", "--json")
    assert code == 0
    division = json.loads(out)["division"]
    assert sum(division["items"].values()) == 12
    assert division["families"] == 4
    ledger = tmp_path / "one/splits.jsonl"
    before = {row["id"]: row["split"] for row in map(json.loads, ledger.read_text().splitlines())}
    grown = sample(tmp_path / "more", 24)
    code, _, _ = run(capsys, "prepare", grown, tmp_path / "two", "--split", "0.1,0.8,0.1", "--ledger", ledger, "--to", "yolo")
    assert code == 0
    after = {row["id"]: row["split"] for row in map(json.loads, (tmp_path / "two/splits.jsonl").read_text().splitlines())}
    assert {name: after[name] for name in before} == before


def test_nothing_is_left_of_a_prepare_that_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = sample(tmp_path)
    ledger = tmp_path / "old.jsonl"
    ledger.write_text('{"id": "i0", "split": "train"}\n{"id": "i1", "split": "test"}\n')
    code, _, err = run(capsys, "prepare", source, tmp_path / "out", "--ledger", ledger)
    assert (code, "belong together" in err) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "old.jsonl", "set"]


def test_diff_says_so_by_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = sample(tmp_path)
    other = sample(tmp_path / "b", 9)
    assert run(capsys, "diff", source, source)[0] == 0
    code, out, _ = run(capsys, "diff", source, other)
    assert code == 1
    assert "3 removed" in out
    assert run(capsys, "diff", source, tmp_path / "none")[0] == 2


def test_what_is_skipped_is_told_and_makes_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = sample(tmp_path) / "annotations/instances_default.json"
    document = json.loads(source.read_text())
    document["annotations"][0]["bbox"] = [1, 2, -3, 4]
    source.write_text(json.dumps(document))
    code, out, err = run(capsys, "convert", tmp_path / "set", tmp_path / "out", "--to", "voc")
    assert (code, "11 pictures" in out) == (1, True)
    assert "skipped: box: 1" in err
    assert "instances_default.json: image 1" in err
    assert run(capsys, "convert", tmp_path / "set", tmp_path / "more", "--to", "voc", "--lenient")[0] == 0


def test_stats_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "stats", sample(tmp_path), "--html", tmp_path / "report.html")
    assert code == 0
    assert "12 pictures" in out
    assert (tmp_path / "report.html").read_text().count("<figure") > 6
    document = json.loads(run(capsys, "stats", tmp_path / "set", "--json")[1])
    assert document["classes"]["cat"]["labels"] == 6


def test_check_finds_a_picture_that_is_gone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = sample(tmp_path)
    (source / "images/3.png").unlink()
    code, out, err = run(capsys, "check", source)
    assert (code, "1 faults" in out, "3.png" in err) == (1, True, True)


def test_a_set_in_a_zip_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = sample(tmp_path)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in source.rglob("*"):
            archive.write(path, path.relative_to(tmp_path))
    assert run(capsys, "diff", tmp_path / "set.zip", source)[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        ("convert", "SET", "SET", "--to", "coco"),
        ("convert", "nowhere", "out", "--to", "coco"),
        ("prepare", "SET", "out", "--split", "x"),
        ("prepare", "SET", "out", "--by", "luck"),
        ("prepare", "SET", "out", "--gap", "-1"),
        ("prepare", "SET", "out", "--ledger", "none"),
        ("check", "."),
    ],
)
def test_what_makes_no_sense_is_the_owners_to_mend(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    source = sample(tmp_path)
    places = {"SET": source, ".": tmp_path / "in"}
    code, _, err = run(capsys, *(places.get(word, tmp_path / word if word in {"out", "none", "nowhere"} else word) for word in words))
    assert code == 2
    assert err.startswith("vedette dataset: ")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_once_a_hundredth_and_only_where_somebody_watches() -> None:
    watched, unwatched = Terminal(), io.StringIO()
    for stream in (watched, unwatched):
        bar = Progress("reading", 10_000, stream)
        for done in range(10_001):
            bar.tick(done)
        bar.end()
    assert watched.getvalue().count("\r") == 102
    assert "100 %" in watched.getvalue()
    assert unwatched.getvalue() == ""


def test_one_item_more_than_was_said_does_no_harm() -> None:
    stream = Terminal()
    bar = Progress("reading", 2, stream)
    bar.tick(5)
    assert "100 %" in stream.getvalue()
