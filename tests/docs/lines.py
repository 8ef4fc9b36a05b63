"""The shell lines of the guides and the README: what stands in their code blocks and begins with a program."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
OURS = re.compile(r"(?:[\w./~-]*/)?(vedette|vedette-trainer|install\.sh)|(?:\./)?scripts/\S+")
KNOWN = {
    "ansible-playbook", "cd", "cp", "curl", "dask", "git", "install", "make", "mosquitto_pub", "mosquitto_sub", "openssl", "python",
    "python3", "sha256sum", "sudo", "systemctl", "tar", "torchrun",
}  # fmt: skip
SETTING = re.compile(r"[A-Z_]+=\S*")


@dataclass(frozen=True)
class Line:
    """`text` is the line as it stands there without its comment; `commands` are the programs it runs, one after another."""

    page: str
    number: int
    text: str

    @property
    def commands(self) -> list[list[str]]:
        found: list[list[str]] = [[]]
        for word in shlex.split(self.text):
            if word == "&&":
                found.append([])
            elif found[-1] or not SETTING.fullmatch(word):  # a variable for one program
                found[-1].append(word)
        return [words[1:] if words[0] == "sudo" else words for words in found if words]


def lines(pages: list[Path] = PAGES) -> list[Line]:
    return [line for page in pages for line in _of(page)]


def _of(page: Path) -> Iterator[Line]:
    text = page.read_text()
    for block in BLOCK.finditer(text):
        if block[1] in {"", "sh"} and (whole := _joined(block[2])) and is_command(whole[0][1]):
            first = text.count("\n", 0, block.start(2)) + 1
            yield from (Line(page.stem, first + number, command) for number, command in whole)


def _joined(block: str) -> list[tuple[int, str]]:
    """Lines that go on with a backslash as one, without comments."""
    found: list[tuple[int, str]] = []
    goes_on = False
    for number, raw in enumerate(block.splitlines()):
        bare = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        if goes_on:
            found[-1] = (found[-1][0], f"{found[-1][1]} {bare.strip()}")
        elif bare:
            found.append((number, bare))
        goes_on = bool(found) and found[-1][1].endswith("\\")
        if goes_on:
            found[-1] = (found[-1][0], found[-1][1][:-1].rstrip())
    return found


def is_command(text: str) -> bool:
    first = text.split(maxsplit=1)[0]
    return first in KNOWN or bool(OURS.fullmatch(first))
