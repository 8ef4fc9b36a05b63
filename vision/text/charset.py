"""Charset: the characters that a recogniser knows, and which of them may be read in a place."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from contracts.errors import BundleError, ConfigError

Allowed = NDArray[np.bool_]  # by column of the recogniser's output; column 0 is the blank, which is always allowed
MAX_CHARACTERS = 65_536
ASCII = frozenset(map(chr, range(0x20, 0x7F)))
ACCENTS: Mapping[str, str] = {  # beside ASCII; capitals are added
    "english": "",
    "german": "äöüß€°§",
    "french": "àâæçéèêëîïôœùûüÿ«»€",
    "spanish": "áéíñóúü¿€",
    "italian": "àèéìíîòóùú€",
    "portuguese": "àáâãçéêíóôõúü€",
    "dutch": "áéëíïóöúü€",
    "nordic": "åäöæøé",
    "polish": "ąćęłńóśźż",
    "czech": "áčďéěíňóřšťúůýž",
    "hungarian": "áéíóöőúüű",
    "romanian": "ăâîșț",
    "turkish": "çğıöşüİ",
}
SCRIPTS: Mapping[str, tuple[str, ...]] = {  # how Unicode's names of their characters begin; ASCII is part of each
    "latin": ("LATIN",),
    "greek": ("GREEK",),
    "chinese": ("CJK", "IDEOGRAPHIC"),
    "japanese": ("CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA"),
}
LANGUAGES = (*ACCENTS, *SCRIPTS)


class Charset:
    """Column n of the output is `characters[n - 1]`, column 0 the blank between two characters."""

    def __init__(self, characters: tuple[str, ...]) -> None:
        self.characters = characters
        self._known = frozenset(characters)
        self.allowed = lru_cache(maxsize=64)(self._allowed)

    @classmethod
    def parse(cls, data: bytes) -> Charset:
        """One character a line, in the order of the columns, as a bundle carries it. BundleError for anything else."""
        try:
            lines = data.decode().removesuffix("\n").split("\n")
        except UnicodeDecodeError as error:
            raise BundleError(f"charset: not UTF-8 at byte {error.start}; make the bundle again") from error
        if len(lines) > MAX_CHARACTERS or len(set(lines)) < len(lines) or any(len(line) != 1 or not _plain(line) for line in lines):
            raise BundleError(f"charset: not one printable character a line, each once, at most {MAX_CHARACTERS}; make the bundle again")
        return cls(tuple(lines))

    def __len__(self) -> int:
        return len(self.characters)

    def _allowed(self, language: str | None, characters: str | None) -> Allowed | None:
        """What may be read; None: everything. Given both, it must be in both. ConfigError for what the model does not know."""
        if language is None and characters is None:
            return None
        takes = language_of(language)
        wanted = self._known if characters is None else self._readable(characters)
        mask = np.array([True, *(each in wanted and takes(each) for each in self.characters)])
        if not mask[1:].any():
            raise ConfigError(f"charset {characters!r} and language {language!r} have no character in common; change one of the two")
        mask.setflags(write=False)
        return mask

    def _readable(self, characters: str) -> frozenset[str]:
        wanted = expand(characters)
        strangers = "".join(sorted(wanted - self._known))
        if strangers:
            raise ConfigError(f"charset: the model cannot read {strangers[:20]!r}; leave out what it does not know")
        return wanted


def expand(characters: str) -> frozenset[str]:
    """`0-9A-F:` as its 17 characters. A minus between two others stands for what lies between them, elsewhere for itself."""
    wanted: set[str] = set()
    at = 0
    while at < len(characters):
        first, last = characters[at], characters[at + 2 : at + 3]
        if last and characters[at + 1] == "-":
            if not 0 <= ord(last) - ord(first) < MAX_CHARACTERS:
                raise ConfigError(f"charset: {first}-{last} runs backwards or too far; the lesser stands first, a minus itself last")
            wanted |= set(map(chr, range(ord(first), ord(last) + 1)))
            at += 3
        else:
            wanted.add(first)
            at += 1
    return frozenset(wanted)


def language_of(name: str | None) -> Callable[[str], bool]:
    """Whether a character belongs to a language or a script."""
    if name is None:
        return lambda _character: True
    if name in ACCENTS:
        known = ASCII | set(ACCENTS[name]) | {each.upper() for each in ACCENTS[name] if len(each.upper()) == 1}
        return known.__contains__
    if name not in SCRIPTS:
        raise ConfigError(f"language {name}: not known; choose one of {', '.join(LANGUAGES)}, or say in `charset` what may be read")
    begins = SCRIPTS[name]
    return lambda character: character in ASCII or unicodedata.name(character, "").startswith(begins)


def _plain(character: str) -> bool:
    category = unicodedata.category(character)
    return category == "Zs" or category[0] not in {"C", "Z"}
