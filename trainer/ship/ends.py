"""Ends: the operators before a network's first convolution and after its last, which every smaller form keeps in float."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import onnx

CONVOLUTION = "Conv"


def ends(model: onnx.ModelProto) -> frozenset[str]:
    """Names of the nodes that scale the picture or make boxes of the answer.

    A coordinate needs more digits than eight bits or a half float have, and one range for boxes and confidences leaves no confidence at
    all (onnxruntime issue 14233).
    """
    nodes = list(model.graph.node)
    makers = {name: node for node in nodes for name in node.output}
    users: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in nodes:
        for name in node.input:
            users[name].append(node)
    convolutions = [node for node in nodes if node.op_type == CONVOLUTION]
    fed = _reached(convolutions, lambda node: (each for name in node.output for each in users[name]))
    feeding = _reached(convolutions, lambda node: (makers[name] for name in node.input if name in makers))
    inner = (fed & feeding) | {node.name for node in convolutions}
    return frozenset(node.name for node in nodes) - inner


def _reached(starts: Iterable[onnx.NodeProto], near: Callable[[onnx.NodeProto], Iterable[onnx.NodeProto]]) -> set[str]:
    """Names of all that lies beyond the starts."""
    found: set[str] = set()
    left = list(starts)
    while left:
        for node in near(left.pop()):
            if node.name not in found:
                found.add(node.name)
                left.append(node)
    return found


def named(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose nodes all have names of their own, as choosing among them needs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    taken: set[str] = set()
    for number, node in enumerate(copy.graph.node):
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}.{number}"
        taken.add(node.name)
    return copy
