from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dataset.exporter import Exporter
from dataset.native import NativeReader
from dataset.picture import image_id, pixels

ROOT = Path(__file__).resolve().parents[2]


def killed(root: Path, first: int, lines_to_see: int, extra_s: float) -> int:
    """Start the writer at number `first`, kill it a moment after it acknowledged so often; the last number acknowledged."""
    command = [sys.executable, "-c", "import tests.dataset.writing_child", str(root), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        last = first - 1
        for line, _ in zip(child.stdout, range(lines_to_see + 1), strict=False):
            last = int(line) if line[0].isdigit() else last
        threading.Event().wait(extra_s)  # the instant of the kill, anywhere in its work
        child.send_signal(signal.SIGKILL)
        for line in child.stdout:
            last = int(line) if line.endswith("\n") else last
    return last


def assert_whole(root: Path, acknowledged: int) -> int:
    """Everything acknowledged is there and as it was; how many records there are."""
    with Exporter(root) as exporter:
        exporter.refresh()
    lines = [json.loads(line) for line in (root / "manifest.jsonl").read_text().splitlines()]
    told = {line["pts_ns"] // 1_000_000_000 for line in lines}
    assert set(range(acknowledged + 1)) <= told
    assert len(told) == len(lines)
    names = {line["image_id"] for line in lines}
    for name in names:
        data = (root / "images" / f"{name}.png").read_bytes()
        assert image_id(pixels(data, name)) == name
        file = json.loads((root / "annotations" / f"{name}.json").read_text())
        assert file["observation_count"] == sum(line["image_id"] == name for line in lines)
    reader = NativeReader(root)
    assert {item.id for item in reader} == names
    assert reader.findings.clean
    reader.close()
    return max(told, default=-1)


def rounds(root: Path, times: int, seed: int = 0) -> None:
    chance = random.Random(seed)
    last = -1
    for _ in range(times):
        acknowledged = killed(root, last + 1, chance.randint(0, 4), chance.random() * 0.02)
        last = assert_whole(root, max(acknowledged, last))


def test_a_writer_that_is_killed_at_any_instant_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    rounds(tmp_path, 12)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(40))
def test_a_thousand_kills(tmp_path: Path, part: int) -> None:
    rounds(tmp_path, 25, part)


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    killed(tmp_path, 0, 1, 0)
    Exporter(tmp_path).close()
