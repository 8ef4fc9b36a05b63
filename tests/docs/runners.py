"""Who runs each shell line of the guides, as `runners.txt` beside this file says it: the site, a test somewhere else, or why nobody can."""

from __future__ import annotations

from pathlib import Path

SITE = "the site"  # tests/docs/test_site.py


def read(text: str) -> dict[tuple[str, str], str]:
    """Runner by page and line."""
    found: dict[tuple[str, str], str] = {}
    page = runner = ""
    for raw in text[text.index("\n[") :].splitlines():
        if raw.startswith("["):
            page = raw.strip("[]")
        elif raw.startswith("= "):
            runner = raw[2:]
        elif raw.strip():
            found[page, raw.strip()] = runner
    return found


RUNNERS = read((Path(__file__).parent / "runners.txt").read_text())
