"""What was found before by another model or other settings is set aside whole; a person's review is not put away unasked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.batchlog import BatchLog, document_bytes, read_document
from contracts.wire import utc_from_ns
from device.batch import earlier
from device.batch.batching import batch
from device.batch.correction import correct_start
from device.batch.films import Asked, Film
from device.batch.naming import named
from device.batch.recipe import recipe_of
from device.batch.runner import Result
from device.batch.units import Unit, unit_s
from device.capture.file import FileSource
from device.config import Loaded
from tests.device.batch.films import CLOCK, InOrder, profile, without_time
from tests.device.capture.fakes import even, film

T_NS = 1_770_000_000_000_000_000


@pytest.fixture(scope="module")
def often(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return profile(tmp_path_factory.mktemp("often"), 5)


@pytest.fixture(scope="module")
def seldom(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return profile(tmp_path_factory.mktemp("seldom"), 1)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film(tmp_path_factory.mktemp("content") / "film.mkv", even(75)).read_bytes()


@pytest.fixture
def video(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "film.mkv").write_bytes(content)
    return tmp_path / "film.mkv"


def run(loaded: Loaded, video: Path, runner: InOrder | None = None, **asked: Any) -> Film:
    out = asked.pop("out", video.parent / "out")
    recipe, wanted = recipe_of(loaded, "file", CLOCK), Asked(out, **asked)
    (name,) = named({video: video.stem}, out, CLOCK).values()
    made = Film(FileSource("file", FileSource.Options(path=video), CLOCK), name, recipe, wanted, CLOCK)
    batch([made], wanted, runner or InOrder(recipe.text()), CLOCK)
    return made


def everything(document: Path) -> dict[str, bytes]:
    """The document, its log and its pictures, each at its place beside it."""
    folder = document.with_suffix("")
    files = [document, folder / "events.jsonl", *sorted((folder / "thumbnails").iterdir())]
    return {str(path.relative_to(document.parent)): path.read_bytes() for path in files}


def reviewed(document: Path) -> bytes:
    """As the review page leaves it."""
    log = read_document(document)
    known = log.metadata.model_copy(update={"manually_reviewed": True})
    document.write_bytes(document_bytes(BatchLog(metadata=known, events=log.events[1:])))
    return document.read_bytes()


def asides(out: Path) -> list[Path]:
    return sorted((out / "earlier").glob("*/film.json"))


def test_another_configuration_sets_the_earlier_document_aside_with_its_log_and_pictures(
    often: Loaded, seldom: Loaded, video: Path
) -> None:
    before = everything(run(often, video).document)
    made = run(seldom, video)
    assert made.fresh and made.aside is not None and asides(video.parent / "out") == [made.aside]
    assert everything(made.aside) == before and len(before) > 10
    pictures = {Path(str(entry.thumbnail)).name for entry in read_document(made.document).events}
    assert {path.name for path in (made.folder / "thumbnails").iterdir()} == pictures, "no picture of the run before is left"
    listed = json.loads((video.parent / "out" / "index.json").read_text())["documents"]
    assert [each["document"] for each in listed] == ["film.json"], "one document a recording in the directory"
    assert json.loads((video.parent / "out" / "summary.json").read_text())["recordings"][0]["set_aside"] == str(
        made.aside.relative_to(video.parent / "out")
    )


def test_there_and_back_keeps_one_of_each(often: Loaded, seldom: Loaded, video: Path) -> None:
    for loaded in (often, seldom, often, seldom):
        made = run(loaded, video)
    assert len(asides(video.parent / "out")) == 2 and made.document.exists()
    assert {read_document(path).metadata.fingerprint.config_hash for path in asides(video.parent / "out")} == {
        recipe_of(loaded, "file", CLOCK).fingerprint.config_hash for loaded in (often, seldom)
    }


def test_another_recording_under_the_same_path_does_not_replace_the_document_of_the_first(often: Loaded, video: Path) -> None:
    before = everything(run(often, video).document)
    film(video, even(50))
    made = run(often, video)
    assert made.aside is not None and everything(made.aside) == before


def test_again_with_the_same_leaves_one_and_no_pictures_of_a_cut_run(often: Loaded, video: Path) -> None:
    made = run(often, video)
    before = everything(made.document)
    (made.folder / "thumbnails" / "evt_900.jpg").write_bytes(b"of more events than there are")
    again = run(often, video, again=True)
    assert again.fresh and again.aside is None and not (video.parent / "out" / "earlier").exists()
    assert everything(again.document).keys() == before.keys()


def test_what_a_person_reviewed_stays_until_it_is_said(often: Loaded, seldom: Loaded, video: Path) -> None:
    document = run(often, video).document
    theirs = reviewed(document)
    for loaded, more in ((seldom, {}), (often, {"again": True})):
        runner = InOrder(recipe_of(loaded, "file", CLOCK).text())
        made = run(loaded, video, runner, **more)
        assert "a person has reviewed it" in made.failed and "--replace" in made.failed
        assert document.read_bytes() == theirs and not runner.units, "nothing was looked at in vain"
    assert run(often, video).ready and document.read_bytes() == theirs, "finished, and as it was left"
    made = run(seldom, video, replace=True)
    assert made.aside is not None and made.aside.read_bytes() == theirs
    run(often, video)
    reviewed(document)
    second = run(seldom, video, replace=True)
    kept = [path for path in asides(video.parent / "out") if read_document(path).metadata.manually_reviewed]
    assert len(kept) == 2 and second.aside in kept, "reviewed ones never make way for one another"


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moves", [1, 2])
def test_killed_between_two_moves_nothing_is_lost(
    often: Loaded, seldom: Loaded, video: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    document = run(often, video).document
    before = everything(document)
    done = []

    def dies(old: Path, new: Path) -> None:
        if len(done) == moves:
            raise Killed
        done.append(old.rename(new))

    recipe = recipe_of(seldom, "file", CLOCK)
    with monkeypatch.context() as patched:
        patched.setattr(earlier, "rename_durably", dies)
        with pytest.raises(Killed):
            earlier.set_aside(document, "sha256:other", recipe.fingerprint)
    assert document.exists() and not (document.with_suffix("") / "thumbnails").exists()
    assert not run(often, video).fresh and everything(document) == before, "its pieces came back"
    made = run(seldom, video)
    assert made.aside is not None and everything(made.aside) == before


def test_a_link_in_the_way_is_not_followed(often: Loaded, seldom: Loaded, video: Path) -> None:
    made = run(often, video)
    away = video.parent / "away"
    away.mkdir()
    (made.asked.out / "earlier").symlink_to(away)
    assert "none is followed" in run(seldom, video).failed
    assert not list(away.iterdir()) and made.document.exists()


def test_a_start_that_the_owner_put_right_is_kept_when_it_is_looked_at_anew(often: Loaded, seldom: Loaded, video: Path) -> None:
    correct_start(run(often, video).document, T_NS)
    made = run(seldom, video, strict_time=True)
    known, first = read_document(made.document).metadata, read_document(made.document).events[0]
    assert made.fresh and known.session_start_time == utc_from_ns(T_NS) and known.start_source == "option" and not known.start_is_guess
    assert (first.timestamp - utc_from_ns(T_NS)).total_seconds() == pytest.approx(first.video_offset_seconds, abs=1e-3)


def test_a_moved_recording_and_another_word_for_the_session_are_put_right_without_looking(often: Loaded, video: Path) -> None:
    made = run(often, video, session_type="practice")
    theirs = reviewed(made.document)
    moved = video.rename(video.with_name("moved.mkv"))
    recipe = recipe_of(often, "file", CLOCK)
    again = Film(FileSource("file", FileSource.Options(path=moved), CLOCK), "film", recipe, Asked(made.asked.out), CLOCK)
    runner = InOrder(recipe.text())
    batch([again], again.asked, runner, CLOCK)
    known = read_document(made.document)
    assert again.ready and not runner.units and known.metadata.manually_reviewed
    assert (known.metadata.video_path, known.metadata.session_type) == (str(moved), "practice")
    assert len(known.events) == len(json.loads(theirs)["events"])
    header = json.loads((made.folder / "events.jsonl").read_text().splitlines()[0])
    assert header["source"] == "moved.mkv"


def test_no_recording_is_called_as_the_folder_of_earlier_ones(often: Loaded, video: Path) -> None:
    made = run(often, video.rename(video.with_name("earlier.mkv")))
    assert made.ready and made.document.name == "earlier-2.json"


def test_short_recordings_are_divided_finer() -> None:
    assert [unit_s(each) for each in (0, 10, 320, 3600)] == [60, 4, 10, 60]


def test_what_was_begun_with_other_settings_is_begun_anew(
    often: Loaded, seldom: Loaded, video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Half(InOrder):
        def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Result]]:
            yield from super().run(list(units)[:-1])

    cut = run(often, video, Half(recipe_of(often, "file", CLOCK).text()), segment_s=1)
    assert not cut.ready and len(list((cut.folder / ".work").glob("[0-9]*.jsonl"))) == 2
    runner = InOrder(recipe_of(seldom, "file", CLOCK).text())
    made = run(seldom, video, runner, segment_s=1)
    assert "it is begun anew" in caplog.text and "fingerprint" in caplog.text
    whole = run(seldom, video, out=video.parent / "other")
    assert len(runner.units) == 3 and without_time(made.document) == without_time(whole.document)
