"""Classes: the numbers of classes as they are pinned in `ontology.json`, which is on the disk before the first record that uses one."""

from __future__ import annotations

from pydantic import ValidationError

from contracts.dataset import Category as Pinned
from contracts.dataset import Ontology as Document
from contracts.errors import StorageError
from contracts.files import write_durably
from dataset.items import Category
from dataset.layout import Layout, read_small
from dataset.ontology import Ontology

LARGEST = 64 << 20


class Classes:
    """A number is given once. Another process may read the file at any time; one writes it."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.ontology
        document = read_document(layout)
        self.major = document.major
        self._ontology = Ontology(Category(each.name, each.id, each.supercategory) for each in document.categories)
        self._unsaved = False

    def number(self, name: str) -> int:
        """From 1; a new class gets the next number, and `save` pins it."""
        self._unsaved = self._unsaved or name not in self._ontology
        return self._ontology.number(name)

    @property
    def categories(self) -> list[Pinned]:
        return [Pinned(id=each.number, name=each.name, supercategory=each.supercategory) for each in self._ontology.categories]

    def pin(self, name: str, number: int) -> None:
        """As a record says: for a set whose ontology was lost."""
        if name not in self._ontology:
            taken = {each.number for each in self._ontology.categories}
            pinned = [*self._ontology.categories, *([] if number in taken else [Category(name, number)])]
            self._ontology, self._unsaved = Ontology(pinned), True

    def save(self) -> None:
        """Durable when it returns, if there is anything new."""
        if self._unsaved:
            document = Document(major=self.major, categories=self.categories)
            write_durably(self._path, document.model_dump_json(indent=1).encode() + b"\n")
            self._unsaved = False


def read_document(layout: Layout) -> Document:
    """What is pinned; none when there is no file. StorageError for a file that cannot be one."""
    if not layout.ontology.exists():
        return Document()
    try:
        document = Document.model_validate_json(read_small(layout.ontology, LARGEST))
    except (ValidationError, RecursionError) as error:
        raise StorageError(f"{layout.ontology}: is not an ontology; delete it and it is made again out of the manifest") from error
    if len({each.id for each in document.categories}) != len(document.categories):
        raise StorageError(f"{layout.ontology}: two classes have one number; put it back as it was, or delete it")
    return document
