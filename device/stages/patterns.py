"""Patterns: expressions with named groups, and closed lists of words, that make fields of a text. No text can make them slow."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import re2
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from contracts.errors import ConfigError

MAX_PATTERN, MAX_TEXT = 1000, 1000  # characters
MAX_MEMORY = 1 << 20  # bytes that an expression may become; what an expression costs a character of text is bounded by it
MAX_WORDS, MAX_WORD = 10_000, 200
NAME = re.compile(r"(?<!\\)\(\?P?<([^>=!]*)>")
FOREIGN = re.compile(r"(?<!\\)\((\?=|\?!|\?<=|\?<!|\?>)")
BACK = re.compile(r"(?<!\\)(?:\\[1-9]|\(\?P=)")


class Expressions:
    """Several of them; the first one that is found in a text counts."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._compiled = [compiled(pattern) for pattern in patterns]
        self.names = frozenset(name for each in self._compiled for name in each.groupindex)

    def fields(self, text: str) -> dict[str, str] | None:
        """What the named groups hold, without those that took no part; None when no expression is found in the text."""
        for each in self._compiled:
            found = each.search(clean(text))
            if found:
                return {name: value.strip() for name, value in found.groupdict().items() if value is not None}
        return None


def compiled(pattern: str) -> Any:  # re2 says nothing of its types
    """An expression that takes time in proportion to the text, whatever the text is. ConfigError says why one cannot be that."""
    shown = pattern if len(pattern) <= 60 else f"{pattern[:57]}..."
    if len(pattern) > MAX_PATTERN:
        raise ConfigError(f"pattern {shown!r}: has {len(pattern)} characters, at most {MAX_PATTERN} are taken; make it shorter")
    options = re2.Options()
    options.log_errors, options.max_mem = False, MAX_MEMORY
    names = NAME.findall(pattern)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"pattern {shown!r}: the group {twice!r} is there twice; give each another name, or write two patterns")
    try:
        return re2.compile(pattern, options=options)
    except (re2.error, UnicodeError) as error:
        raise ConfigError(f"pattern {shown!r}: {_why(pattern, error)}") from error


def _why(pattern: str, error: Exception) -> str:
    if FOREIGN.search(pattern):
        return "looks ahead or behind, which can take for ever on some text; write what is wanted, not what stands beside it"
    if BACK.search(pattern):
        return "refers back to a group, which can take for ever on some text; give the second one a name of its own and compare later"
    said = error.args[0] if error.args else ""
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)
    if "repetition size" in words or "too large" in words or "memory" in words:
        return "repeats too often; use *, + or a repetition up to some hundreds"
    return f"{words[:120]}; correct the expression (the syntax is that of RE2)"


def clean(text: str) -> str:
    """Bounded, and such as can be written down."""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode()


class Vocabulary:
    """A closed list of words, and which of them a misread one must be."""

    def __init__(self, words: Sequence[str], max_edits: int) -> None:
        if not 0 < len(words) <= MAX_WORDS or any(not 0 < len(bare(word)) <= MAX_WORD for word in words):
            raise ConfigError(f"vocabulary: 1 to {MAX_WORDS} words, each of 1 to {MAX_WORD} letters; correct the list")
        self._max_edits = max_edits
        self._words: dict[str, str] = {}
        for word in words:
            other = self._words.setdefault(bare(word), word)
            if other != word:
                raise ConfigError(f"vocabulary: {other!r} and {word!r} are the same but for case and spaces; keep one of them")
        self._plain = list(self._words)

    def word(self, text: str) -> str | None:
        """The word nearest to the text, case and spaces aside: at most `max_edits` letters other, missing or too many, and at most a
        third of the word's. None when none is that near, and when two are equally near: which of them it was cannot be known.
        """
        read = bare(clean(text))
        if read in self._words:
            return self._words[read]
        close = process.extract(read, self._plain, scorer=Levenshtein.distance, score_cutoff=self._max_edits, limit=None)
        near = [(int(edits), plain) for plain, edits, _ in close if edits <= len(plain) // 3]
        least = min((edits for edits, _ in near), default=0)
        nearest = [plain for edits, plain in near if edits == least]
        return self._words[nearest[0]] if len(nearest) == 1 else None


def bare(text: str) -> str:
    """Without case and spaces, which readers get wrong most easily."""
    return "".join(text.casefold().split())


class Fields:
    """What a rule makes of a text: groups of its expressions, words of its vocabularies."""

    def __init__(self, patterns: Sequence[str], vocabulary: Mapping[str, Sequence[str]], max_edits: int) -> None:
        self._expressions = Expressions(patterns) if patterns else None
        self._words = {group: Vocabulary(words, max_edits) for group, words in vocabulary.items()}
        strangers = sorted(set(vocabulary) - self._expressions.names) if self._expressions else []
        if strangers:
            known = ", ".join(sorted(self._expressions.names)) if self._expressions else ""
            raise ConfigError(f"vocabulary {strangers[0]}: no pattern has a group of that name, only {known or 'none'}; name one of them")
        if not patterns and len(vocabulary) > 1:
            raise ConfigError("vocabulary: without a pattern the whole text is one word, and there can be one list; add a pattern")
        self.asks = bool(patterns or vocabulary)

    def of(self, text: str) -> dict[str, str] | None:
        """None: the text is not what the rule expects. Without pattern and vocabulary: no fields, and nothing is expected."""
        found = self._expressions.fields(text) if self._expressions else dict.fromkeys(self._words, text)
        if found is None:
            return None
        for group, words in self._words.items():
            word = words.word(found[group]) if group in found else ""
            if word is None:
                return None
            if word:
                found[group] = word
        return found
