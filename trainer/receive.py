"""Receiver: a data set that fetches what boxes offer, again and again; open for writing only while there is something to be written."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contracts.errors import ProtocolError
from contracts.files import make_folders, storage
from contracts.shipment import Export, Received
from dataset.exporter import Exporter
from trainer.receive_box import LEAST_S, Backoff, Box
from trainer.receive_picture import clear
from trainer.receive_position import NOTHING, Positions
from trainer.receive_report import Progress, Quiet, Report
from trainer.receive_set import OneSet


class Receiver:
    def __init__(
        self,
        root: Path,
        *,
        parallel: int = 4,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
        least_s: float = LEAST_S,
    ) -> None:
        with storage(root):
            make_folders(root)
        self._root, self._parallel, self._least_s = root, max(1, parallel), least_s
        self._progress, self._stop = progress or Quiet(), stop or threading.Event()
        self.positions = Positions(root)

    def round(self, box: Box, report: Report, *, again: bool = False, only: Sequence[str] = ()) -> None:
        """Everything a box offers now, counted in `report`. `again`: from the beginning, for a box that no longer says what it said."""
        backoff = Backoff(self._stop, box.tries, self._least_s)
        offered = backoff.until_done(box.exports, int)
        names = {export.name for export in offered.exports}
        if missing := set(only) - names:
            there = ", ".join(sorted(names)) or "none"
            raise ProtocolError(f"{box.where}: offers no data set {', '.join(sorted(missing))}; it has {there}")
        for export in offered.exports:
            if export.dataset is not None and (not only or export.name in only):
                known = self.positions.of(offered.device, export.dataset)
                if again:
                    known = Received(device=known.device, dataset=known.dataset, upto=0, behind=NOTHING)
                self._fetch(box, export, known, backoff, report)

    def _fetch(self, box: Box, export: Export, known: Received, backoff: Backoff, report: Report) -> None:
        acknowledged = export.positions.get(self.positions.receiver, 0)
        start = at = box.following(export.name, box.start(export.name, known, acknowledged))
        if at >= export.end:
            return
        with Exporter(self._root) as exporter, ThreadPoolExecutor(self._parallel, thread_name_prefix="fetch") as pool:
            one = OneSet(
                box,
                export.name,
                known,
                exporter.store,
                self.positions,
                pool,
                backoff,
                self._stop,
                self._progress,
                report,
            )
            while at < export.end and not self._stop.is_set():
                upto = one.take(at)
                if upto == at:
                    break  # the box has nothing more just now
                at = box.following(export.name, upto)
                self._progress.at(box.where, (min(at, export.end) - start) / (export.end - start))
            clear(one.folder, set())
            exporter.refresh()
