"""Runs: begun, stopped, killed and gone on with to the last bit; what ends one badly is named and kept."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from contracts.errors import ConfigError, HardwareError, ProtocolError
from contracts.evaluation import Evaluation, SavedAnswers
from contracts.run import EpochLine
from tests.trainer.train import worlds
from tests.trainer.train.worlds import WHOLE, Listener, config
from trainer.home import Home
from trainer.jobs.told import Silent
from trainer.judge.loading import judged_root
from trainer.train import learner
from trainer.train.detector import train_detector
from trainer.train.material import gather
from trainer.train.run_folder import RunFolder, open_run
from trainer.train.weights import read_network

ROOT = Path(__file__).resolve().parents[3]


def same(one: RunFolder, two: RunFolder) -> bool:
    a, b = load_file(one.best), load_file(two.best)
    c, d = load_file(one.checkpoint), load_file(two.checkpoint)
    return all(torch.equal(a[name], b[name]) for name in a) and all(torch.equal(c[name], d[name]) for name in c)


def test_a_run_leaves_everything_its_folder_should_hold(shapes: Home, whole: RunFolder) -> None:
    run, material = whole.read(), gather(WHOLE.data, shapes)
    assert (run.state, run.why) == ("done", "")
    assert run.data_root == run.split_root == material.data_root
    assert run.pictures == {"train": len(material.train), "val": len(material.val_items)}
    assert run.started is not None and run.ended is not None and run.created <= run.started <= run.ended
    lines = whole.lines()
    assert [line.epoch for line in lines] == [1, 2, 3]
    assert [line.step for line in lines] == [4, 8, 12]
    assert set(lines[0].loss) == {"centre", "box", "total"}
    assert run.best is not None
    assert run.best.ap50 == max(line.ap50 or 0 for line in lines)
    network, about = read_network(whole.best)
    assert (about.architecture, about.classes, about.size) == ("small", material.classes, (96, 128))
    assert not network.training
    saved = SavedAnswers.model_validate_json((whole.path / "answers-val.json").read_bytes())
    assert saved.points_root == judged_root(material.val)
    assert set(saved.pictures) == {item.id for item in material.val_items}
    judged = Evaluation.model_validate_json((whole.path / "evaluation.json").read_bytes())
    assert judged.coco["ap50"] == pytest.approx(run.best.ap50, abs=1e-9)
    assert not [path.name for path in whole.path.rglob("*") if path.name.endswith((".tmp", ".pt", ".pkl", ".part"))]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(shapes: Home, whole: RunFolder) -> None:
    again = open_run(shapes, train_detector(WHOLE, shapes, Silent()).id)
    assert again.path != whole.path
    assert same(whole, again)
    other = config(training={"epochs": 3, "steps": 4, "seed": 2}, augment={"mosaic": 0.3})
    assert not same(whole, open_run(shapes, train_detector(other, shapes, Silent()).id))


@pytest.mark.parametrize("after", [2, 6, 8], ids=["in the first epoch", "while it is validated", "in the second epoch"])
def test_a_run_that_is_stopped_and_resumed_ends_as_if_it_had_not_been(shapes: Home, whole: RunFolder, after: int) -> None:
    run = train_detector(WHOLE, shapes, Listener(stop_after=after))
    assert run.state == "stopped"
    assert f"--resume {run.id}" in run.why
    done = train_detector(None, shapes, Silent(), resume=run.id)
    assert done.state == "done"
    folder = open_run(shapes, run.id)
    assert same(whole, folder)
    assert [(line.epoch, line.loss, line.ap50) for line in folder.lines()] == [(x.epoch, x.loss, x.ap50) for x in whole.lines()]


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.trainer.train.worlds import WHOLE
from trainer.home import Home
from trainer.train.detector import train_detector

class Told:
    asked = 0
    def progress(self, done, said):
        pass
    def stopped(self):
        Told.asked += 1
        if Told.asked == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

train_detector(WHOLE, Home(Path(sys.argv[1])), Told())
"""


@pytest.mark.timeout(600)
def test_a_run_killed_and_resumed_ends_with_the_same_weights_to_the_last_bit(shapes: Home, whole: RunFolder) -> None:
    before = set(shapes.runs.iterdir())
    ended = subprocess.run([sys.executable, "-c", KILLED, str(shapes.path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    (left,) = set(shapes.runs.iterdir()) - before
    assert RunFolder(left).read().state == "running"
    done = train_detector(WHOLE, shapes, Silent(), resume=left.name)
    assert done.state == "done"
    assert same(whole, RunFolder(left))
    assert [(line.epoch, line.loss, line.ap) for line in RunFolder(left).lines()] == [(x.epoch, x.loss, x.ap) for x in whole.lines()]


@pytest.mark.parametrize("torn", [b"", b'{"epoch": 2, "epo'], ids=["before the line", "within the line"])
def test_an_end_between_the_checkpoint_and_its_line_loses_no_line(
    shapes: Home, whole: RunFolder, monkeypatch: pytest.MonkeyPatch, torn: bytes
) -> None:
    append, left = RunFolder.append, list[RunFolder]()

    def ending(folder: RunFolder, line: EpochLine) -> None:
        if line.epoch < 2:
            return append(folder, line)
        left.append(folder)
        with folder.progress.open("ab") as file:
            file.write(torn)
        raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "append", ending)
    with pytest.raises(KeyboardInterrupt):
        train_detector(WHOLE, shapes, Silent())
    monkeypatch.undo()
    assert left[0].read().state == "stopped"
    train_detector(None, shapes, Silent(), resume=left[0].path.name)
    assert same(whole, left[0])
    assert [line.epoch for line in left[0].lines()] == [1, 2, 3]
    assert len(left[0].progress.read_bytes().splitlines()) == 3


def test_progress_is_told_with_time_left_and_epochs_are_heard(shapes: Home) -> None:
    told, lines = Listener(), list[EpochLine]()
    train_detector(config(), shapes, told, on_epoch=lines.append)
    dones = [done for done, _ in told.said]
    assert dones == sorted(dones)
    assert dones[-1] == 1.0
    assert any("left" in said and "epoch 1 of 2" in said for _, said in told.said)
    assert [line.epoch for line in lines] == [1, 2]
    assert lines[0].left_s > 0
    assert lines[-1].left_s == 0


def test_a_run_can_be_in_one_process_only(shapes: Home) -> None:
    run = train_detector(WHOLE, shapes, Listener(stop_after=1))
    folder = open_run(shapes, run.id)
    folder.lock()
    with pytest.raises(ConfigError, match="another process works on it"):
        train_detector(None, shapes, Silent(), resume=run.id)
    folder.close()
    assert train_detector(None, shapes, Silent(), resume=run.id).state == "done"
    with pytest.raises(ConfigError, match="is done; begin a new one"):
        train_detector(None, shapes, Silent(), resume=run.id)


def test_a_run_goes_on_only_with_what_it_began_with(home: Home) -> None:
    worlds.make_set(home, count=24)
    worlds.make_split(home)
    run = train_detector(config(data={"check_root": False}), home, Listener(stop_after=1))
    with pytest.raises(ConfigError, match="was begun with another configuration"):
        train_detector(config(data={"check_root": False}, training={"epochs": 9}), home, Silent(), resume=run.id)
    (home.splits / "shapes.json").unlink()
    worlds.make_split(home, salt="2")
    with pytest.raises(ConfigError, match="its data set or split is not what it began with"):
        train_detector(None, home, Silent(), resume=run.id)
    with pytest.raises(ConfigError, match="is not there"):
        train_detector(None, home, Silent(), resume="01J00000000000000000000000")


def test_a_checkpoint_that_is_damaged_is_refused_by_name(shapes: Home) -> None:
    run = train_detector(WHOLE, shapes, Listener(stop_after=1))
    path = shapes.runs / run.id / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ConfigError, match=r"checkpoint\.safetensors: is no safetensors file"):
        train_detector(None, shapes, Silent(), resume=run.id)
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises((ConfigError, ProtocolError), match=r"checkpoint\.safetensors"):
        train_detector(None, shapes, Silent(), resume=run.id)


def failed(home: Home, **parts: dict[str, Any]) -> str:
    """Why the newest run of the home says it failed."""
    with pytest.raises((ConfigError, HardwareError)) as caught:
        train_detector(config(**parts), home, Silent())
    newest = max(home.runs.iterdir())
    run = RunFolder(newest).read()
    assert run.state == "failed"
    assert run.why == str(caught.value)
    assert run.ended is not None
    return run.why


def test_a_loss_that_is_no_number_ends_the_run_with_what_to_do(shapes: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    real = learner.centre_loss
    monkeypatch.setattr(learner, "centre_loss", lambda *given: real(*given) * float("nan"))
    assert "no number any more in epoch 1, step 1" in failed(shapes)


def test_memory_that_is_not_there_is_said_with_the_number_to_lower(shapes: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*_: object) -> None:
        torch.empty(1 << 60, dtype=torch.uint8)

    monkeypatch.setattr(learner, "box_loss", hungry)
    why = failed(shapes)
    assert "out of memory with batches of 4 pictures of 128x96; write training.batch_size: 2 and training.accumulate: 2" in why


def test_a_gpu_that_is_not_there_is_said(shapes: Home) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ConfigError, match="sees no GPU"):
        train_detector(config(training={"device": "cuda"}), shapes, Silent())


def test_patience_ends_a_run_that_gets_no_better(shapes: Home) -> None:
    slow = config(training={"epochs": 9, "steps": 1, "rate": 1e-9, "patience": 2})
    run = train_detector(slow, shapes, Silent())
    assert run.state == "done"
    assert len(open_run(shapes, run.id).lines()) == 3


def test_mixed_precision_and_accumulation_learn_too(shapes: Home) -> None:
    run = train_detector(config(training={"precision": "mixed", "accumulate": 2, "batch_size": 2}), shapes, Silent())
    losses = [line.loss["total"] for line in open_run(shapes, run.id).lines()]
    assert all(loss is not None and np.isfinite(loss) for loss in losses)


def test_accumulated_batches_make_the_step_of_one_large_batch(shapes: Home) -> None:
    """But for the norms, whose statistics are of a batch: so the rate is nothing and the losses are compared."""
    common = {"epochs": 1, "steps": 2, "rate": 1e-12}
    one = train_detector(config(training={**common, "batch_size": 8}), shapes, Silent())
    two = train_detector(config(training={**common, "batch_size": 4, "accumulate": 2}), shapes, Silent())
    a, b = (open_run(shapes, run.id).lines()[0].loss["total"] for run in (one, two))
    assert a == pytest.approx(b, rel=0.25)


def test_targets_are_compared_and_missed_ones_said(shapes: Home) -> None:
    run = train_detector(config(targets={"map50_min": 0.999, "count_mae_max": 1000}), shapes, Silent())
    assert run.targets["map50_min"].asked == 0.999
    assert not run.targets["map50_min"].met
    assert run.state == "done"
