"""The trainer's home: its folders are there, its keys are its owner's, and names stay inside."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from contracts.errors import ConfigError
from trainer.home import Home, home_path, named, store_in
from trainer.jobs.told import Silent, Told


def test_a_home_makes_its_folders_and_keeps_its_keys_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VEDETTE_STORE", "VEDETTE_BLOBS"):
        monkeypatch.delenv(name, raising=False)
    home = Home(tmp_path / "a" / "home")
    for folder in (home.sets, home.splits, home.runs, home.bundles, home.verdicts, home.keys):
        assert folder.is_dir()
    assert stat.S_IMODE(home.keys.stat().st_mode) == 0o700
    assert home.store == str(tmp_path / "a" / "home" / "store.sqlite")
    assert home.blobs == str(tmp_path / "a" / "home" / "blobs")


def test_the_environment_names_a_store_and_blobs_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEDETTE_STORE", "postgresql://somebody@host/name")
    monkeypatch.setenv("VEDETTE_BLOBS", "s3://bucket/folder")
    home = Home(tmp_path)
    assert (home.store, home.blobs) == ("postgresql://somebody@host/name", "s3://bucket/folder")
    monkeypatch.setenv("VEDETTE_TRAINER_HOME", str(tmp_path / "there"))
    assert home_path(None) == tmp_path / "there"
    assert home_path(tmp_path / "here") == tmp_path / "here"


def test_what_boxes_said_goes_where_the_page_and_rollouts_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VEDETTE_STORE", raising=False)
    assert store_in(None, tmp_path / "home") == Home(tmp_path / "home").store
    assert store_in("other.sqlite", tmp_path / "none") == "other.sqlite"
    assert not (tmp_path / "none").exists(), "a store that is named needs no home"
    monkeypatch.setenv("VEDETTE_STORE", "postgresql://somebody@host/name")
    assert store_in(None, None) == "postgresql://somebody@host/name"


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "/etc/passwd", ".hidden", "a\0b", "a b", "x" * 81, "a\n"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        named(Home(tmp_path).sets, name)


def test_a_plain_name_is_an_entry_of_the_folder(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert named(home.splits, "street-1.v2", ".json") == home.splits / "street-1.v2.json"


def test_work_nobody_listens_to_is_never_stopped() -> None:
    told: Told = Silent()
    told.progress(0.5, "half")
    assert told.stopped() is False
