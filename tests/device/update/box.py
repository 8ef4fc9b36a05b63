"""A box as far as updates go: the real parts on a real folder, and small real bundles for it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import onnx
from onnx import helper, numpy_helper

from contracts.update import AssignmentKeys, Mode, UpdateReport
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.update.assigned import Recipient
from device.update.attempt import Parts
from device.update.boots import Boots
from device.update.building import Building
from device.update.config_trial import Configuring
from device.update.floors import Floors
from device.update.https import Https
from device.update.identity import Identity
from device.update.ledger import Ledger
from device.update.metadata import Metadata
from device.update.orders import Orders
from device.update.preflight import Box
from device.update.proof import Proof
from device.update.proof_options import ProofOptions
from device.update.prover import Prover, Told, Verdict
from device.update.reports import Reports
from device.update.roads import Road
from device.update.selftest import SelfTest
from device.update.slots import Slots
from device.update.state import State
from device.update.updater import Updater
from device.update.usb import Usb
from tests.device.update.repository import NOW
from tests.vision.bundles import png, scene, white_box_bundle
from tests.vision.models import white_box
from vision.bundle import StoredBundle
from vision.tryout import Limits

S = 1_000_000_000
WALL_NS = int(NOW.timestamp()) * S
GOLDEN = {"golden": [{"image": "golden/lit.png", "boxes": [[20, 10, 50, 40, 1.0, 0]]}], "golden_iou": 0.8}
LIT = {"golden/lit.png": png(scene(96, 64, (20, 10, 50, 40)))}


@dataclass
class HandClock:
    """Stands still until a test moves it."""

    wall: int = WALL_NS
    mono: int = 1_000 * S
    said: Literal["ntp", "rtc", "unsynced"] = "ntp"

    def mono_ns(self) -> int:
        return self.mono

    def wall_ns(self) -> int:
        return self.wall

    def state(self) -> Literal["ntp", "rtc", "unsynced"]:
        return self.said

    def at(self, when: datetime) -> None:
        self.wall = int(when.timestamp() * 1e9)


def bundle(path: Path, version: str = "2.0.0", model: bytes | None = None, **fields: Any) -> StoredBundle:
    """A .vdb with a golden answer that is true."""
    return white_box_bundle(path, model, LIT, version=version, **{**GOLDEN, **fields})


def heavy(backbone: int, head: int, mib: int = 16) -> bytes:
    """The white box with weights: `mib` of a backbone and a tenth of it as head, each drawn from its own seed."""
    proto = onnx.load_model_from_string(white_box())
    for name, seed, items in (("backbone", backbone, mib << 18), ("head", head, (mib << 18) // 10)):
        weights = np.random.default_rng(seed).standard_normal(items, np.float32)
        proto.graph.initializer.append(numpy_helper.from_array(weights, name))
        proto.graph.node.append(helper.make_node("ReduceSum", [name], [f"{name}_sum"], keepdims=1))
        proto.graph.output.append(helper.make_tensor_value_info(f"{name}_sum", onnx.TensorProto.FLOAT, [1]))
    return bytes(proto.SerializeToString())


class Content:
    """A prover that is content at once, for tests of what comes before it; the real one is Proof."""

    def __init__(self, verdict: Verdict | None = None, during: Callable[[], None] = lambda: None) -> None:
        self.verdict, self.during, self.seen = verdict or Verdict(True), during, list[str]()

    def prove(self, bundle: StoredBundle, told: Told, mode: Mode = "live") -> Verdict:
        self.seen.append(bundle.digest)
        told("selftest", 50.0)
        self.during()
        told("trial")
        return self.verdict


@dataclass
class TestBox:
    """What a test looks at."""

    __test__ = False
    data: Path
    parts: Parts
    updater: Updater
    board: Board
    tally: Tally
    clock: HandClock
    reports: list[UpdateReport] = field(default_factory=list)

    @property
    def last(self) -> UpdateReport:
        return self.reports[-1]

    @property
    def current(self) -> str | None:
        return self.parts.slots.linked("current")

    @property
    def states(self) -> list[str]:
        """Of the ledger, in their order."""
        return [row.state for row in self.parts.ledger.rows()]

    def told(self, raw: bytes) -> UpdateReport:
        """A message under dn/desired, and all there is to do about it now."""
        self.updater.receive(raw)
        return self.go()

    def go(self) -> UpdateReport:
        self.updater.step()
        return self.parts.reports.report()


class Trusting(Protocol):
    """What a box is provisioned with."""

    @property
    def root(self) -> bytes: ...
    @property
    def keys(self) -> AssignmentKeys: ...


@contextmanager
def a_box(
    data: Path,
    repository: Trusting,
    factory: StoredBundle | None,
    url: str | None = None,
    *,
    clock: HandClock | None = None,
    prover: Prover | None = None,
    roads: Sequence[Road] | None = None,
    sticks: Sequence[Usb] = (),
    cohorts: Sequence[str] = (),
    device: str = "edge01",
    fits: dict[str, Any] | None = None,
    configuring: Configuring | None = None,
    **options: Any,
) -> Iterator[TestBox]:
    """Started on `data`, which may be that of one that was killed. `url` None: no network at all."""
    clock, board, tally, reports = clock or HandClock(), Board(), Tally(), list[UpdateReport]()
    state = State(data / "update" / "state.sqlite")
    try:
        floors, ledger, slots = Floors(state), Ledger(state), Slots(data / "models")
        if factory is not None:
            slots.adopt(factory)
        made = roads if roads is not None else [*sticks, *([Https(url, clock, timeout_s=5, **options)] if url else [])]
        parts = Parts(
            device=device, backend="onnx", incoming=data / "update" / "incoming", reserve_bytes=1 << 20, state=state, floors=floors,
            ledger=ledger, orders=Orders(state, floors, ledger, clock, Recipient(device, frozenset(cohorts)), repository.keys),
            slots=slots, metadata=Metadata(data / "update" / "metadata", repository.root, floors, clock), prover=prover or Content(),
            identity=Identity(data / "update" / "device.key"), clock=clock,
            reports=Reports(reports.append, ledger, slots, clock, lambda: configuring.revisions.linked("current") if configuring else None),
            configuring=configuring, tally=tally, box=lambda: fitting(slots, **(fits or {})), roads=lambda: made,
        )  # fmt: skip
        updater = Updater(parts, board, folders=lambda: sticks, retry_s=(0.001, 0.002), rng=random.Random(1))
        yield TestBox(data, parts, updater, board, tally, clock, reports)
    finally:
        state.close()


def fitting(slots: Slots, **said: Any) -> Box:
    digest = slots.linked("current")
    label = slots.label(digest) if digest else None
    known = {"name": "white-box", "task": "detect", "labels": tuple(label.labels) if label else ("box",), "software": "0.1.0"}
    return Box(**{**known, **said})


def golden_prover() -> Proof:
    """The self-test in a child, of a box that has nothing to look at."""
    options = ProofOptions(looks=8)
    test = SelfTest("onnx", Limits(60, 2048), None, options, lambda: None)
    return Proof(Building("onnx", Path("engines"), options), test, Boots(Path("no-data")), options, None)
