"""Real boxes for tests: a real page in front of a real data set, on loopback; and a visitor who tells what a box said."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from contracts.shipment import ExportList
from dataset.native import NativeReader
from dataset.offer import Offer
from device.clock import Clock, SystemClock
from device.pipeline.board import Board
from device.pipeline.hub import Hub
from device.pipeline.tally import Tally
from device.record.catalog import Catalog
from device.web.desk import Desk
from device.web.options import Options
from device.web.server import PageServer
from tests.device.web.fakes import Memory, Told, health_of
from trainer.receive_http import HttpBox

WAIT_S = 20
TOKEN = "a-token-for-the-trainer-alone"


def desk(root: Path, device: str = "box-1", clock: Clock | None = None) -> Desk:
    """Of a box without cameras that offers one data set."""
    clock, board, tally = clock or SystemClock(), Board(), Tally()
    return Desk(
        device_id=device,
        profile="street",
        version="0.1.0",
        clock=clock,
        board=board,
        tally=tally,
        rings={},
        scenes=Hub(),
        history=Memory(),
        messages=Told(),
        clips=Catalog(root.parent),
        data=root.parent,
        health=lambda: health_of(board, tally, clock),
        still=lambda packet: None,
        exports={"dataset": root},
    )


class RunningBox:
    """A page in a thread, as the crew runs it. It can be stopped and started again under the same address."""

    def __init__(self, root: Path, device: str = "box-1", **options: Any) -> None:
        self._root, self._device = root, device
        self._options = {"port": 0, "export_token": TOKEN, **options}
        self.start()

    def start(self) -> None:
        self._desk = desk(self._root, self._device)
        self._server = PageServer(self._desk, Options(**self._options))
        self._server.start()
        self.address = self._server.address
        self._options["port"] = int(self.address.rpartition(":")[2])
        self._thread = threading.Thread(target=self._server.work, args=(lambda: None,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._desk.scenes.close()
        self._server.close()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()

    def visitor(self, token: str | None = TOKEN, **more: Any) -> HttpBox:
        return HttpBox(self.address, token, **more)

    def offered(self) -> ExportList:
        box = self.visitor()
        try:
            return box.exports()
        finally:
            box.close()


def contents(root: Path) -> dict[str, tuple[object, ...]]:
    """Every picture by its id, with the bytes of its file and what is said of it: equal for equal data sets."""
    reader = NativeReader(root)
    try:
        found: dict[str, tuple[object, ...]] = {}
        for item in reader:
            labels = tuple(sorted((each.category, each.box, each.confidence, each.source, each.verified) for each in item.labels))
            found[item.id] = ((root / "images" / f"{item.id}.png").read_bytes(), item.width, item.height, labels)
        assert reader.findings.clean
        return found
    finally:
        reader.close()


def offer(root: Path, device: str = "box-1") -> Offer:
    return Offer(root, device, "dataset")
