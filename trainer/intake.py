"""A model somebody hands us, looked over before anything runs it: plain ONNX, self-contained, one image in."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it has no types

from contracts.errors import BundleError

DOMAINS = {"", "ai.onnx", "ai.onnx.ml"}
MOST_BYTES = 512 << 20
MOST_NODES = 100_000
DEEPEST = 16  # graphs within graphs


def read_onnx(data: bytes) -> onnx.ModelProto:
    """BundleError: not ONNX, weights in other files, operators that are not ONNX's own, or a graph that does not hold together."""
    if len(data) > MOST_BYTES:
        raise BundleError(f"model: {len(data)} bytes, at most {MOST_BYTES} are taken; give a smaller one")
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise BundleError("model: this is not an ONNX file; export it as ONNX or give a TFLite file") from error
    if not model.graph.node or not model.graph.output:
        raise BundleError("model: this is not an ONNX file with a graph; export it as ONNX")
    _check_graphs(model)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise BundleError(f"model: the graph does not hold together: {_first_line(error)}; export it again") from error
    return model


def plain(model: onnx.ModelProto) -> bytes:
    """Without what names source files of the machine that made it: exporters write a stack trace beside each operator."""
    del model.metadata_props[:]
    model.doc_string = ""
    for graph in _bodies(model):
        graph.doc_string = ""
        del graph.metadata_props[:]
        for node in graph.node:
            node.doc_string = ""
            del node.metadata_props[:]
        for value in (*graph.value_info, *getattr(graph, "initializer", ())):
            del value.metadata_props[:]
    for end in (*model.graph.input, *model.graph.output):
        end.doc_string = ""
        del end.metadata_props[:]
    return bytes(model.SerializeToString(deterministic=True))


def _check_graphs(model: onnx.ModelProto) -> None:
    strangers = {opset.domain for opset in model.opset_import} - DOMAINS
    nodes = 0
    for graph in _bodies(model):
        strangers |= {node.domain for node in graph.node} - DOMAINS
        nodes += len(graph.node)
        for tensor in _tensors(graph):
            if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
                raise BundleError(f"model: weight {tensor.name} is in another file; save it with its weights inside (external_data=False)")
    strangers |= {function.domain for function in model.functions} - DOMAINS
    if strangers:
        names = ", ".join(sorted(strangers))
        raise BundleError(f"model: operators of {names} are not ONNX's own; export the model with standard operators")
    if nodes > MOST_NODES:
        raise BundleError(f"model: {nodes} operators, at most {MOST_NODES} are taken; simplify the model")


def _bodies(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """All there is: the graph, what a function is made of, and what only trains."""
    for training in model.training_info:
        yield from (*_graphs(training.initialization, 0), *_graphs(training.algorithm, 0))
    for body in (model.graph, *model.functions):
        yield from _graphs(body, 0)


def _graphs(graph: onnx.GraphProto, depth: int) -> Iterator[onnx.GraphProto]:
    if depth > DEEPEST:
        raise BundleError(f"model: graphs within graphs, deeper than {DEEPEST}; simplify the model")
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            inner = [attribute.g] if attribute.HasField("g") else []
            for sub in [*inner, *attribute.graphs]:
                yield from _graphs(sub, depth + 1)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from getattr(graph, "initializer", ())  # a function has none
    for sparse in getattr(graph, "sparse_initializer", ()):
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
