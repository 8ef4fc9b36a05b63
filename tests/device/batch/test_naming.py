"""Which recording gets which document: none is written over, none leads out of the folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.batch.batching import batch
from device.batch.films import Asked, Film
from device.batch.naming import harmless, named
from device.batch.recipe import recipe_of
from device.capture.file import FileSource
from device.commands.replay import folders_of
from device.config import Loaded
from tests.device.batch.films import CLOCK, InOrder, profile
from tests.device.capture.fakes import even, film


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return profile(tmp_path_factory.mktemp("profile"), 5)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film(tmp_path_factory.mktemp("film") / "film.mkv", even(25)).read_bytes()


def copied(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def run(loaded: Loaded, paths: list[Path], out: Path) -> list[Film]:
    recipe, asked = recipe_of(loaded, "file", CLOCK), Asked(out)
    names = named(folders_of(paths), out, CLOCK)
    films = [Film(FileSource("file", FileSource.Options(path=path), CLOCK), names[path], recipe, asked, CLOCK) for path in paths]
    batch(films, asked, InOrder(recipe.text()), CLOCK)
    return films


ODD = [
    "...mkv",
    "..mkv",
    ".hidden.mkv",
    "x" * 251 + ".mkv",
    "a\nb.mkv",
    "\x1b[31mred.mkv",
    "[/red].mkv".replace("/", "\\"),
    "bad\udcff.mkv",
    "-v.mkv",
]


@pytest.mark.parametrize("name", ODD)
def test_a_recording_of_any_name_is_looked_at_and_nothing_is_written_outside(
    loaded: Loaded, content: bytes, tmp_path: Path, name: str
) -> None:
    path = copied(tmp_path / "in" / name, content)
    (made,) = run(loaded, [path], tmp_path / "deep" / "out")
    assert made.ready, made.failed
    assert sorted(each.name for each in tmp_path.iterdir()) == ["deep", "in"]
    assert [each.name for each in (tmp_path / "deep").iterdir()] == ["out"]
    listed = json.loads((tmp_path / "deep" / "out" / "index.json").read_text())["documents"]
    assert [each["document"] for each in listed] == [made.document.name]
    (again,) = run(loaded, [path], tmp_path / "deep" / "out")
    assert again.ready and not again.fresh


@given(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=300))
def test_a_name_is_safe_for_a_file_system_and_a_terminal(text: str) -> None:
    name = harmless(text)
    assert name.isprintable() and not name.startswith(".") and 0 < len(name.encode()) <= 200 and "/" not in name


def test_a_recording_keeps_its_document_when_others_of_its_name_come(loaded: Loaded, content: bytes, tmp_path: Path) -> None:
    out, second = tmp_path / "out", content + b"\0"
    monday = copied(tmp_path / "monday" / "cam.mkv", content)
    (first,) = run(loaded, [monday], out)
    early = copied(tmp_path / "friday" / "cam.mkv", second)
    (other,) = run(loaded, [early], out)
    assert first.document != other.document and first.document.exists()
    again = run(loaded, [early, monday], out)
    assert [(each.document, each.fresh) for each in again] == [(other.document, False), (first.document, False)]
    monday.rename(tmp_path / "moved.mkv")
    moved = copied(tmp_path / "tuesday" / "cam.mkv", content)
    assert run(loaded, [moved], out)[0].document == first.document, "the same recording elsewhere"


def test_what_is_none_of_ours_stays_as_it_is(loaded: Loaded, content: bytes, tmp_path: Path) -> None:
    out, away = tmp_path / "out", tmp_path / "away"
    out.mkdir()
    away.mkdir()
    (out / "letter.json").write_text("{}")
    (out / "file").write_text("mine")
    (out / "link").symlink_to(away)
    (out / "nowhere.json").symlink_to(away / "nothing.json")
    paths = [copied(tmp_path / f"{name}.mkv", content) for name in ("letter", "file", "link", "nowhere", "index", "summary")]
    films = run(loaded, paths, out)
    assert all(each.ready and each.document.stem == f"{each.source.path.stem}-2" for each in films)
    assert (out / "letter.json").read_text() == "{}" and (out / "file").read_text() == "mine" and not list(away.iterdir())
