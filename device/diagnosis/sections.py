"""Sections: each thing that is looked at, as a text by the name of its file; one that fails says so and stops no other."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from device import inventory
from device.config import Loaded, Settings
from device.diagnosis.programs import output
from device.diagnosis.wear import wear
from device.findings import Finding
from device.scrub import masked

Section = Callable[[], str]
TAIL_BYTES = 1 << 20  # of our own log of removals
PAGE_S = 5
PAGE_BYTES = 8 << 20
ENTRIES = 1_000_000  # files that are counted of one folder
PRAGMAS = ("user_version", "page_count", "journal_mode", "quick_check(20)")
JOURNAL = ("--no-pager", "--output=short-iso-precise", "--lines=20000")


def sections(loaded: Loaded | None, merged: dict[str, Any] | None, findings: Callable[[], list[Finding]], unit: str) -> dict[str, Section]:
    """By file name; each is called when its turn comes."""
    found: dict[str, Section] = {
        "about.json": about,
        "doctor.json": lambda: _json([finding.plain() for finding in findings()]),
        "journal.txt": lambda: _said("journalctl", f"--unit={unit}", *JOURNAL),
        "kernel.txt": lambda: _said("journalctl", "--dmesg", "--no-pager", "--output=short-iso-precise", "--lines=2000"),
        "service.txt": lambda: _said("systemctl", "show", "--no-pager", unit) + _said("systemctl", "cat", "--no-pager", unit),
        "mounts.txt": lambda: Path("/proc/mounts").read_text(),
        "wear.json": lambda: _json(wear()),
    }
    if loaded is None:
        return found
    settings = loaded.settings
    return {
        **found,
        "configuration.yaml": lambda: yaml.safe_dump(merged, sort_keys=False, allow_unicode=True),
        "folders.json": lambda: _json(folders(settings.data)),
        "databases.json": lambda: _json({path.name: database(path) for path in sorted(settings.data.glob("*.sqlite"))}),
        "alerts.json": lambda: standing(settings.data / "alerts.json"),
        "removals.jsonl": lambda: tail(settings.data / "log" / "removals.jsonl"),
        "events.json": lambda: _json(events(settings.data / "log" / "events.jsonl")),
        "health.json": lambda: from_page(settings, "/api/v1/health"),
        "metrics.txt": lambda: from_page(settings, "/metrics"),
    }


def about() -> str:
    return _json(
        {
            "board": inventory.board(), "machine": platform.machine(), "kernel": platform.release(), "cores": os.cpu_count(),
            "memory_bytes": inventory.memory_bytes(), "load": os.getloadavg(), "user": os.getuid(), "versions": inventory.versions(),
            "backends": inventory.backends(), "uptime": Path("/proc/uptime").read_text().split()[0],
        }
    )  # fmt: skip


def folders(data: Path) -> dict[str, Any]:
    """How many files of how many bytes each folder has, its oldest and newest; no names, which may say where somebody lives."""
    stat = os.statvfs(data)
    whole = {"bytes": stat.f_blocks * stat.f_frsize, "free": stat.f_bavail * stat.f_frsize, "inodes_free": stat.f_favail}
    return {"disk": whole, **{path.name: _counted(path) for path in sorted(data.iterdir())}}


def _counted(path: Path) -> dict[str, Any]:
    count, size, times = 0, 0, []
    for number, file in enumerate([path] if path.is_file() else path.rglob("*")):
        if number >= ENTRIES:
            return {"files": count, "bytes": size, "more": True}
        try:
            status = file.lstat()
        except OSError:
            continue
        if not file.is_dir():
            count, size = count + 1, size + status.st_size
            times.append(status.st_mtime)
    return {"files": count, "bytes": size, "oldest": min(times, default=None), "newest": max(times, default=None)}


def database(path: Path) -> dict[str, Any]:
    """Whether it is whole; opened for reading only."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)) as db:
        one = {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS}
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
        return {**one, "rows": {name: db.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for name in tables}}  # noqa: S608  its own names


def events(path: Path) -> dict[str, Any]:
    """How many of each kind and life; not what was seen."""
    kinds: Counter[str] = Counter()
    torn = 0
    for line in tail(path).splitlines():
        try:
            event = json.loads(line)
            event = event.get("data", event)
            kinds[f"{event.get('type') or event.get('kind')} {event.get('life', '')}".strip()] += 1
        except (ValueError, AttributeError):
            torn += 1
    return {"of_the_last_bytes": TAIL_BYTES, "kinds": dict(kinds.most_common(200)), "unreadable_lines": torn}


def tail(path: Path) -> str:
    """The last whole lines."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        text = file.read().decode(errors="replace")
    return text if size <= TAIL_BYTES else text.partition("\n")[2]


def from_page(settings: Settings, path: str) -> str:
    """What the running box says of itself."""
    page = settings.page
    if page is None:
        return "no page is configured"
    scheme = "https" if page.tls_cert else "http"
    if scheme == "https":
        return "the page is served over TLS: see health on the broker"
    request = urllib.request.Request(f"{scheme}://127.0.0.1:{page.port}{path}")  # noqa: S310  loopback
    if page.token:
        request.add_header("Authorization", f"Bearer {page.token.get_secret_value()}")
    try:
        with urllib.request.urlopen(request, timeout=PAGE_S) as answer:  # noqa: S310  loopback
            return bytes(answer.read(PAGE_BYTES)).decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return f"the page answers {error.code}: set page.token, with which programs may ask it"
    except OSError as error:
        return f"the box does not answer on port {page.port}: {getattr(error, 'reason', error)}"


def standing(path: Path) -> str:
    """The alerts that stood when the box said so last, with their words."""
    return path.read_text() if path.exists() else "[]\n"


def _said(*command: str) -> str:
    said = output(command)
    return said.text + (f"({said.why})\n" if said.why else "")


def _json(value: Any) -> str:
    return json.dumps(masked(value), indent=1, ensure_ascii=False, default=str) + "\n"


def gathered(found: Mapping[str, Section]) -> Iterator[tuple[str, str]]:
    for name, section in found.items():
        try:
            text = section()
        except Exception as error:  # noqa: BLE001  a seam: whatever is wrong with this box, the other sections are wanted all the more
            text = f"could not be gathered: {type(error).__name__}: {error}\n"
        yield name, text
