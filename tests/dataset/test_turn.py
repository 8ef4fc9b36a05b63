"""Whatever the disk refuses while somebody is at a data set is a StorageError: who exports counts it, and nothing crashes."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from contracts.errors import ConfigError, StorageError
from dataset.exporter import Exporter
from dataset.turn import Turn
from tests.dataset.scenery import about, seen, view


@pytest.mark.parametrize("error", [sqlite3.DatabaseError("malformed"), sqlite3.OperationalError("disk I/O error"), OSError(errno.EIO, "x")])
def test_an_error_of_the_disk_says_so(error: Exception, tmp_path: Path) -> None:
    turn = Turn(tmp_path)
    with pytest.raises(StorageError, match=str(tmp_path)) as caught, turn, turn:
        raise error
    assert caught.value.__cause__ is error
    with turn:
        pass  # it was let go


@pytest.mark.parametrize("error", [ConfigError("no such thing"), StorageError("full"), ValueError("no box")])
def test_another_error_stays_what_it_is(error: Exception, tmp_path: Path) -> None:
    with pytest.raises(type(error)) as caught, Turn(tmp_path):
        raise error
    assert caught.value is error


def test_a_manifest_that_can_no_longer_be_read_is_no_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Exporter(tmp_path / "set", batch_size=1) as exporter:
        exporter.add(view(1, 32, 24), [seen("ball")], about(1))

        def dead(*_: object) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr("os.pread", dead)
            with pytest.raises(StorageError, match="the disk has a fault"):
                exporter.add(view(1, 32, 24), [seen("ball")], about(2))
        assert exporter.add(view(1, 32, 24), [seen("ball")], about(2)).image_id


def test_an_opening_that_the_disk_refused_halfway_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr("dataset.index.Index.distrust", refused)
        with pytest.raises(StorageError, match="disk I/O error"):
            Exporter(tmp_path / "set")
    Exporter(tmp_path / "set").close()
