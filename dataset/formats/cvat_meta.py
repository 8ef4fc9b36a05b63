"""The head of CVAT's XML: which labels there are and which attributes each may have. CVAT refuses an attribute that is not listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element

from dataset.bounds import MOST_ATTRIBUTES, ItemError, check_name
from dataset.findings import Findings
from dataset.formats.elements import escaped, text_of
from dataset.formats.extras import extras_of
from dataset.holds import as_text
from dataset.items import Category, Label
from dataset.ontology import Ontology

OWN_SOURCES = ("manual", "auto", "semi-auto", "file", "consensus")  # words CVAT has for who said so
MOST_LISTED = 10_000  # attribute names over all classes


class Listed:
    """Classes and the names of their attributes, as they come."""

    def __init__(self, categories: Iterable[Category]) -> None:
        self.ontology = Ontology(categories)
        self._attributes: dict[str, dict[str, None]] = {}
        self._count = 0

    def attributes(self, label: Label, extras: Iterable[str]) -> Mapping[str, str]:
        """The label's attributes as text, those of ours among them; each is listed."""
        self.ontology.number(label.category)
        written = {name: as_text(value) for name, value in label.attributes.items()} | extras_of(label, extras)
        known = self._attributes.setdefault(label.category, {})
        for name in written:
            if name not in known:
                known[name] = None
                self._count += 1
        if self._count > MOST_LISTED:
            raise ItemError("attributes", f"more than {MOST_LISTED} names of attributes; CVAT lists each of them once for a class")
        return written

    def document(self, size: int, mode: str, more: str = "") -> str:
        labels = "".join(self._label(name) for name in self.ontology.names)
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <task>\n'
            f"      <id>1</id>\n      <name>vedette</name>\n      <size>{size}</size>\n      <mode>{mode}</mode>\n"
            f"      <overlap>0</overlap>\n      <flipped>False</flipped>\n{more}"
            f"      <labels>\n{labels}      </labels>\n    </task>\n  </meta>\n"
        )

    def _label(self, name: str) -> str:
        rows = "".join(
            f"          <attribute><name>{escaped(each)}</name><mutable>True</mutable><input_type>text</input_type>"
            "<default_value></default_value><values></values></attribute>\n"
            for each in self._attributes.get(name, ())
        )
        head = f"        <label>\n          <name>{escaped(name)}</name>\n          <attributes>\n"
        return f"{head}{rows}          </attributes>\n        </label>\n"


def attribute_rows(written: Mapping[str, str]) -> str:
    return "".join(f'<attribute name="{escaped(name)}">{escaped(value)}</attribute>' for name, value in written.items())


def source_of(label: Label) -> tuple[str, tuple[str, ...]]:
    """CVAT's word, and `source` among our extras where it has none."""
    if not label.source:
        return "", ()
    if label.source in OWN_SOURCES:
        return f' source="{label.source}"', ()
    return f' source="{"manual" if label.verified else "auto"}"', ("source",)


def read_labels(meta: Element, ontology: Ontology, findings: Findings, where: str) -> None:
    """Into the ontology, in their order."""
    for each in meta.iter("label"):
        name = text_of(each, "name")
        try:
            check_name(name, "label")
            ontology.number(name)
        except ItemError as error:
            findings.skip(error.reason, f"{where}: meta", str(error))


def read_attributes(element: Element) -> dict[str, str]:
    found = {each.get("name", ""): each.text or "" for each in element.findall("attribute")}
    if len(found) > MOST_ATTRIBUTES:
        raise ItemError("attributes", f"{len(found)} attributes on one shape; at most {MOST_ATTRIBUTES}")
    return found
