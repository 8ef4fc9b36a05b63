from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guide" / "dataset.md"


def test_the_example_of_the_guide_does_what_the_guide_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = subprocess.run([sys.executable, "-W", "error", "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"prints `{done.stdout.strip()}`" in GUIDE.read_text()
    coco = json.loads((tmp_path / "dataset" / "dataset.json").read_text())
    assert [(each["id"], each["bbox"]) for each in coco["annotations"]] == [(1, [19.0, 29.0, 42.0, 22.0])]
    named = {line.split()[0] for line in re.findall(r"```\ndataset/\n(.*?)```", GUIDE.read_text(), re.DOTALL)[0].splitlines()}
    assert {name for name in named if "<" not in name} <= {path.name for path in (tmp_path / "dataset").iterdir()}
