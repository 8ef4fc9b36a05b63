"""XML in and out: a document of any size two levels deep at a time, nothing of it trusted; text escaped on its way out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring, iterparse

from contracts.errors import ProtocolError
from dataset.bounds import ItemError

CHUNK = 1 << 18  # bytes read at once
DEEPEST = 12  # elements in each other
LARGEST_ELEMENT = 16 << 20  # bytes of an element of the second level's children
LARGEST_FILE = 4 << 20  # bytes of a document that is one picture's


class Metered:
    """Counts the bytes since the last whole element, so that none of them can fill the memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._taken = file, 0

    def read(self, _size: int = -1) -> bytes:
        """More than is asked for: a token that goes on and on is looked at anew with each piece."""
        chunk = self._file.read(CHUNK)
        self._taken += len(chunk)
        if self._taken > LARGEST_ELEMENT:
            raise ItemError("xml", f"an element has more than {LARGEST_ELEMENT} bytes")
        return chunk

    def reset(self) -> None:
        self._taken = 0


def branches(path: Path, root: str) -> Iterator[tuple[Element, Element | None]]:
    """Each child of the root with each of its own children as it ends, then with None; ended elements are let go of."""
    try:
        with path.open("rb") as file:
            yield from _branches(Metered(file), root)
    except (ParseError, DefusedXmlException, ItemError, ValueError, LookupError) as error:
        raise ProtocolError(f"{path}: {_words(error)}; the file is damaged or no {root} document: make it again") from error
    except OSError as error:
        raise ProtocolError(f"{path}: {error.strerror}; name a file that can be read") from error


def _branches(file: Metered, root: str) -> Iterator[tuple[Element, Element | None]]:
    open_elements: list[Element] = []
    for event, element in iterparse(file, ("start", "end"), forbid_dtd=True):
        if event == "start":
            open_elements.append(element)
            if len(open_elements) > DEEPEST:
                raise ItemError("xml", f"more than {DEEPEST} elements in each other")
            if open_elements[0].tag != root:
                raise ItemError("xml", f"begins with <{open_elements[0].tag[:40]}>, not with <{root}>")
            continue
        open_elements.pop()
        if len(open_elements) == 2:
            yield open_elements[1], element
            del open_elements[1][:]
            file.reset()
        elif len(open_elements) == 1:
            yield element, None
            del open_elements[0][:]
            file.reset()


def document(path: Path) -> Element:
    """A small document, whole."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ItemError("xml", f"{path}: has more than {LARGEST_FILE} bytes; is it one picture's?")
        found: Element = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise ItemError("xml", f"{path}: {_words(error)}; the file is damaged: make it again") from error
    except OSError as error:
        raise ItemError("xml", f"{path}: {error.strerror}; make it readable") from error
    return found


def _words(error: Exception) -> str:
    if isinstance(error, DefusedXmlException):
        return "has a document type or entities of its own, which are refused"
    return str(error)


def text_of(element: Element | None, name: str, default: str = "") -> str:
    """Of a child, without the blanks around it."""
    found = None if element is None else element.find(name)
    return default if found is None else (found.text or "").strip()


def number_of(text: str | None, what: str) -> float:
    try:
        return float(text or "")
    except ValueError as error:
        raise ItemError("box", f"{what} {str(text)[:40]!r}: is not a number") from error


def whole_of(text: str | None, what: str) -> int:
    try:
        return int(float(text or ""))
    except (ValueError, OverflowError) as error:
        raise ItemError("size", f"{what} {str(text)[:40]!r}: is not a whole number") from error


def escaped(text: str) -> str:
    """For text between tags and, in double quotes, for an attribute."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return text.replace("\n", "&#10;").replace("\t", "&#9;")


def shown(value: float) -> str:
    """To a millionth of a pixel, no more digits than are needed."""
    return str(int(value)) if float(value).is_integer() else f"{value:.6f}".rstrip("0").rstrip(".")
