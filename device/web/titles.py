"""Titles: what an event is called on the page, and the few words of its data that stand beside it (static/titles.js does the same)."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.event import Event

GENERAL = {"object"}  # a kind that says no more than that something is there: the label is its name
MOST, LONGEST = 4, 60  # details, characters of one
UNSAID = {"reason", "text"}  # `text` is what the other fields were read out of


def title(event: Event) -> str:
    """`person` of an object; else its kind in words: `state changed`."""
    return (event.label or event.kind) if event.kind in GENERAL else event.kind.replace("_", " ")


def details(event: Event) -> list[str]:
    """`victim RUST STALKER`, `to stash`: the label where it says something else, then the data that are words or numbers."""
    return [each if len(each) <= LONGEST else f"{each[: LONGEST - 1]}…" for each in _details(event)][:MOST]


def _details(event: Event) -> Iterator[str]:
    if event.kind not in GENERAL and event.label and event.label.replace("_", " ") != title(event):
        yield event.label.replace("_", " ")
    said = {key: value for key, value in event.data.items() if key not in UNSAID} or {
        key: value for key, value in event.data.items() if key == "text"
    }
    for key, value in said.items():
        if isinstance(value, str) and value:
            yield f"{key} {value}"
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{key} {value:g}"
