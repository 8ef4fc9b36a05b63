"""The log of removals: whole lines, durable, bounded; a disk that refuses delays it and loses nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from contracts.removal import Figures, Removal
from contracts.wire import utc_from_ns
from device.keep.removals import RemovalLog
from device.pipeline.tally import Tally
from tests.clocks import T0_NS


def line(number: int) -> Removal:
    return Removal(
        t=utc_from_ns(T0_NS), clock_trusted=True, shelf="clips", item=f"clips/yard/{number}", bytes=number, rule="budget", order="oldest",
        figures=Figures(shelf_bytes=5, budget_bytes=4), reason="5 bytes were more than the budget of 4 bytes",
    )  # fmt: skip


def log(folder: Path, max_bytes: int = 1_000_000, keep: int = 3) -> RemovalLog:
    return RemovalLog(folder / "log/removals.jsonl", max_bytes, keep, Tally())


def items(folder: Path) -> list[str]:
    return [Removal.model_validate_json(text).item for text in (folder / "log/removals.jsonl").read_text().splitlines()]


def test_a_batch_is_one_write_and_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = log(tmp_path)
    target.add([line(0)])
    calls: list[str] = []
    for name in ("write", "fsync"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args))[1])
    target.add([line(number) for number in range(1, 65)])
    assert calls == ["write", "fsync"]
    assert items(tmp_path) == [f"clips/yard/{number}" for number in range(65)]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES, errno.EISDIR, errno.ESTALE, errno.ENOENT])
@pytest.mark.parametrize("call", ["open", "write", "fsync", "fstat"])
def test_a_disk_that_refuses_delays_the_lines_and_tears_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int) -> None:
    target = log(tmp_path)
    target.add([line(0)])

    def refuses(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuses)
        with pytest.raises(OSError, match=os.strerror(code)):
            target.add([line(1)])
    assert target.waiting == 1
    target.add([line(2)])
    assert target.waiting == 0
    kept = items(tmp_path)
    assert kept[0] == "clips/yard/0" and kept[-2:] == ["clips/yard/1", "clips/yard/2"]


def test_half_a_write_is_cut_off_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, real = log(tmp_path), os.write
    target.add([line(0)])
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, data: real(handle, data[: len(data) // 2]))
        with pytest.raises(OSError, match="whole line"):
            target.add([line(1)])
    assert items(tmp_path) == ["clips/yard/0"]
    target.flush()
    assert items(tmp_path) == ["clips/yard/0", "clips/yard/1"]


@pytest.mark.parametrize("torn", [b'{"version": 1, "t"', b"x" * 5])
def test_what_a_power_cut_tore_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    log(tmp_path).add([line(0)])
    with (tmp_path / "log/removals.jsonl").open("ab") as file:
        file.write(torn)
    log(tmp_path).add([line(1)])
    assert items(tmp_path) == ["clips/yard/0", "clips/yard/1"]


def test_it_turns_over_by_size_and_keeps_so_many(tmp_path: Path) -> None:
    target = log(tmp_path, max_bytes=1000)
    for number in range(40):
        target.add([line(number)])
    assert len(target.older()) == 3
    assert [removal.item for removal in target.last(2)] == ["clips/yard/38", "clips/yard/39"]
    numbers = [int(path.stem.rsplit("-", 1)[1]) for path in target.older()]
    assert numbers == list(range(numbers[0], numbers[0] + 3)) and numbers[0] > 1
    assert all(path.stat().st_size < 2000 for path in target.older())


def test_in_memory_there_is_a_bound_and_what_is_lost_is_counted(tmp_path: Path) -> None:
    tally = Tally()
    (tmp_path / "log").write_text("no folder")
    target = RemovalLog(tmp_path / "log/removals.jsonl", 1000, 3, tally)
    for number in range(103):
        with pytest.raises(OSError, match=r"exists|directory"):
            target.add([line(number) for _ in range(100)])
    assert target.waiting == 10_000 and tally.get("", "removals_log", "lost") == 300


def test_it_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log/removals.jsonl").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic links"):
        log(tmp_path).add([line(0)])
    assert not (tmp_path / "other").exists()


def test_a_line_that_cannot_be_read_is_left_out_of_the_report(tmp_path: Path) -> None:
    log(tmp_path).add([line(0)])
    with (tmp_path / "log/removals.jsonl").open("a") as file:
        file.write('{"t": "never"}\n')
    log(tmp_path).add([line(1)])
    assert [removal.item for removal in log(tmp_path).last(10)] == ["clips/yard/0", "clips/yard/1"]
