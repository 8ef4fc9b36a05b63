from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dataset.exporter import Exporter
from dataset.receipts import Receipts
from tests.dataset.scenery import about, fill, seen, view
from tests.trainer.boxes import TOKEN, RunningBox, contents, offer

ROOT = Path(__file__).resolve().parents[2]


def fetcher(box: RunningBox, into: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "trainer.main", "fetch", box.address, "--into", str(into), "--parallel", "3"]
    environment = {**os.environ, "VEDETTE_EXPORT_TOKEN": TOKEN}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def killed_until_done(tmp_path: Path, kills: int, pictures: int, seed: int, span_s: float) -> int:
    """Killed at instants by chance, from its first file on; then let to its end. How many kills came while it was at work."""
    box_root, here, chance = tmp_path / "box", tmp_path / "here", random.Random(seed)
    with Exporter(box_root) as exporter:
        fill(exporter, range(pictures))
        for number in range(pictures):
            exporter.add(view(number), [seen("car")], about(1000 + number, session="two"))
    box, hits = RunningBox(box_root), 0
    try:
        for n in range(kills):
            child = fetcher(box, here)
            threading.Event().wait(chance.random() * span_s)
            hits += child.poll() is None
            child.send_signal(signal.SIGKILL)
            child.wait(30)
            if n == kills // 2:
                box.stop()
                box.start()
        child = fetcher(box, here)
        assert child.wait(120) == 0
    finally:
        box.stop()
    assert contents(here) == contents(box_root)
    assert list(Receipts(offer(box_root)).positions().values()) == [(box_root / "manifest.jsonl").stat().st_size]
    assert not list((here / "receiving").iterdir())
    assert len((here / "manifest.jsonl").read_bytes().splitlines()) == 2 * pictures
    return hits


def test_a_fetcher_that_is_killed_at_any_instant_brings_everything_once(tmp_path: Path) -> None:
    assert killed_until_done(tmp_path, 6, 40, 1, 2.5) > 0


@pytest.mark.soak
@pytest.mark.parametrize("part", range(10))
def test_a_hundred_kills(tmp_path: Path, part: int) -> None:
    assert killed_until_done(tmp_path, 10, 300, part, 3.0) > 0
