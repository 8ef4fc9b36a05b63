"""`vedette clips` as it is used: in this process, on real folders, beside an appliance's lock."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from contracts.clip import Clip
from device import main
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.publish.outbox import Outbox
from device.publish.outbox_options import Options as OutboxOptions
from device.publish.stamp import Stamp
from device.publish.store import Store
from device.record.keep import keep_of
from device.record.layout import manifest_of
from tests.device.record.fakes import HandClock
from tests.device.record.footage import at_s, event, event_id
from tests.device.record.stored import NOON, in_line, make, path_of


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a box called box-1 with three clips of two cameras."""
    (tmp_path / "device.yaml").write_text("device_id: box-1\ndata: data\ncameras: {left: {use: pattern}}\n")
    monkeypatch.chdir(tmp_path)
    for n in range(3):
        make(tmp_path / "data", str(n), NOON + timedelta(hours=20 * n), ("left", "right")[n % 2], size=1000)
    return tmp_path


def clips_of(box: Path) -> list[Clip]:
    return [make(box / "data", str(n), NOON + timedelta(hours=20 * n), ("left", "right")[n % 2], size=1000) for n in range(3)]


def vedette(*args: object) -> int:
    return main.main(["--log", "ERROR", "clips", *map(str, args)])


def listed(capsys: pytest.CaptureFixture[str], *args: object) -> list[str]:
    assert vedette("ls", "--json", *args) == 0
    return [json.loads(line)["start"][:13] for line in capsys.readouterr().out.splitlines()]


def test_ls_lists_newest_first_and_as_asked(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third = "2026-11-22T12", "2026-11-23T08", "2026-11-24T04"
    assert listed(capsys) == [third, second, first]
    assert listed(capsys, "--limit", 1) == [third]
    assert listed(capsys, "--camera", "right") == [second]
    assert listed(capsys, "--day", "2026-11-22") == [first]
    assert listed(capsys, "--since", "2026-11-23T08:00Z") == [third, second]
    assert listed(capsys, "--event", event_id("0")) == [first]
    assert listed(capsys, "--pinned") == []
    assert vedette("ls") == 0
    said = capsys.readouterr()
    assert "3 of 3 clips" in said.err and said.out.splitlines()[1].split()[1:4] == ["2026-11-24", "04:00:00", "left"]
    with pytest.raises(SystemExit):
        vedette("ls", "--since", "yesterday")


def test_who_only_looks_leaves_no_files_behind(box: Path) -> None:
    assert vedette("ls") == vedette("check") == vedette("show", clips_of(box)[0].id) == 0
    assert sorted(path.name for path in (box / "data").iterdir()) == ["clips"]


def test_show_says_everything_by_the_beginning_of_an_id_or_a_path(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = clips_of(box)[1]
    for name in (clip.id.hex[:8], str(clip.id)[:12], path_of(box / "data", clip).relative_to(box / "data")):
        assert vedette("show", name) == 0
        said = capsys.readouterr().out
        assert str(clip.id) in said and clip.sha256 in said and str(event_id("1")) in said
    assert vedette("show", clip.id, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pinned"] is False and Clip.model_validate(found) == clip
    assert vedette("show", "0123456789") == 2
    assert "there is none" in capsys.readouterr().err
    assert vedette("show", "") == 2


def test_keep_and_rm(box: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, _ = clips_of(box)
    assert vedette("keep", one.id, two.id) == 0
    assert keep_of(path_of(box / "data", one)).exists()
    assert vedette("keep", "--not", two.id) == 0
    capsys.readouterr()
    assert listed(capsys, "--pinned") == ["2026-11-22T12"]
    assert vedette("rm", one.id, "--yes") == 2 and "is to be kept" in capsys.readouterr().err
    assert vedette("rm", two.id) == 2 and "say --yes" in capsys.readouterr().err
    terminal = io.StringIO("n\ny\n")
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    assert vedette("rm", two.id) == 1 and path_of(box / "data", two).exists()
    assert vedette("rm", two.id) == 0 and not path_of(box / "data", two).exists()
    assert vedette("rm", one.id, "--yes", "--force") == 0
    assert list((box / "data" / "clips" / "left" / "2026-11-22").iterdir()) == []


def test_check_finds_and_mends(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = clips_of(box)[0]
    assert vedette("check") == 0
    assert "3 hashes right; nothing is damaged" in capsys.readouterr().err
    path_of(box / "data", clip).write_bytes(bytes(1000))
    assert vedette("check", "--quick") == 0
    capsys.readouterr()
    assert vedette("check", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert [(fault["kind"], fault["damage"]) for fault in found["faults"]] == [("wrong hash", True)] and not found["ok"]
    assert vedette("check") == 1
    said = capsys.readouterr()
    assert "DAMAGE  wrong hash: clips/left/" in said.out and "-> --mend:" in said.out and "1 damaged" in said.err
    assert vedette("check", "--mend") == 0
    assert "mended: 1" in capsys.readouterr().err
    assert vedette("check", "--json") == 0
    assert [fault["kind"] for fault in json.loads(capsys.readouterr().out)["faults"]] == ["salvage"]


def test_beside_an_appliance_check_reads_and_mending_is_refused(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the journal's real lock."""
    clip = clips_of(box)[0]
    in_line(box / "data").close()
    store = Store(box / "data" / "outbox.sqlite")
    manifest_of(path_of(box / "data", clip)).write_bytes(b"{")
    try:
        assert vedette("check") == 1
        assert "bad manifest" in capsys.readouterr().out
        assert vedette("check", "--mend") == 2
        assert "stop it before anything is mended" in capsys.readouterr().err
        assert vedette("reindex", "--adopt") == 2
        assert manifest_of(path_of(box / "data", clip)).read_bytes() == b"{"
        assert vedette("ls") == 0
    finally:
        store.close()


def test_an_appliance_cannot_start_while_its_files_are_being_mended(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(box / "data" / "outbox.sqlite").close()
    tried = []

    def mending(*_: object) -> list[object]:
        with pytest.raises(Exception, match="another Vedette is writing there"):
            Store(box / "data" / "outbox.sqlite")
        tried.append(True)
        return []

    monkeypatch.setattr("device.record.mend.mend", mending)
    assert vedette("check", "--mend") == 0
    assert tried == [True]


def test_a_disk_of_another_box_is_told_and_can_be_adopted(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (box / "device.yaml").write_text((box / "device.yaml").read_text().replace("box-1", "box-2"))
    clip = clips_of(box)[0]
    assert vedette("rm", clip.id, "--yes") == 5
    assert "the recordings of another box, box-1" in capsys.readouterr().err
    assert vedette("check") == 1
    assert "DAMAGE  disk: disk.json" in capsys.readouterr().out
    assert vedette("check", "--data", box / "data") == 0
    assert vedette("reindex", "--adopt") == 0
    assert "3 clips in 3 folders" in capsys.readouterr().out
    assert vedette("rm", clip.id, "--yes") == 0


def test_export_takes_the_events_along(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, clock = clips_of(box)[0], HandClock()
    outbox = Outbox(box / "data" / "outbox.sqlite", Stamp(clock, "street"), Board(), Tally(), options=OutboxOptions(), delivers=False)
    outbox.add(event("end", "0", at_s(1), at_s(2)), 0)
    outbox.finish()
    assert vedette("export", clip.id, "--to", box / "usb", "--json") == 0
    outbox.close()
    handed = json.loads(capsys.readouterr().out)
    assert (handed["copied"], handed["events"], handed["bytes"]) == (True, 1, 1000)
    assert str(event_id("0")) in Path(handed["video"]).with_suffix(".events.jsonl").read_text()
    assert vedette("export", clip.id, "--to", box / "usb") == 0
    assert "was there already, and is right" in capsys.readouterr().out
    assert vedette("export", clip.id, "--to", "/proc/nowhere") == 5


def test_a_folder_that_is_not_there_is_said(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert vedette("ls", "--data", box / "nowhere") == 2
    assert "is not there" in capsys.readouterr().err
