"""An ONNX file is read as ONNX itself reads it, and whatever is no such file is refused: no crash, no wait."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.update.network import Network, read_network
from device.update.protobuf import WHOLE, WINDOW, Malformed, Span, fields
from device.update.refusal import Refusal
from tests.memory import at_most_mib
from tests.vision.models import times_two, white_box
from vision.bundle_reader import Reader

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


def read_in_file(path: Path, whole: int = WHOLE, window: int = WINDOW) -> Network:
    with path.open("rb", buffering=0) as file:
        reader = Reader(file.fileno(), 0, path.stat().st_size, path.name)
        return read_network(Span(reader.read, 0, reader.size, whole, window))


def test_in_a_file_it_is_read_as_in_memory_wherever_a_piece_of_it_ends(tmp_path: Path) -> None:
    model = ROOT / "models" / "person-street" / "model.onnx"
    (tmp_path / "small").write_bytes(GOOD)
    for path, whole, window in ((model, 1 << 20, 64 << 10), (model, 3000, 100), (tmp_path / "small", 1, 1), (tmp_path / "small", 7, 3)):
        assert read_in_file(path, whole, window) == read_network(path.read_bytes())


def test_a_network_of_half_a_gigabyte_takes_no_memory_to_be_looked_at(tmp_path: Path) -> None:
    size = 500 << 20
    tensor = b"\x08" + varint(size // 4) + b"\x10\x01\x42\x01w\x4a" + varint(size)
    graph = onnx.load_model_from_string(GOOD).graph.SerializeToString() + b"\x2a" + varint(len(tensor) + size) + tensor
    head = b"\x42\x02\x10\x11\x3a" + varint(len(graph) + size) + graph
    with (tmp_path / "large.onnx").open("wb") as file:
        file.write(head)
        file.truncate(len(head) + size)  # weights of zero, which take no room on the disk either
    with at_most_mib(20):
        network = read_in_file(tmp_path / "large.onnx")
    assert (network.opset, list(network.inputs)) == (17, ["image"])
    (tmp_path / "large.onnx").write_bytes(head)
    with pytest.raises(Refusal, match="longer than what holds it"):
        read_in_file(tmp_path / "large.onnx")


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
        said = []
        for given_as in (data, Span(lambda begin, size, data=data: data[begin : begin + size], 0, len(data), 9, 5)):  # type: ignore[misc]
            try:
                said.append(str(read_network(given_as)))
            except Refusal as refused:
                assert str(refused).isprintable()
                said.append(str(refused))
        assert said[0] == said[1]


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
