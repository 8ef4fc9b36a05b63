"""Killed for real between the store and the manifest: an answer is in the data set exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dataset.native import NativeReader
from tests.trainer.review.homes import Place, Shot, add
from trainer.review.settling import Settling

ROOT = Path(__file__).resolve().parents[3]
LABELLER = """
import os, signal, sys
from pathlib import Path
from dataset.lines import Log
from tests.trainer.review.homes import place
from trainer.review.labels import Decision
from trainer.review.settling import Settling
from trainer.store import review_tables

folder, where = Path(sys.argv[1]), sys.argv[2]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

append = Log.append
def then_die(self, lines):
    append(self, lines)
    die()

with place(folder) as here:
    for item in here.ids():
        here.desk.answer(item, 1, Decision(answer="nothing", seconds=1.0), "ann")
    if where == "before the manifest":
        Log.append = die
    elif where == "in the manifest's line":
        write = os.pwrite
        def torn(handle, data, at):
            write(handle, bytes(data)[: len(data) // 2], at)
            die()
        os.pwrite = torn
    elif where == "behind the manifest":
        Log.append = then_die
    else:
        Settling._mark = die
    Settling(here.database, here.sets).settle()
"""


@pytest.mark.parametrize("where", ["before the manifest", "in the manifest's line", "behind the manifest", "before the mark"])
def test_an_answer_is_in_the_data_set_once_wherever_the_power_goes(here: Place, where: str) -> None:
    add(here.sets / "yard", [Shot(n) for n in range(3)])
    here.fill()
    killed = subprocess.run(
        [sys.executable, "-c", LABELLER, str(here.home.path), where], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    settling = Settling(here.database, here.sets)
    assert settling.waiting() == 3
    assert settling.settle().written == 3
    assert settling.settle().written == 0
    reader = NativeReader(here.sets / "yard")
    said = [record for shot in reader for record in reader.records(shot.id) if record.action_type == "review"]
    assert sorted(record.action_id for record in said) == sorted(here.ids(state="done"))
    assert reader.findings.document()["skipped"] == {}
    reader.close()
    with here.database.read() as connection:
        from sqlalchemy import select

        from trainer.store.review_tables import review_labels

        rows = connection.execute(select(review_labels.c.written, review_labels.c.record)).all()
    assert {row.written for row in rows} == {2}
    assert {row.record for row in rows} == {str(record.id) for record in said}


def test_an_answer_of_a_picture_that_was_removed_is_kept_and_written_nowhere(here: Place) -> None:
    from dataset.exporter import Exporter
    from tests.trainer.review.homes import START
    from trainer.review.labels import Decision

    (image,) = add(here.sets / "yard", [Shot(1)])
    here.fill()
    here.desk.answer(here.ids()[0], 1, Decision(answer="nothing"), "ann")
    with Exporter(here.sets / "yard") as exporter:
        exporter.remove([image], "disk", START, unacknowledged=True)
    done = Settling(here.database, here.sets).settle()
    assert (done.written, done.nowhere, done.waiting) == (0, 1, 0)
    assert here.desk.revisions() == 1
