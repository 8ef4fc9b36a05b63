"""Report: figures with their goals, as a table and as bench/results/<name>.json with machine, commit, date and versions."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from device.inventory import memory_bytes, versions

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"


@dataclass(frozen=True, slots=True)
class Figure:
    """`goal` is "<= 2" or ">= 0.9"; without one the figure only stands beside the others."""

    name: str
    value: float
    unit: str = ""
    goal: str = ""

    @property
    def verdict(self) -> str:
        if not self.goal:
            return ""
        sign, bound = self.goal.split()
        met = self.value <= float(bound) if sign == "<=" else self.value >= float(bound)
        return "met" if met else "not met"

    def words(self) -> str:
        return f"{shown(self.value)} {self.unit}".strip()


def shown(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def machine() -> dict[str, Any]:
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory_bytes() / 1e9, 1),
        "load": [round(each, 1) for each in os.getloadavg()],
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def commit() -> str:
    """Of what was measured; `+` when files differ from it."""
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "contracts", "vision", "device", "bench/*.py")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + ("+" if changed else "")


def report(name: str, figures: Sequence[Figure], **facts: Any) -> None:
    """Print and keep; `facts` are what the figures were made of."""
    RESULTS.mkdir(exist_ok=True)
    kept = {
        "name": name,
        "date": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
        "figures": [{**asdict(figure), "value": round(figure.value, 4), "verdict": figure.verdict} for figure in figures],
        **facts,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
    show(name, figures)


def show(title: str, figures: Sequence[Figure]) -> None:
    table = Table(title=title, title_justify="left")
    for column in ("what", "measured", "goal", ""):
        table.add_column(column, justify="right" if column in {"measured", "goal"} else "left")
    for figure in figures:
        colour = {"met": "green", "not met": "red"}.get(figure.verdict, "")
        verdict = f"[{colour}]{figure.verdict}[/]" if colour else ""
        table.add_row(figure.name, figure.words(), figure.goal, verdict)
    Console(width=None if os.isatty(1) else 110).print(table)


def kept() -> Mapping[str, dict[str, Any]]:
    """The last results, by the bench's name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}


def figures_of(result: Mapping[str, Any]) -> list[Figure]:
    return [Figure(each["name"], each["value"], each["unit"], each["goal"]) for each in result["figures"]]
