"""`vedette batch`: options, several recordings, what is refused, corrected starts."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.batchlog import read_document
from device.main import main
from tests.scenarios.stage import config, film, run_vedette


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A device.yaml and a film of 8 s with one visit."""
    folder = tmp_path_factory.mktemp("batch")
    return config(folder, {"use": "pattern", "pace": "realtime"}), film(folder / "visit.mkv", ((1.0, 6.0),), 8.0)


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def run(box: tuple[Path, Path], folder: Path, *args: str) -> Done:
    """The program in this process: its workers are processes all the same."""
    out, err = io.StringIO(), io.StringIO()
    with inside(folder), redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(["batch", "--config", str(box[0]), "--output", str(folder / "out"), "--workers", "1", *args])
        except SystemExit as error:  # of argparse
            code = int(error.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def summary(done: Done | subprocess.CompletedProcess[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_folder_of_recordings_gives_documents_a_directory_and_a_summary(box: tuple[Path, Path], tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "b.mkv").write_bytes(box[1].read_bytes())
    film(shelf / "a.mkv", ((1.0, 3.0), (5.0, 7.0)), 8.0)
    (shelf / "broken.mp4").write_bytes(b"no video")
    (shelf / "notes.txt").write_text("")
    words = ("--config", str(box[0]), "--output", str(tmp_path / "out"), "--workers", "1", "--session-type", "practice", "--segment-s", "2")
    done = run_vedette("batch", *words, "--video-dir", str(shelf), "--json", folder=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    rows = {Path(row["video_path"]).name: row for row in summary(done)["recordings"]}
    assert rows["a.mkv"]["events"] == {"object": 2} and rows["b.mkv"]["events"] == {"object": 1}
    assert "is not a video that can be read" in rows["broken.mp4"]["error"] and summary(done)["failed"] == 1
    out = tmp_path / "out"
    document = read_document(out / "a.json")
    known, first = document.metadata, document.events[0]
    assert (known.session_type, known.start_source, known.start_is_guess, known.total_frames) == ("practice", "creation_time", False, 200)
    assert known.detection_fps == 10 and known.video_duration_seconds == pytest.approx(8) and known.model_version == "white 1.0.0"
    assert first.event_id == "evt_001" and first.thumbnail == "a/thumbnails/evt_001.jpg"
    assert (out / first.thumbnail).read_bytes()[:2] == b"\xff\xd8"
    assert first.video_offset_seconds == pytest.approx(1, abs=0.1) and first.frame_number == round(first.video_offset_seconds * 25)
    assert [each["document"] for each in json.loads((out / "index.json").read_text())["documents"]] == ["a.json", "b.json"]
    assert not list(out.rglob(".work"))


def test_what_is_finished_is_left_alone_unless_asked_for_again(box: tuple[Path, Path], tmp_path: Path) -> None:
    assert run(box, tmp_path, "--video", str(box[1])).returncode == 0
    written = (tmp_path / "out" / "visit.json").stat().st_mtime_ns
    again = run(box, tmp_path, "--video", str(box[1]))
    assert "finished before" in again.stderr and "1 object" in again.stdout
    assert (tmp_path / "out" / "visit.json").stat().st_mtime_ns == written
    other = run(box, tmp_path, "--video", str(box[1]), "--confidence-threshold", "0.999", "--detection-fps", "5", "--json")
    assert summary(other)["recordings"][0]["done_before"] is False, "other settings are another job"
    assert read_document(tmp_path / "out" / "visit.json").metadata.detection_fps == 5
    assert summary(run(box, tmp_path, "--video", str(box[1]), "--again", "--json"))["recordings"][0]["done_before"] is False


def test_what_is_mistyped_is_answered_in_words_that_fit_on_a_line_each(box: tuple[Path, Path], tmp_path: Path) -> None:
    deep = tmp_path / "a folder with a name that is as long as a terminal is wide or nearly so" / "and another one below it"
    deep.mkdir(parents=True)
    (deep / "empty.mkv").write_bytes(b"")
    said = run(box, tmp_path, "--video", str(deep), "--video", str(deep / "empty.mkv"))
    assert said.returncode == 1
    assert f"{deep}: failed: {deep} is a folder; name a recording, or a folder of them with `vedette batch --video-dir`\n" in said.stderr
    assert f"{deep / 'empty.mkv'}: failed: {deep / 'empty.mkv'} is empty; record it again\n" in said.stderr
    (tmp_path / "file").write_text("mine")
    into = run(box, tmp_path, "--video", str(box[1]), "--output", str(tmp_path / "file"))
    assert into.returncode != 0 and f"{tmp_path / 'file'}: a file is where a folder must be; name another folder" in into.stderr
    gone = run(box, tmp_path, "--correct-start", "gone.json", "--start-time", "2026-11-22T08:00:00Z")
    assert gone.returncode != 0 and "gone.json: No such file or directory; correct the name" in gone.stderr


def test_a_wrong_start_is_put_right_and_ids_stay(box: tuple[Path, Path], tmp_path: Path) -> None:
    assert run(box, tmp_path, "--video", str(box[1])).returncode == 0
    path = tmp_path / "out" / "visit.json"
    before = read_document(path)
    words = ("--correct-start", str(path), "--start-time", "2026-11-22T08:00:00Z")
    for _ in range(2):
        assert run(box, tmp_path, *words).returncode == 0
    after = read_document(path)
    (listed,) = json.loads((tmp_path / "out" / "index.json").read_text())["documents"]
    assert listed["session_start_time"] == "2026-11-22T08:00:00.000000Z" and not listed["start_is_guess"]
    assert run(box, tmp_path, "--video", str(box[1]), "--strict-time").returncode == 0, "it is known now"
    assert after.metadata.start_source == "option" and str(after.metadata.session_start_time) == "2026-11-22 08:00:00+00:00"
    assert [event.uid for event in after.events] == [event.uid for event in before.events]
    fresh = run(box, tmp_path, "--video", str(box[1]), "--start-time", "2026-11-22T08:00:00Z", "--output", str(tmp_path / "fresh"))
    assert fresh.returncode == 0
    for name in ("visit.json", "visit/events.jsonl"):
        corrected, right = ((tmp_path / folder / name).read_text() for folder in ("out", "fresh"))
        assert timeless(corrected) == timeless(right), name
    later = run(box, tmp_path, "--video", str(box[1]), "--start-time", "2026-11-23T08:00:00Z", "--json")
    assert summary(later)["recordings"][0]["done_before"] is True
    assert str(read_document(path).metadata.session_start_time) == "2026-11-23 08:00:00+00:00"


def timeless(text: str) -> str:
    """Without the time of processing."""
    return re.sub(r'"processed_at":"[^"]*"', "", text)


def test_a_start_that_is_only_a_guess_is_refused_when_asked(box: tuple[Path, Path], tmp_path: Path) -> None:
    bare = tmp_path / "bare.mkv"
    copy = ["ffmpeg", "-loglevel", "error", "-i", str(box[1]), "-c", "copy", "-map_metadata", "-1", str(bare)]
    subprocess.run(copy, check=True, timeout=60)
    os.utime(bare, (1_790_000_000, 1_790_000_000))
    refused = run(box, tmp_path, "--video", str(bare), "--strict-time", "--json")
    assert refused.returncode == 1 and "is a guess by the time of the file" in summary(refused)["recordings"][0]["error"]
    assert run(box, tmp_path, "--video", str(bare)).returncode == 0
    assert read_document(tmp_path / "out" / "bare.json").metadata.start_is_guess


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "which recordings? Say --video FILE or --video-dir FOLDER"),
        (("--video", "a.mkv", "--video", "b.mkv", "--start-time", "2026-11-22T08:00:00Z"), "--start-time: is that of one recording"),
        (("--video-dir", "absent"), "--video-dir absent: is not a folder"),
        (("--video", "a.mkv", "--start-time", "yesterday"), "--start-time yesterday: is not a time"),
        (("--correct-start", "a.json", "--start-time", "0001-01-01T00:00:00Z"), "is not in the years 1970 to 2199"),
        (("--correct-start", "a.json"), "--correct-start: to which time?"),
        (("--video", "a.mkv", "--detection-fps", "500"), "more than 120 pictures a second"),
        (("--video", "a.mkv", "--cluster", "tcp://10.0.0.5:8786"), "--cluster tcp://10.0.0.5:8786: "),
    ],
)
def test_arguments_that_are_wrong_are_said_with_2(box: tuple[Path, Path], tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    done = run(box, tmp_path, *args)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


def test_a_profile_that_needs_the_picture_after_a_memory_is_refused_with_the_stage_to_move(box: tuple[Path, Path], tmp_path: Path) -> None:
    stages = {"zones": {"use": "zones"}, "detect": {"use": "detect", "bundle": "white"}}
    (tmp_path / "late.yaml").write_text(yaml.safe_dump({"pipeline": stages}, sort_keys=False))
    settings = yaml.safe_load(box[0].read_text())
    del settings["pipeline"]
    (tmp_path / "device.yaml").write_text(yaml.safe_dump({**settings, "profile": str(tmp_path / "late.yaml")}, sort_keys=False))
    done = run((tmp_path / "device.yaml", box[1]), tmp_path, "--video", str(box[1]))
    assert done.returncode == 2
    assert "pipeline.detect: looks at the picture and comes behind zones" in done.stderr and "move detect before zones" in done.stderr


def test_what_is_no_file_is_not_waited_for_and_names_cannot_paint_the_terminal(box: tuple[Path, Path], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mkv")
    odd = tmp_path / "\x1b[31m[bold]\n\udcff.mkv"
    odd.write_bytes(b"no video")
    done = run(box, tmp_path, "--video", str(tmp_path / "pipe.mkv"), "--video", str(odd))
    assert done.returncode == 1 and "pipe.mkv is not a file; name a recording" in " ".join(done.stderr.split())
    said = "".join((done.stdout + done.stderr).split())
    assert "\x1b" not in said and "\\x1b[31m[bold]\\n\\udcff.mkv" in said and "2failed" in said
