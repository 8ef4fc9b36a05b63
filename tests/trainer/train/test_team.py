"""Two processes under torchrun: one run, the parts they learn from apart, one of them writing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.trainer.train.worlds import WHOLE
from trainer.home import Home
from trainer.train.run_folder import RunFolder

ROOT = Path(__file__).resolve().parents[3]
WORKER = """
import builtins, json, os, sys
from pathlib import Path
from tests.trainer.train.worlds import WHOLE
from trainer.home import Home
from trainer.jobs.told import Silent
from trainer.train import feed
from trainer.train.detector import train_detector
from trainer.train.parent import state_digest

home, notes, rank = Home(Path(sys.argv[1])), Path(sys.argv[2]), os.environ["RANK"]
seen, written = [], []
stack = feed._stacked
feed._stacked = lambda made, indices: (seen.append(indices), stack(made, indices))[1]
def hook(name, given):
    if name == "open" and str(given[0]).startswith(str(home.runs)) and (given[2] & (os.O_WRONLY | os.O_RDWR)):
        written.append(str(given[0]))
sys.addaudithook(hook)
from trainer.train import learner
made = learner.Learner.__init__
kept = []
learner.Learner.__init__ = lambda self, *given: (kept.append(self), made(self, *given))[1]
run = train_detector(WHOLE, home, Silent())
document = {"id": run.id, "state": run.state, "seen": seen, "written": written, "weights": state_digest(kept[0].network)}
(notes / f"{rank}.json").write_text(json.dumps(document))
"""


@pytest.mark.timeout(600)
def test_two_processes_make_one_run_of_disjoint_parts_and_one_writes(shapes: Home, whole: RunFolder, tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    before = set(shapes.runs.iterdir())
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "--local-addr", "127.0.0.1",
        str(script), str(shapes.path), str(tmp_path),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    (made,) = set(shapes.runs.iterdir()) - before
    assert first["id"] == second["id"] == made.name
    assert first["written"]
    assert not second["written"]
    assert first["weights"] == second["weights"]
    mine, theirs = ({index for batch in each["seen"][:4] for index in batch} for each in (first, second))
    assert mine and theirs and not mine & theirs
    run, alone = RunFolder(made).read(), whole.read()
    assert (run.state, run.processes) == ("done", 2)
    assert set(load_file(RunFolder(made).best)) == set(load_file(whole.best))
    assert [(line.epoch, line.step) for line in RunFolder(made).lines()] == [(line.epoch, line.step) for line in whole.lines()]
    assert run.model_fields_set == alone.model_fields_set
    assert {path.name for path in made.iterdir()} == {path.name for path in whole.path.iterdir()}
    assert WHOLE.training.epochs == 3
