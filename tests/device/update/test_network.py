"""An ONNX file is read as ONNX itself reads it, and whatever is no such file is refused: no crash, no wait."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.update.network import read_network
from device.update.protobuf import Malformed, fields
from device.update.refusal import Refusal
from tests.memory import at_most_mib
from tests.vision.models import times_two, white_box

GOOD = white_box(64, "w")
ROOT = Path(__file__).resolve().parents[3]


def test_what_is_read_is_what_onnx_says() -> None:
    for data in (GOOD, times_two(), (ROOT / "models" / "person-street" / "model.onnx").read_bytes()):
        network, proto = read_network(data), onnx.load_model_from_string(data)
        weights = {tensor.name for tensor in proto.graph.initializer}
        inputs = [each for each in proto.graph.input if each.name not in weights]
        assert network.opset == max(each.version for each in proto.opset_import)
        assert network.nodes >= len(proto.graph.node)
        assert list(network.inputs) == [each.name for each in inputs]
        for each in inputs:
            sides = [side.dim_value if side.HasField("dim_value") else None for side in each.type.tensor_type.shape.dim]
            assert list(network.inputs[each.name][1]) == sides


@settings(max_examples=60)
@given(st.binary(max_size=400))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read_network(data)
    assert refused.value.code == "E_HOSTILE"
    with suppress(Malformed):
        sum(len(each.bytes) for each in fields(memoryview(data)))


@settings(max_examples=60)
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255), st.integers(0, len(GOOD)))
def test_a_network_that_was_spoilt_is_refused_or_read(at: int, mask: int, end: int) -> None:
    spoilt = GOOD[:at] + bytes([GOOD[at] ^ mask]) + GOOD[at + 1 :]
    for data in (spoilt, GOOD[:end]):
        try:
            read_network(data)
        except Refusal as refused:
            assert str(refused).isprintable()


@pytest.mark.parametrize("where", [lambda many: b"\x3a" + varint(len(many)) + many, lambda many: many])
def test_a_network_of_more_fields_than_anybody_s_is_refused_soon(where: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty megabytes of empty weights took a minute of the box's own process, each with a name its memory."""
    monkeypatch.setattr("device.update.network.MOST_FIELDS", 3000)
    read_network(GOOD)
    with pytest.raises(Refusal, match="more than 3000 fields"):
        read_network(GOOD + where(b"\x2a\x00" * 3000))


@pytest.mark.parametrize("sides", [65, 1_000, 300_000])
def test_a_tensor_of_more_sides_than_there_are_is_refused_before_they_fill_the_memory(sides: int) -> None:
    one_side = b"\x08\x01"
    tensor = one_side * sides
    initializer = b"\x2a" + varint(len(tensor)) + tensor
    graph = b"\x0a\x03\x22\x01x" + initializer
    with at_most_mib(30), pytest.raises(Refusal, match="more than 64 sides"):
        read_network(b"\x3a" + varint(len(graph)) + graph)


def varint(value: int) -> bytes:
    done = b""
    while value > 0x7F:
        done, value = done + bytes([value & 0x7F | 0x80]), value >> 7
    return done + bytes([value])
