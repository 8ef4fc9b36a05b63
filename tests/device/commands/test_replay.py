"""`vedette replay`: arguments, several files, files that fail, interruption, and who may write where."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from contracts.errors import ConfigError
from device.commands.replay import folders_of, parse_start
from tests.device.site import SECRET
from tests.scenarios.stage import ROOT, config, film, run_vedette


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A device.yaml and a film of 8 s with one visit."""
    folder = tmp_path_factory.mktemp("replay")
    return config(folder, {"use": "pattern", "pace": "realtime"}), film(folder / "visit.mkv", ((1.0, 6.0),), 8.0)


def played(box: tuple[Path, Path], folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return run_vedette("replay", "--config", str(box[0]), "--output", str(folder / "out"), *args, folder=folder)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_files_of_one_name_have_a_folder_each_and_one_that_fails_is_said_between(box: tuple[Path, Path], tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "visit.mkv").write_bytes(box[1].read_bytes())
    (tmp_path / "empty.mkv").write_bytes(b"")
    done = played(box, tmp_path, "a/visit.mkv", "absent.mkv", "empty.mkv", "a", "b/visit.mkv", "a/visit.mkv", "--json")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    answers = lines(done.stdout)
    assert [answer["file"] for answer in answers] == ["a/visit.mkv", "absent.mkv", "empty.mkv", "a", "b/visit.mkv"]
    assert [answer.get("error") for answer in answers][1:4] == [
        "absent.mkv cannot be read: No such file or directory; correct the name or its rights",
        "empty.mkv is empty; record it again",
        "a is a folder; name a recording, or a folder of them with `vedette batch --video-dir`",
    ]
    logs = [Path(answer["log"]) for answer in answers if "log" in answer]
    assert len(set(logs)) == 2
    assert [answer["events"] for answer in answers if "log" in answer] == [1, 1]
    assert logs[0].read_bytes().splitlines()[1:] == logs[1].read_bytes().splitlines()[1:], "the same picture, the same events"


def test_folders_are_named_by_the_file_as_far_as_that_tells_them_apart() -> None:
    files = [Path(name) for name in ("x/a.mkv", "y/a.mkv", "a.mp4", "b.mkv", "b.mkv", "z/a.mkv")]
    assert folders_of(files) == {
        Path("x/a.mkv"): "a.mkv",
        Path("y/a.mkv"): "a.mkv-2",
        Path("a.mp4"): "a.mp4",
        Path("b.mkv"): "b",
        Path("z/a.mkv"): "a.mkv-3",
    }
    tricky = folders_of([Path("x/a"), Path("y/a"), Path("a-2.b"), Path("a-2")])
    assert len(set(tricky.values())) == 4


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--start", "yesterday"), "--start yesterday: is not a time; write for example --start 2026-11-22T08:00:00Z"),
        (("--camera", "yrad"), "--camera yrad: no camera of that name is configured; did you mean `yard`?"),
        (("--set", "detection_fps=0"), "--set: detection_fps = 0"),
        (("--profile", "stret"), "did you mean `street`?"),
        (("--set", "cameras.gate.use=pattern"), "--camera: which of yard, gate is it?"),
    ],
)
def test_arguments_that_are_wrong_are_said_with_2(box: tuple[Path, Path], tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    done = played(box, tmp_path, str(box[1]), *args)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_is_wrong_with_the_box_has_its_own_exit_code(box: tuple[Path, Path], tmp_path: Path) -> None:
    bundle = played(box, tmp_path, str(box[1]), "--set", "pipeline.detect.bundle=whyte")
    assert bundle.returncode == 3 and "bundle whyte: not on this box" in bundle.stderr
    (tmp_path / "file").write_text("")
    disk = played(box, tmp_path, str(box[1]), "--output", "file")
    assert disk.returncode == 5 and "Traceback" not in disk.stderr


def test_a_start_is_when_events_are(box: tuple[Path, Path], tmp_path: Path) -> None:
    done = played(box, tmp_path, str(box[1]), "--start", "2026-11-22T08:00:00Z", "--json")
    header, *events = lines((tmp_path / "out" / "visit" / "events.jsonl").read_text())
    assert done.returncode == 0 and header["start_source"] == "option"
    assert events[0]["start"].startswith("2026-11-22T08:00:01")
    assert parse_start("2026-11-22", "--start") is not None
    with pytest.raises(ConfigError):
        parse_start("", "--start")


def test_another_replay_in_the_same_folder_is_refused(box: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "out" / "visit"
    folder.mkdir(parents=True)
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    done = played(box, tmp_path, str(box[1]))
    os.close(handle)
    assert done.returncode == 2 and "another replay is writing there" in done.stderr
    assert played(box, tmp_path, str(box[1])).returncode == 0


def test_interrupted_it_ends_at_once_and_an_earlier_log_stays_whole(box: tuple[Path, Path], tmp_path: Path) -> None:
    long = film(tmp_path / "visit.mkv", ((1.0, 200.0),), 200.0)
    assert played(box, tmp_path, str(box[1])).returncode == 0
    log = tmp_path / "out" / "visit" / "events.jsonl"
    whole = log.read_bytes()
    command = [sys.executable, "-m", "device.main", "replay", "--config", str(box[0]), "--output", str(tmp_path / "out"), str(long)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        heard: list[str] = []
        while not any("appears" in line for line in heard):
            heard.append(process.stderr.readline())
            assert process.poll() is None, heard
        process.send_signal(signal.SIGINT)
        watchman = threading.Timer(20, process.kill)
        watchman.start()
        _, rest = process.communicate()
        watchman.cancel()
    assert process.returncode == 130 and "Traceback" not in rest
    assert log.read_bytes() == whole, "the log of the replay that was finished"
    assert played(box, tmp_path, str(box[1])).returncode == 0
    assert [path.name for path in log.parent.iterdir()] == ["events.jsonl"]


def test_a_stage_that_crashes_ends_it_with_1_and_no_secret_in_the_traceback(box: tuple[Path, Path], tmp_path: Path) -> None:
    done = played(box, tmp_path, str(box[1]), "--set", "pipeline.planogram={use: 'tests.device.site:Crashes'}")
    assert done.returncode == 1
    assert "LookupError: no such planogram" in done.stderr and SECRET not in done.stderr
    assert not (tmp_path / "out" / "visit" / "events.jsonl").exists()


def test_kept_twice_there_is_one_clip_an_event(box: tuple[Path, Path], tmp_path: Path) -> None:
    for _ in range(2):
        assert played(box, tmp_path, str(box[1]), "--keep").returncode == 0
    kept = tmp_path / "out" / "visit"
    assert len(list(kept.glob("clips/*/*/*.mp4"))) == len(list(kept.glob("clips/*/*/*.json"))) == 1
    assert len(list(kept.glob("events/*/*.jpg"))) == 1


def uneven(path: Path) -> list[float]:
    """A film whose pictures come at odd times: 40 a second, then 4 a second; seconds of each picture with the box in it."""
    times = [n / 40 for n in range(160)] + [4 + n / 4 for n in range(24)]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=40, options={"preset": "ultrafast", "x264-params": "keyint=20:scenecut=0:bframes=0"})
        stream.width, stream.height, stream.pix_fmt, stream.time_base = 320, 240, "yuv420p", Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        for at in times:
            picture = np.full((240, 320, 3), 50, np.uint8)
            if 2 <= at < 8:
                picture[100:160, (x := int(10 + 40 * (at - 2))) : x + 30] = 255
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(at * 1000), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return [at for at in times if 2 <= at < 8]


def test_times_are_those_of_the_pictures_however_unevenly_they_come(box: tuple[Path, Path], tmp_path: Path) -> None:
    there = uneven(tmp_path / "uneven.mkv")
    done = played(box, tmp_path, "uneven.mkv", "--json")
    assert done.returncode == 0, done.stderr
    (summary,) = lines(done.stdout)
    events = lines((tmp_path / "out" / "uneven" / "events.jsonl").read_text())[1:]
    assert [e["life"] for e in events if e["life"] != "update"] == ["new", "end"]
    assert all(any(abs(e["pts_ns"] / 1e9 - at) < 0.0015 for at in there) for e in events), "the time of a picture, to the millisecond"
    assert abs(events[0]["start_pts_ns"] / 1e9 - 2) <= 0.1
    assert abs(events[-1]["pts_ns"] / 1e9 - 7.75) <= 0.25
    assert summary["offered"] == summary["analysed"] + summary["gated"] + summary["dropped"]
