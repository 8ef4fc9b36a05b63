"""Profiles: those that there are, and what each says it does, from the first lines of its file."""

from __future__ import annotations

from pathlib import Path

from device.config import shared

LONGEST = 400
MOST = 50


def profiles(beside: Path | None) -> dict[str, str]:
    """Name -> words. `beside`: the device.yaml; a site's own profiles lie there."""
    folders = [*shared("profiles", beside), *shared("configs/profiles")]
    files = [path for folder in folders for path in sorted(folder.glob("*.yaml"))]
    found: dict[str, str] = {}
    for path in files[:MOST]:
        found.setdefault(path.stem, words(path))
    return found


def words(path: Path) -> str:
    """The comment at its top, up to an indented line, which is an example."""
    try:
        with path.open("rb") as file:
            lines = file.read(4096).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    said = []
    for line in lines:
        if not line.startswith("# ") or line.startswith("#   "):
            break
        said.append(line[2:].strip())
    return " ".join(said)[:LONGEST]


def name_of(profile: str) -> str:
    """As it is chosen: of a path, what it is called."""
    return Path(profile).stem if profile.endswith((".yaml", ".yml")) else profile
