"""What a box keeps, through the tools: checked, counted, divided, converted; a harmed picture is found."""

from __future__ import annotations

from pathlib import Path

import pytest

import device.main
from dataset.exporter import Exporter
from dataset.formats.known import open_reader
from dataset.items import Item
from tests.dataset import made, scenery


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    with Exporter(tmp_path / "kept") as exporter:
        for number in range(12):
            about = scenery.about(number, session=f"s{number // 4}", reason="event_best", sampling_probability=0.25)
            exporter.add(scenery.view(number), [scenery.seen("person"), scenery.seen("car", 0.4)], about)
    return tmp_path / "kept"


def run(*words: object) -> int:
    return device.main.main(["dataset", *map(str, words)])


def whole(path: Path) -> list[Item]:
    return sorted((made.neutral(item) for item in made.read(open_reader(path))[1]), key=lambda item: item.id)


def test_everything_a_box_knows_goes_through_coco_and_comes_back(kept: Path, tmp_path: Path) -> None:
    assert run("convert", kept, tmp_path / "out", "--to", "coco") == 0
    assert whole(tmp_path / "out") == whole(kept)
    assert run("diff", kept, tmp_path / "out") == 0
    assert {item.origin.probability for item in whole(tmp_path / "out")} == {0.25}


@pytest.mark.parametrize("name", ["yolo", "voc", "cvat", "tfrecord"])
def test_it_is_divided_by_session_into_any_format(kept: Path, tmp_path: Path, name: str) -> None:
    assert run("prepare", kept, tmp_path / "out", "--split", "0.5,0.5", "--to", name) == 0
    assert (tmp_path / "out/splits.jsonl").read_text().count("\n") == 12


def test_a_whole_one_is_said_to_be_whole_and_a_harmed_one_is_not(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", kept, "--decode") == 0
    picture = sorted((kept / "images").iterdir())[0]
    picture.write_bytes(picture.read_bytes()[:-40] + bytes(40))
    assert run("check", kept) == 1
    assert picture.name in capsys.readouterr().err


def test_it_is_counted_by_session_and_camera(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("stats", kept, "--html", tmp_path / "report.html") == 0
    page = (tmp_path / "report.html").read_text()
    assert "yard" in page
    assert "event_best" in page
    assert "car/person 12" in capsys.readouterr().out
