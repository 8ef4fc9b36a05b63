"""Times that cannot be, planted files and links, disks that are full: said of one recording, and the others go on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

import av
import pytest

from contracts.batchlog import read_document
from contracts.errors import StorageError
from device.batch.batching import batch
from device.batch.films import Asked, Film
from device.batch.folder import WorkFolder
from device.batch.recipe import recipe_of
from device.batch.runner import Result
from device.batch.units import Unit
from device.config import Loaded
from device.pipeline.context import Context
from device.pipeline.strict import Strict
from tests.device.batch.films import CLOCK, InOrder, films_of, messages, profile
from tests.device.capture.fakes import even, film
from vision.types import Scene


class Breaks:
    """A site's stage with a mistake in it, which shows in one recording."""

    class Options(Strict):
        only: Literal["bad"] = "bad"

    def __init__(self, options: Options, context: Context) -> None:
        pass

    def __call__(self, scene: Scene) -> Scene:
        if scene.frame.planes.width == 64:
            raise ZeroDivisionError("per nothing")
        return scene


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return profile(tmp_path_factory.mktemp("profile"), 5)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film(tmp_path_factory.mktemp("whole") / "whole.mkv", even(75)).read_bytes()


def run(loaded: Loaded, paths: list[Path], out: Path, runner: InOrder | None = None) -> list[Film]:
    recipe, asked = recipe_of(loaded, "file", CLOCK), Asked(out, segment_s=1)
    films = films_of(paths, recipe, asked)
    batch(films, asked, runner or InOrder(recipe.text()), CLOCK)
    return films


def retimed(path: Path, content: bytes, time_ms: Callable[[int], int]) -> Path:
    (path.parent / "plain.mkv").write_bytes(content)
    with av.open(str(path.parent / "plain.mkv")) as reader, av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as out:
        stream = out.add_stream_from_template(reader.streams.video[0])
        for number, packet in enumerate(packet for packet in reader.demux(reader.streams.video[0]) if packet.size):
            packet.stream, packet.pts = stream, time_ms(number)
            packet.dts = packet.pts
            out.mux(packet)
    return path


FAR_MS = [3_600_000, 3_000_000_000_000, 10**15]


@pytest.mark.parametrize("far_ms", FAR_MS)
@pytest.mark.parametrize("all_of_it", [False, True])
def test_times_that_jump_by_hours_or_ages_stop_nothing(loaded: Loaded, whole: bytes, tmp_path: Path, far_ms: int, all_of_it: bool) -> None:
    path = retimed(tmp_path / "far.mkv", whole, lambda n: 40 * n + (far_ms if all_of_it or n >= 50 else 0))
    (tmp_path / "good.mkv").write_bytes(whole)
    films = run(loaded, [path, tmp_path / "good.mkv"], tmp_path / "out")
    assert [each.failed for each in films] == ["", ""]
    known = read_document(films[0].document).metadata
    assert known.session_start_time.year > 2000
    possible = far_ms < 10**12
    assert known.total_frames == (75 if possible else 0 if all_of_it else 50)
    assert possible or "a time that cannot be" in {hole.reason for hole in known.holes}


def test_a_mistake_in_a_stage_with_a_memory_costs_that_recording_alone(tmp_path: Path, whole: bytes) -> None:
    loaded = profile(tmp_path / "profile", 5, breaks={"use": "tests.device.batch.test_hostile:Breaks"})
    bad, good = film(tmp_path / "bad.mkv", even(25), size=(64, 48)), tmp_path / "good.mkv"
    good.write_bytes(whole)
    films = run(loaded, [bad, good], tmp_path / "out")
    assert "ZeroDivisionError: per nothing" in films[0].failed and films[1].ready


class Half(InOrder):
    """Gives up before the last unit: what a kill leaves."""

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Result]]:
        given = list(units)
        yield from super().run(given[:-1])


def half_done(loaded: Loaded, path: Path, out: Path) -> Path:
    """Its work folder, all units but the last in it."""
    run(loaded, [path], out, Half(recipe_of(loaded, "file", CLOCK).text()))
    work = out / path.stem / ".work"
    assert len(list(work.glob("[0-9]*.jsonl"))) == 2
    return work


@pytest.fixture(scope="module")
def begun(loaded: Loaded, whole: bytes, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """An output folder with a half-done recording, and the events that it has."""
    folder = tmp_path_factory.mktemp("begun")
    (folder / "whole.mkv").write_bytes(whole)
    (made,) = run(loaded, [folder / "whole.mkv"], folder / "whole")
    half_done(loaded, folder / "whole.mkv", folder / "out")
    return folder / "out", messages(made)


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


PLANTED: dict[str, Callable[[Path], object]] = {
    "torn sightings": lambda work: (work / "00000.jsonl").write_bytes((work / "00000.jsonl").read_bytes()[:-9]),
    "other sightings": lambda work: (work / "00000.jsonl").write_bytes((work / "00001.jsonl").read_bytes()),
    "a pipe for sightings": lambda work: piped(work / "00000.jsonl"),
    "an index of numbers": lambda work: (work / "index.json").write_text("[1, 2"),
    "an index of wrong types": lambda work: (work / "index.json").write_text('{"rows": NaN, "segments": [], "holes": []}'),
    "an index of huge claims": lambda work: (work / "index.json").write_text(
        (work / "index.json").read_text().replace('"last": 75', '"last": 4611686018427387904')
    ),
    "a deep index": lambda work: (work / "index.json").write_text("[" * 100_000),
    "a pipe for an index": lambda work: piped(work / "index.json"),
    "short rows": lambda work: (work / "index.rows").write_bytes(b"0"),
    "a deep job": lambda work: (work / "job.json").write_text("[" * 100_000),
}


@pytest.mark.parametrize("what", PLANTED)
def test_whatever_lies_in_the_work_folder_the_document_is_right(
    loaded: Loaded, begun: tuple[Path, list[bytes]], tmp_path: Path, what: str
) -> None:
    shelf, expected = begun
    shutil.copytree(shelf, tmp_path / "out")
    PLANTED[what](tmp_path / "out" / "whole" / ".work")
    (made,) = run(loaded, [shelf.parent / "whole.mkv"], tmp_path / "out")
    assert not made.failed and messages(made) == expected


@pytest.mark.parametrize("line", [b"[" * 100_000 + b"\n", b'{"seq": "x"}\n', b"\n"])
def test_damage_within_sightings_is_said_and_the_others_go_on(loaded: Loaded, whole: bytes, tmp_path: Path, line: bytes) -> None:
    path, good = tmp_path / "whole.mkv", tmp_path / "good.mkv"
    path.write_bytes(whole)
    good.write_bytes(whole)
    sightings = half_done(loaded, path, tmp_path / "out") / "00001.jsonl"
    sightings.write_bytes(b"".join([lines(sightings)[0], line, *lines(sightings)[2:]]))
    films = run(loaded, [path, good], tmp_path / "out")
    assert f"{sightings}: damaged" in films[0].failed and "remove that file and run again" in films[0].failed
    assert films[1].ready


@pytest.mark.parametrize("name", ["thumbnails", ".work"])
def test_no_link_is_followed_out_of_the_folder(loaded: Loaded, whole: bytes, tmp_path: Path, name: str) -> None:
    path, away = tmp_path / "whole.mkv", tmp_path / "away"
    path.write_bytes(whole)
    (tmp_path / "out" / "whole").mkdir(parents=True)
    away.mkdir()
    (tmp_path / "out" / "whole" / name).symlink_to(away)
    (made,) = run(loaded, [path], tmp_path / "out")
    assert "a symbolic link, and none is followed; remove it" in made.failed
    assert not list(away.iterdir())


def test_rows_that_are_a_link_are_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "index.rows").symlink_to(tmp_path / "mine")
    with WorkFolder(tmp_path).rows_file() as file:
        file.write(b"rows")
    assert (tmp_path / "mine").read_text() == "mine" and (tmp_path / "index.rows").read_bytes() == b"rows"


def test_what_else_lies_in_the_output_is_not_waited_for(loaded: Loaded, whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "whole.mkv").write_bytes(whole)
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out" / "pipe.json")
    (tmp_path / "out" / "deep.json").write_text("[" * 100_000)
    (made,) = run(loaded, [tmp_path / "whole.mkv"], tmp_path / "out")
    assert made.ready and len(json.loads((tmp_path / "out" / "index.json").read_text())["documents"]) == 1


def test_a_recording_that_still_grows_gives_no_document(loaded: Loaded, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "grows.mkv"
    path.write_bytes(whole)

    class Growing(InOrder):
        def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Result]]:
            answers = list(super().run(units))
            with path.open("ab") as file:
                file.write(b"\0")
            yield from answers

    (made,) = run(loaded, [path], tmp_path / "out", Growing(recipe_of(loaded, "file", CLOCK).text()))
    assert "was written to while it was looked at; wait until it is finished" in made.failed
    assert not made.document.exists()
    assert run(loaded, [path], tmp_path / "out")[0].ready


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
@pytest.mark.parametrize("size_kb", [8, 16, 24])
def test_a_full_disk_ends_the_run_with_its_name_and_the_next_run_goes_on(
    loaded: Loaded, whole: bytes, tmp_path: Path, size_kb: int
) -> None:
    path, disk = tmp_path / "whole.mkv", tmp_path / "disk"
    path.write_bytes(whole)
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "none", str(disk)], check=True)
    try:
        with pytest.raises(StorageError, match="the disk is full; free some room"):
            run(loaded, [path], disk / "out")
        assert not (disk / "out" / "whole.json").exists()
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        assert run(loaded, [path], disk / "out")[0].ready
    finally:
        subprocess.run(["umount", str(disk)], check=True)
