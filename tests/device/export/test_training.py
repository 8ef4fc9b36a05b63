from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import ConfigError, HardwareError
from dataset.exporter import Exporter
from device.clock import SystemClock
from device.export.export_options import ExportOptions
from device.export.training import Training
from device.pipeline.board import Board
from device.pipeline.channel import nothing
from device.pipeline.tally import Tally
from tests.device.export.test_choice import scene, visit


class Outlet:
    """A Training with its thread, as the crew runs it."""

    def __init__(self, data: Path, lossless: bool = True, **options: Any) -> None:
        self.tally, self.board = Tally(), Board()
        self.training = Training(
            data, ExportOptions(enabled=True, **options), clock=SystemClock(), tally=self.tally, board=self.board,
            identities={"yard": lambda: "file/one"}, lossless=lossless,
        )  # fmt: skip

    @contextmanager
    def running(self) -> Iterator[Training]:
        thread = threading.Thread(target=self.training.run, args=(nothing,))
        thread.start()
        try:
            yield self.training
        finally:
            self.training.close()
            thread.join(30)
            assert not thread.is_alive()


def lines(data: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (data / "dataset" / "manifest.jsonl").read_text().splitlines()]


def test_an_event_becomes_a_record_that_says_why_it_is_there(tmp_path: Path) -> None:
    outlet = Outlet(tmp_path)
    with outlet.running() as training:
        for each in visit():
            training.put(each)
    (record,) = lines(tmp_path)
    assert (record["source"], record["action_type"], record["reason"], record["session"]) == ("yard", "object", "event_best", "file%2Fone")
    assert (record["labels"][0]["source"], record["labels"][0]["track"], record["success"]) == ("detection", 1, True)
    assert outlet.tally.get("yard", "exported", "event_best") == 1


def test_a_data_set_that_the_janitor_opened_late_is_let_go_of(tmp_path: Path) -> None:
    """Its worker has ended when the janitor's last round comes; the next start in this process must find it free."""
    outlet = Outlet(tmp_path)
    with outlet.running() as training:
        for each in visit():
            training.put(each)
    training.opened().held()
    with pytest.raises(ConfigError, match=f"process {os.getpid()} writes to this data set"):
        Exporter(tmp_path / "dataset")
    training.shut()
    training.shut()
    Exporter(tmp_path / "dataset").close()


def test_a_box_that_keeps_nothing_makes_no_folder(tmp_path: Path) -> None:
    with Outlet(tmp_path, mode="manual").running() as training:
        for each in visit():
            training.put(each)
    assert not (tmp_path / "dataset").exists()


def test_a_command_keeps_what_is_seen_now_and_answers_when_it_is_durable(tmp_path: Path) -> None:
    with Outlet(tmp_path, mode="manual", batch_size=50).running() as training:
        with pytest.raises(HardwareError, match="nothing of it was looked at yet"):
            training.export({"camera": "yard"})
        training.look(scene(3, ((1, 1, 9, 9, 0.9, 1),)))
        answer = training.export({})
        assert answer["pictures"][0]["image"] == lines(tmp_path)[0]["image_id"]  # type: ignore[index,call-overload]
        with pytest.raises(HardwareError, match="camera street"):
            training.export({"camera": "street"})
    assert lines(tmp_path)[0]["reason"] == "manual"


def test_on_completion_records_are_durable_when_the_event_ends(tmp_path: Path) -> None:
    outlet = Outlet(tmp_path, mode="on_completion", events=("first", "best"))
    scenes = visit()
    for each in scenes[:-1]:
        outlet.training.look(each)
    assert lines(tmp_path) == []
    outlet.training.look(scenes[-1])
    assert [line["reason"] for line in lines(tmp_path)] == ["event_first", "event_best"]
    outlet.training.opened().close()


def test_a_full_channel_gives_up_scenes_counts_them_and_still_hears_of_ends(tmp_path: Path) -> None:
    outlet = Outlet(tmp_path, lossless=False)
    scenes = visit()
    for each in [*scenes, *(scene(n) for n in range(20, 40))]:
        outlet.training.put(each)
    assert outlet.tally.get("yard", "not_kept", "export_late") == len(scenes) + 20 - 8
    with outlet.running():
        pass
    assert outlet.training._choice.open == 0


def test_ends_that_nobody_will_hear_of_are_counted(tmp_path: Path) -> None:
    """The thread does not run: a full disk holds it up for ever."""
    outlet = Outlet(tmp_path, lossless=False)
    (end,) = [each for each in visit() if any(event.life == "end" for event in each.events)]
    for _ in range(8 + 1024 + 5):
        outlet.training.put(end)
    assert outlet.tally.get("yard", "not_kept", "export_late") == 1024 + 5
    assert outlet.tally.get("yard", "not_kept", "export_end") == 5


def test_another_writer_is_said_on_the_board_and_detection_goes_on(tmp_path: Path) -> None:
    outlet = Outlet(tmp_path)
    with Exporter(tmp_path / "dataset"):
        for each in visit():
            outlet.training.look(each)
    assert "writes to this data set" in outlet.board.parts()["export"].reason
    assert outlet.tally.get("yard", "not_kept", "export_failed") == 1


@pytest.mark.parametrize("batch", [4, 50])
def test_every_record_that_a_full_disk_refuses_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    def full(_handle: int, _data: bytes, _at: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    outlet = Outlet(tmp_path, background_probability=1.0, events=(), batch_size=batch)
    outlet.training.look(scene(0))
    with monkeypatch.context() as patch:
        patch.setattr("dataset.lines.os.pwrite", full)
        for number in range(1, 4):
            outlet.training.look(scene(number))
        outlet.training._commit()
    assert "the disk is full" in outlet.board.parts()["export"].reason
    assert sum(n for (_, what, why), n in outlet.tally.counts().items() if (what, why) == ("not_kept", "export_failed")) == 4
    outlet.training.opened().close()
    assert lines(tmp_path) == []


def test_what_the_budget_refuses_is_counted_here_and_in_the_next_record(tmp_path: Path) -> None:
    outlet = Outlet(tmp_path, max_mb_per_hour=0.001, background_probability=1.0, events=())
    with outlet.running() as training:
        for number in range(5):
            training.put(scene(number))
        training.put(scene(50_000))
    assert [line["skipped_before"] for line in lines(tmp_path) if "skipped_before" in line] == [{"budget": 4}]
    assert outlet.tally.get("yard", "not_exported", "budget") == 4


def test_masks_are_in_the_picture_that_is_kept(tmp_path: Path) -> None:
    left = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
    with Outlet(tmp_path, masks={"yard": [left]}, background_probability=1.0, events=()).running() as training:
        training.put(scene(200))
    (record,) = lines(tmp_path)
    assert record["ignore"][0]["reason"] == "mask"
