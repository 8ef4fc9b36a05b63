"""People counted across a line in real footage, held against a count by eye."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from tests.scenarios.game.score import Report, score, told
from tests.scenarios.game.truth import Fact
from tests.scenarios.stage import ROOT, run_vedette

STREET = ROOT / ".cache" / "footage" / "street.mkv"
STEP_NS, WIDTH, HEIGHT = 100_000_000, 768, 576  # ten pictures a second
LINE_X, TOP_Y, END_Y = 240, 161, 317  # across the path on the left: from the verge behind it to the grass before it
# By eye, in the footage's 795 pictures, one by one around each: the picture in which somebody is above the line, and who it is.
# `in` is to the left, where the path leads out of the picture. Two who come near are none: a man in red and navy who stops beside the
# line (742 to 764), and one with a paper who turns before it (294 to 330).
CROSSINGS = (
    (177, "in", "white cap"), (198, "in", "striped pullover"), (241, "in", "dark jacket"), (301, "in", "black coat"),
    (307, "out", "bald"), (324, "out", "black coat, back again"), (518, "in", "red top"), (588, "in", "bald, again"),
    (651, "out", "red top, back again"), (670, "in", "dark jacket"), (672, "out", "bald, passing him"), (706, "in", "blue jacket"),
    (710, "out", "dark jacket, back again, behind her"), (761, "out", "fair hair"), (786, "in", "black jacket, slowly"),
)  # fmt: skip


@pytest.mark.footage
@pytest.mark.timeout(300)
def test_who_crosses_the_line_is_counted_as_by_eye(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not STREET.exists():
        pytest.skip("the street footage is not here: run `make test` or scripts/footage.py")
    across = [[LINE_X / WIDTH, TOP_Y / HEIGHT], [LINE_X / WIDTH, END_Y / HEIGHT]]
    settings = {
        "device_id": "box-01", "profile": "street-count", "data": str(tmp_path / "data"), "page": None, "mqtt": None,
        "cameras": {"yard": {"use": "pattern", "lines": {"path": {"points": across}}}},
    }  # fmt: skip
    device = tmp_path / "device.yaml"
    device.write_text(yaml.safe_dump(settings, sort_keys=False))
    done = run_vedette(
        "replay", str(STREET), "--config", str(device), "--camera", "yard", "--output", "out", "--json", folder=tmp_path, timeout_s=280
    )
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out" / "street" / "events.jsonl").read_text().splitlines()[1:]
    crossed = [event for event in map(json.loads, lines) if event["kind"] == "crossed" and event["life"] == "new"]
    found = [Report(event["data"]["direction"], event["start_pts_ns"], {}) for event in crossed]
    truth = [Fact(direction, picture * STEP_NS, picture * STEP_NS) for picture, direction, _ in CROSSINGS]
    result = score(truth, found, tolerance_ns=1_500_000_000)
    with capsys.disabled():
        sys.stdout.write(f"\n{told(result, 1_500_000_000)}\n")
    assert result.recall >= 0.93 and result.precision >= 0.93
    assert result.error_ns(0.95) <= 5 * STEP_NS
    last = max(crossed, key=lambda event: int(event["start_pts_ns"]))["data"]
    assert (last["in"], last["out"]) == tuple(sum(report.kind == way for report in found) for way in ("in", "out"))
