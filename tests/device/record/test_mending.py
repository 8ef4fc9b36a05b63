"""What a recording that failed left behind waits for the disk, whatever the disk says meanwhile."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.record.mending import Mending
from tests.device.record.fakes import HandClock


def test_a_disk_that_does_not_even_tell_what_is_there_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = tmp_path / "clips" / "yard" / "2026-01-02" / "080000.000Z-00000000.mp4.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"")
    mending = Mending(
        tmp_path, 0, lambda _: None, board=Board(), tally=Tally(), clock=HandClock(), on_clip=lambda _clip, _video: pytest.fail("no clip")
    )

    def dead(_: Path) -> bool:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", dead)
        mending.take(part)
        mending.step()
    mending.step()
    assert not part.exists()
