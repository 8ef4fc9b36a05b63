"""Grafts: what a stage's options keep in a file of their own is put in its place, with the lines of that file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from device.documents import read_yaml
from device.problems import BadConfig, Loc, Origins, Problem, shown

FILES = {"state_machine": "machine"}  # stage -> the key that names such a file


def grafted(merged: Mapping[str, Any], origins: Origins) -> dict[str, Any]:
    """The configuration with the contents of such files where they are named; what stands there itself counts more.

    They are then options like any others: `vedette check --merged` shows them, and the configuration's hash depends on them.
    """
    pipeline = merged.get("pipeline")
    if not isinstance(pipeline, dict):
        return dict(merged)
    return {**merged, "pipeline": {name: _grafted(("pipeline", str(name)), plug, origins) for name, plug in pipeline.items()}}


def _grafted(loc: Loc, plug: Any, origins: Origins) -> Any:
    key = FILES.get(str(plug.get("use"))) if isinstance(plug, dict) else None
    if key is None or plug.get(key) is None:
        return plug
    where, name = origins.where((*loc, key)), plug[key]
    if not isinstance(name, str):
        raise BadConfig([Problem(where, ".".join(map(str, (*loc, key))), shown(key, name), "is no path", "give the path of a YAML file")])
    inner = Origins()
    content = read_yaml(_beside(where, Path(name)), inner)
    if key in content or "use" in content:
        what = f"names `{key}` or `use`, which stand where it is named"
        raise BadConfig([Problem(inner.last_file, ".".join(map(str, loc)), "", what, "remove it there")])
    origins.lines = {**{(*loc, *at): line for at, line in inner.lines.items()}, **origins.lines}
    return {**content, **{own: value for own, value in plug.items() if own != key}}


def _beside(where: str, path: Path) -> Path:
    """Below the folder of the file that names it, if a file does; else below the working directory."""
    said_in = Path(where.rpartition(":")[0])
    return path if path.is_absolute() or not said_in.is_file() else said_in.parent / path
