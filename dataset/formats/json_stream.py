"""A JSON document of any length, one element of its arrays at a time; no more of it is in memory than one element."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

from contracts.errors import ProtocolError

CHUNK = 1 << 18  # characters read at once
LARGEST = 16 << 20  # characters of one element
_BLANK = re.compile(r"[ \t\n\r]*")


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_constant)


class JsonStream:
    """`entries()` walks the top object: key and value for scalars and objects, key and each element, in order, for arrays."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line = 1  # of what left the buffer
        self._text = ""
        self._at = 0
        self._ended = False
        self.keys: set[str] = set()  # of the top object, as far as it was read

    def entries(self) -> Iterator[tuple[str, Any, str]]:
        """Key, value or element, and the element's own text. `where` names the place while one is being looked at."""
        try:
            with self._path.open(encoding="utf-8-sig", newline="") as self._file:
                yield from self._object(self._file)
        except OSError as error:
            raise ProtocolError(f"{self._path}: {error.strerror}; name a file that can be read") from error
        except UnicodeDecodeError as error:
            raise ProtocolError(f"{self.where}: is not UTF-8 text; save it as UTF-8") from error

    @property
    def where(self) -> str:
        return f"{self._path}:{self._line + self._text.count(chr(10), 0, self._at)}"

    def _object(self, file: TextIO) -> Iterator[tuple[str, Any, str]]:
        self._expect("{")
        if self._peek() == "}":
            return
        while True:
            key, _ = self._value()
            if not isinstance(key, str):
                self._fail("a key is not text")
            self.keys.add(key)
            self._expect(":")
            if self._peek() == "[":
                yield from ((key, element, text) for element, text in self._elements())
            else:
                yield (key, *self._value())
            if self._next(",}") == "}":
                return

    def _elements(self) -> Iterator[tuple[Any, str]]:
        self._expect("[")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield self._value()
            if self._next(",]") == "]":
                return

    def _value(self) -> tuple[Any, str]:
        """One whole value; more is read while it may only be cut off."""
        self._peek()
        size = CHUNK
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                if end < len(self._text) or self._ended:
                    text = self._text[self._at : end]
                    self._at = end
                    return value, text
            except json.JSONDecodeError as error:
                if self._ended or len(self._text) - self._at > LARGEST:
                    self._at = max(self._at, min(error.pos, len(self._text)))
                    self._fail(f"{error.msg[0].lower()}{error.msg[1:]}" if not self._ended else "the file ends in the middle of something")
            except (RecursionError, ValueError) as error:
                self._fail("too many brackets in each other" if isinstance(error, RecursionError) else str(error)[:100])
            if len(self._text) - self._at > LARGEST:
                self._fail(f"one element has more than {LARGEST} characters")
            self._more(size)
            size *= 2

    def _more(self, size: int) -> None:
        if self._at:
            self._line += self._text.count("\n", 0, self._at)
            self._text, self._at = self._text[self._at :], 0
        chunk = self._file.read(size)
        self._ended = not chunk
        self._text += chunk

    def _peek(self) -> str:
        """The next character that is not blank; at the end of the file nothing."""
        while True:
            match = _BLANK.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._more(CHUNK)

    def _next(self, wanted: str) -> str:
        found = self._peek()
        if not found or found not in wanted:
            self._fail(f"{' or '.join(wanted)} expected" if found else "the file ends in the middle of something")
        self._at += 1
        return found

    def _expect(self, wanted: str) -> None:
        self._next(wanted)

    def _fail(self, what: str) -> NoReturn:
        raise ProtocolError(f"{self.where}: {what}; the file is damaged or no JSON object: make it again")
