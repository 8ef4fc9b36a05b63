"""Ontology: which class has which number. Pinned ones stay; a class first seen later gets the next free number."""

from __future__ import annotations

from collections.abc import Iterable

from dataset.bounds import MOST_CATEGORIES, ItemError
from dataset.items import Category


class Ontology:
    def __init__(self, pinned: Iterable[Category] = ()) -> None:
        self._by_name = {each.name: each for each in pinned}
        self._next = max([0, *(each.number for each in self._by_name.values())]) + 1

    def number(self, name: str) -> int:
        """From 1."""
        found = self._by_name.get(name)
        return found.number if found else self.add(name)

    def add(self, name: str, supercategory: str = "") -> int:
        if len(self._by_name) >= MOST_CATEGORIES:
            raise ItemError("categories", f"more than {MOST_CATEGORIES} classes; is the class name a text of its own on each label?")
        number = self._next
        self._by_name[name] = Category(name, number, supercategory)
        self._next += 1
        return number

    @property
    def categories(self) -> list[Category]:
        return sorted(self._by_name.values(), key=lambda each: each.number)

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.categories]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name


class Positions:
    """Numbers from 0 without holes, for formats that count so: the order of the pinned ones is kept."""

    def __init__(self, pinned: Iterable[Category] = ()) -> None:
        ordered = sorted(pinned, key=lambda each: each.number)
        self._ontology = Ontology(Category(each.name, index, each.supercategory) for index, each in enumerate(ordered, 1))

    def index(self, name: str) -> int:
        return self._ontology.number(name) - 1

    @property
    def names(self) -> list[str]:
        return self._ontology.names
