"""Network: what an ONNX file says of itself, read without running it: operators, weights, inputs; a hostile one is refused by name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from device.update.protobuf import Field, Malformed, Octets, Span, fields, number, packed, text
from device.update.refusal import Refusal

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
MOST_NODES = 100_000
MOST_FIELDS = 1_000_000  # of all its messages: a field may be two bytes, and takes Python microseconds; what boxes run has thousands
DEEPEST = 16  # graphs within graphs
MOST_ITEMS = 1 << 31  # of one tensor
MOST_SIDES = 64
EXTERNAL = 1
ITEM_BITS = {1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 16: 16, 17: 8, 18: 8, 21: 4, 22: 4}
DTYPES = {1: "float32", 2: "uint8", 10: "float16"}
Shape = tuple[int | None, ...]  # None: any


@dataclass
class Network:
    """The graph's own inputs, those that are no weights; and the newest opset of ONNX's own operators."""

    opset: int = 0
    inputs: dict[str, tuple[str, Shape]] = field(default_factory=dict)
    nodes: int = 0
    fields: int = 0

    def fields_of(self, data: Octets) -> Iterator[Field]:
        """Those of one message, counted over all of them."""
        for each in fields(data):
            self.fields += 1
            if self.fields > MOST_FIELDS:
                raise _hostile(f"has more than {MOST_FIELDS} fields")
            yield each


def read_network(data: bytes | Span) -> Network:
    """Refusal E_HOSTILE: no ONNX file, operators that are not ONNX's own, weights in other files, shapes that nobody's memory holds."""
    try:
        return _model(data if isinstance(data, Span) else memoryview(data))
    except Malformed as error:
        raise _hostile(f"is no ONNX file that can be read ({error})") from error


def _model(data: Octets) -> Network:
    found, graphs = Network(), 0
    for each in found.fields_of(data):
        if each.number == 8:
            _opset(each.bytes, found)
        elif each.number == 7:
            graphs += 1
            _graph(each.bytes, found, 0, outermost=True)
        elif each.number in {20, 25}:
            raise _hostile("carries functions or what only trains; export it for inference")
    if graphs != 1 or not found.nodes:
        raise _hostile(f"has {graphs} graphs and {found.nodes} operators")
    return found


def _opset(data: Octets, found: Network) -> None:
    domain, version = "", 0
    for each in found.fields_of(data):
        if each.number == 1:
            domain = text(each)
        elif each.number == 2:
            version = number(each)
    _own(domain)
    if domain in {"", "ai.onnx"}:
        found.opset = max(found.opset, version)


def _graph(data: Octets, found: Network, depth: int, *, outermost: bool = False) -> None:
    if depth > DEEPEST:
        raise _hostile(f"has graphs within graphs, deeper than {DEEPEST}")
    inputs: dict[str, tuple[str, Shape]] = {}
    weights = set()
    for each in found.fields_of(data):
        if each.number == 1:
            _node(each.bytes, found, depth)
        elif each.number == 5:
            weights.add(_tensor(each.bytes, found))
        elif each.number == 15:
            weights.add(_sparse(each.bytes, found))
        elif each.number in {11, 12, 13}:
            name, dtype, shape = _value(each.bytes, found)
            if each.number == 11:
                inputs[name] = (dtype, shape)
    if outermost:
        found.inputs = {name: spec for name, spec in inputs.items() if name not in weights}


def _node(data: Octets, found: Network, depth: int) -> None:
    found.nodes += 1
    if found.nodes > MOST_NODES:
        raise _hostile(f"has more than {MOST_NODES} operators")
    for each in found.fields_of(data):
        if each.number == 7:
            _own(text(each))
        elif each.number == 5:
            _attribute(each.bytes, found, depth)


def _attribute(data: Octets, found: Network, depth: int) -> None:
    for each in found.fields_of(data):
        if each.number in {5, 10}:
            _tensor(each.bytes, found)
        elif each.number in {6, 11}:
            _graph(each.bytes, found, depth + 1)
        elif each.number in {22, 23}:
            _sparse(each.bytes, found)


def _tensor(data: Octets, found: Network) -> str:
    """Its name; its weights are inside, and no more of them are promised than there are."""
    name, kind, raw = "", 0, -1
    sides: list[int] = []
    for each in found.fields_of(data):
        if each.number == 1:
            sides = _longer(sides, packed(each))
        elif each.number == 2:
            kind = number(each)
        elif each.number == 8:
            name = text(each)
        elif each.number == 9:
            raw = len(each.bytes)
        elif each.number == 13 or (each.number == 14 and number(each) == EXTERNAL):
            raise _hostile("has weights in another file; save it with its weights inside")
    items = _items(sides, name)
    if raw >= 0 and kind in ITEM_BITS and (items * ITEM_BITS[kind] + 7) // 8 != raw:
        raise _hostile(f"weight {name[:100]!r} says it has {items} numbers, and has {raw} bytes")
    return name


def _sparse(data: Octets, found: Network) -> str:
    name = ""
    sides: list[int] = []
    for each in found.fields_of(data):
        if each.number in {1, 2}:
            name = _tensor(each.bytes, found) or name
        elif each.number == 3:
            sides = _longer(sides, packed(each))
    _items(sides, name)
    return name


def _value(data: Octets, found: Network) -> tuple[str, str, Shape]:
    name, dtype, shape = "", "", []
    for each in found.fields_of(data):
        if each.number == 1:
            name = text(each)
        elif each.number == 2:
            for kind in _inside(each, 1, found):
                for part in found.fields_of(kind.bytes):
                    if part.number == 1:
                        dtype = DTYPES.get(number(part), f"type {number(part)}")
                    elif part.number == 2:
                        shape = [_side(side.bytes, found) for side in islice(_inside(part, 1, found), MOST_SIDES + 1)]
    if len(shape) > MOST_SIDES:
        raise _hostile(f"has a tensor of more than {MOST_SIDES} sides")
    _items([side for side in shape if side is not None], name)
    return name, dtype, tuple(shape)


def _side(data: Octets, found: Network) -> int | None:
    return next((number(each) for each in found.fields_of(data) if each.number == 1), None)


def _inside(outer: Field, wanted: int, found: Network) -> Iterator[Field]:
    return (each for each in found.fields_of(outer.bytes) if each.number == wanted)


def _longer(sides: list[int], more: list[int]) -> list[int]:
    """One side is two bytes of a file, and eighty of memory: no more of them are kept than a tensor has."""
    if len(sides) + len(more) > MOST_SIDES:
        raise _hostile(f"has a tensor of more than {MOST_SIDES} sides")
    return sides + more


def _items(sides: list[int], name: str) -> int:
    if any(side < 0 for side in sides) or len(sides) > MOST_SIDES or (items := math.prod(sides)) > MOST_ITEMS:
        raise _hostile(f"tensor {name[:100]!r} has the shape {sides[:8]}, which no box holds")
    return items


def _own(domain: str) -> None:
    if domain not in DOMAINS:
        raise _hostile(f"has operators of {domain[:100]!r}, which are not ONNX's own; export it with standard operators")


def _hostile(what: str) -> Refusal:
    return Refusal("E_HOSTILE", f"model: {what}; keep the old model")
