"""What is fuzzed: each takes any bytes, and raises only what its readers answer; anything else is a fault."""

from __future__ import annotations

import itertools
import os
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contracts.envelope import read_envelope
from contracts.errors import BundleError, ProtocolError
from contracts.update import ChunkAsk, Model, UpdateReport
from device.update.assigned import Recipient, admit, vouched
from device.update.mqtt_chunks import MqttChunks
from device.update.network import read_network
from device.update.protobuf import Span
from device.update.refusal import Refusal
from device.update.trust import HIGHEST, Released, Trust
from tests.fuzz.trusting import GOOD, KEYS, NOW, ROLES, assigned, signed_anew
from vision.bundle import read_bundle
from vision.bundle_chunks import chunks_of

SHELF = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/tmp")  # noqa: S108 - a file a thousand times a second
MODEL: dict[str, Any] = {"digest": "sha256:" + "2" * 64, "sha256": "3" * 64, "length": 10, "name": "white-box", "version": "2.0.0"}


def assignment(data: bytes) -> None:
    """A message under dn/desired; the first byte says whether what is behind it is the message, or a payload that is signed."""
    raw = data[1:]
    if data[:1] > b"\x7f":
        try:
            raw = assigned(raw.decode())
        except (UnicodeDecodeError, ValidationError):
            return
    with suppress(Refusal):
        read = vouched(raw, KEYS)
        assert 0 < read.assignment.seq <= HIGHEST
        admit(read.assignment, Recipient("edge01", frozenset({"canary"})), {}, read.keyids, NOW)


def metadata(data: bytes) -> None:
    """A file of the repository; the first byte chooses the role, and whether it is signed by those who may."""
    choice, raw = data[0] if data else 0, data[1:]
    role = ROLES[choice % 4]
    raw = signed_anew(raw) if choice & 4 else raw
    with suppress(Refusal):
        if choice & 8:
            Trust(raw, {}, NOW)
        trust = Trust(GOOD["root"], {"root": 1}, NOW)
        if role == "root":
            trust.root(raw)
        trust.timestamp(raw if role == "timestamp" else GOOD["timestamp"])
        assert trust.snapshot_wanted[0] <= HIGHEST
        trust.snapshot(raw if role == "snapshot" else GOOD["snapshot"])
        assert trust.targets_wanted[0] <= HIGHEST
        trust.targets(raw if role == "targets" else GOOD["targets"])
        assert all(0 < version <= HIGHEST for version in trust.reached().values())
        assert trust.ends > NOW
        look_up(trust.released())


def look_up(released: Released) -> None:
    with suppress(Refusal):
        released.assignment_keys()
    for name, target in released._targets.items():
        with suppress(Refusal, ValidationError):
            said = {**MODEL, "target": name, "sha256": target.hashes.get("sha256"), "length": target.length}
            release = released.release(Model.model_validate(said))
            assert release.size == target.length


def network(data: bytes) -> None:
    """An ONNX file before anything runs it: as it lies in memory, and as it lies on a disk, of which a few bytes are read at a time."""
    said: list[object] = []
    for whole in (data, Span(lambda at, size: data[at : at + size], 0, len(data), 16, 5)):
        try:
            said.append(found := read_network(whole))
            assert found.nodes
        except Refusal as refused:
            said.append(str(refused))
    assert said[0] == said[1]


def bundle(data: bytes) -> None:
    """A .vdb file; the first byte says whether what is behind it is the file, or the manifest in one."""
    path = SHELF / f"vedette-fuzz-{os.getpid()}.vdb"
    if data[:1] > b"\x7f":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo("bundle.json", (1980, 1, 1, 0, 0, 0)), data[1:])
            archive.writestr(zipfile.ZipInfo("model.onnx", (1980, 1, 1, 0, 0, 0)), b"model")
    else:
        path.write_bytes(data[1:])
    try:
        with suppress(BundleError):
            assert sum(chunk.size for chunk in chunks_of(path)) == path.stat().st_size
        with suppress(BundleError):
            stored = read_bundle(path)
            assert len(stored.model()) == stored.manifest.model.size
    finally:
        path.unlink(missing_ok=True)


def messages(data: bytes) -> None:
    """Pieces of files over the broker, both ways, and what a box says of its update."""
    with suppress(ProtocolError, ValidationError, RecursionError):
        said = read_envelope(data).data
        with suppress(ValidationError):
            ask = ChunkAsk.model_validate(said)
            assert ask.offset >= 0
            assert ask.path.startswith(("metadata/", "targets/"))
        report = UpdateReport.model_validate(said)
        assert report.seq is None or 0 < report.seq <= HIGHEST
        assert len(report.words) <= 1000
    pieces(data)


def pieces(data: bytes) -> None:
    """The answers come as the bytes say: to what was asked, to nobody, twice, too long, missing."""
    numbers, steps = itertools.count(1), iter(data)
    road = MqttChunks(lambda ask: answer(ask), lambda: f"{next(numbers):016x}", 0.0)

    def answer(ask: ChunkAsk) -> None:
        step = next(steps, 0)
        rest = ask.id if step & 1 else f"{ask.id}/missing" if step & 2 else f"{ask.id}/{step}"
        road.receive(rest, data[: step * 4] if step & 4 else bytes(ask.size))

    with suppress(Refusal):
        assert sum(map(len, road.stream("models/a", 0, 1 << 20))) == 1 << 20
    assert not road._wanted
    assert not road._got


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "assignment": assignment, "metadata": metadata, "network": network, "bundle": bundle, "messages": messages,
}  # fmt: skip
