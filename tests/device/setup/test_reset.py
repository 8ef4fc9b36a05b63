"""Given back: what goes, what stays, whatever breaks it off; asked of a box that runs and of one that does not."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

import pytest

from contracts.errors import ConfigError
from device.commands import factory_reset
from device.setup import reset
from tests.device.setup.newbox import PASSWORD, NewBox, device_yaml
from tests.scenarios.stage import run_vedette

OURS = ("config/owner.yaml", "config/broker/key-1.pem", "config/pushed/aa/revision.yaml", "update/device.key", "models/aa/slot.json",
        "engines/x", "outbox.sqlite", "outbox.sqlite-wal", "commands.json", "discovery.json")  # fmt: skip
RECORDED = ("clips/yard/2026-11-22/a.mp4", "recordings/s/m.json", "events/2026-11-22/e.jpg", "log/events.jsonl", "dataset/manifest.jsonl")
FOREIGN = ("holiday.jpg", "outbox.lock", "lost+found/x")


def furnished(data: Path) -> Path:
    for name in (*OURS, *RECORDED, *FOREIGN):
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return data


def files(data: Path) -> set[str]:
    return {path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()}


@pytest.mark.parametrize("keep", [True, False])
def test_broken_off_anywhere_the_next_start_finishes_it(tmp_path: Path, keep: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a kill would: after each single step of it."""
    left = {*FOREIGN, *(RECORDED if keep else ())}
    gone, steps = reset._remove, 0

    def dies(path: Path) -> None:
        if countdown.pop() == 0:
            raise KeyboardInterrupt
        gone(path)

    monkeypatch.setattr(reset, "_remove", dies)
    while True:
        data = furnished(tmp_path / str(steps))
        reset.order(data, keep)
        countdown = list(range(steps + 1))
        try:
            assert reset.finish(data)
            break
        except KeyboardInterrupt:
            assert reset.ordered(data) and files(data) > left
            countdown = list(range(100))
            assert reset.finish(data)
        assert files(data) == left and not reset.finish(data)
        steps += 1
    assert steps >= 5 and files(data) == left


@pytest.mark.parametrize("order", [b"", b"{", b'{"keep_recordings": null}', b"[]", b"\xff" * 9000])
def test_an_order_that_cannot_be_read_removes_no_recordings(tmp_path: Path, order: bytes) -> None:
    data = furnished(tmp_path)
    (data / reset.ORDER).write_bytes(order)
    assert reset.finish(data) and files(data) == {*FOREIGN, *RECORDED}


def test_links_lead_nowhere(tmp_path: Path) -> None:
    data, other = furnished(tmp_path / "data"), furnished(tmp_path / "other")
    (data / "clips" / "away").symlink_to(other)
    (data / "drift.sqlite").symlink_to(other / "holiday.jpg")
    reset.order(data, False)
    reset.finish(data)
    assert files(other) == {*OURS, *RECORDED, *FOREIGN} and (data / "drift.sqlite").is_symlink()


def asked(path: Path, *more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    factory_reset.add_arguments(parser)
    return parser.parse_args(["--config", str(path), *more])


def test_the_command_says_what_goes_and_what_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = device_yaml(tmp_path)
    data = furnished(tmp_path / "data")
    (data / "config" / "owner.yaml").write_text("cameras: [this is wrong")  # which may be why somebody wants it
    with pytest.raises(ConfigError, match="say --yes"):
        factory_reset.run(asked(path))
    assert files(data) >= {*OURS}
    assert factory_reset.run(asked(path, "--yes", "--keep-recordings")) == 0
    said = capsys.readouterr().out
    assert "the box's key" in said and "Kept: clips" in said and "/etc/vedette" in said and "new-box is as it came" in said
    assert files(data) == {*FOREIGN, *RECORDED}


def fresh(box: NewBox) -> bool:
    """It is without an owner, and its page is there."""
    answer = box.get("/setup") if (box.data / "config" / "setup-code").exists() else None
    return answer is not None and answer.status_code == 200


def test_killed_it_knows_what_was_saved_and_given_back_it_has_no_owner(box: NewBox) -> None:
    box.start()
    first = box.code
    assert "this box has no owner yet" in box.log.read_text() and first[:3] in box.log.read_text()
    said = run_vedette("setup-code", "--config", str(box.yaml), folder=box.yaml.parent)
    assert said.stdout.strip().replace("-", "") == first, said.stderr
    box.claim()
    assert box.set("camera", name="yard", kind="test").status_code == 200
    box.kill()
    box.start()
    assert not (box.data / "config" / "setup-code").exists() and box.login() == 303
    state = box.state()
    assert state["running"] == ["yard"] and not state["pending"]
    clip = box.data / "clips" / "keep.txt"
    clip.parent.mkdir(exist_ok=True)
    clip.write_text("a recording")
    assert box.process
    number = box.process.pid
    assert box.set("reset", password=PASSWORD, box="new-box", keep_recordings=True).status_code == 200
    box.until(lambda: fresh(box))
    assert box.process.poll() is None and box.process.pid == number, "it took its own place"
    assert clip.read_text() == "a recording" and not (box.data / "config" / "owner.yaml").exists()
    assert box.code != first and box.http.get("/api/v1/settings").status_code == 403


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_killed_after_each_step_and_reset_by_command_while_it_runs(box: NewBox) -> None:
    first = box.start().code
    box.kill()
    assert box.start().code == first, "it is the same after a new start"
    box.claim()
    box.kill()
    assert box.start().login() == 303
    refused = run_vedette("setup-code", "--config", str(box.yaml), folder=box.yaml.parent)
    assert refused.returncode == 2 and "this box has an owner" in refused.stderr
    said = run_vedette("factory-reset", "--yes", "--config", str(box.yaml), folder=box.yaml.parent)
    assert said.returncode == 0 and "The box is running: it is asked to reset itself." in said.stdout, said.stderr
    box.until(lambda: fresh(box))
    assert box.kill(signal.SIGTERM) == 0


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_killed_at_any_moment_of_a_reset_it_ends_without_an_owner(box: NewBox) -> None:
    for moment_ms in range(0, 3000, 300):
        box.start()
        if not (box.data / "config" / "setup-code").exists():
            assert box.login() == 303
        else:
            box.claim()
        assert box.set("camera", name="yard", kind="test").status_code == 200
        assert box.set("reset", password=PASSWORD, box="new-box", keep_recordings=bool(moment_ms % 600)).status_code == 200
        threading.Event().wait(moment_ms / 1000)
        box.kill()
        box.start()
        box.until(lambda: not (box.data / reset.ORDER).exists() and (box.data / "config" / "setup-code").exists())
        assert not (box.data / "config" / "owner.yaml").exists()
        box.kill(signal.SIGTERM)
        box.http.cookies.clear()
