"""OneSet: one data set of one box while it is fetched: a page, its pictures, the commit, and only then the acknowledgement."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from contracts.dataset import Record
from contracts.errors import HardwareError, StorageError
from contracts.shipment import Received
from dataset.store import Store
from trainer.receive_box import Backoff, Box
from trainer.receive_merge import Merge, wanted
from trainer.receive_page import Asked, Page, read_page
from trainer.receive_picture import Arrived, fetch, parts
from trainer.receive_position import Positions
from trainer.receive_report import Progress, Report

RESERVE_BYTES = 64 << 20  # of the disk that are left alone


@dataclass
class OneSet:
    """`known` is how far everything is here."""

    box: Box
    name: str
    known: Received
    store: Store
    positions: Positions
    pool: ThreadPoolExecutor
    backoff: Backoff
    stop: threading.Event
    progress: Progress
    report: Report
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = parts(self.store.layout.root)

    def take(self, at: int) -> int:
        """The page that begins there; where it ends. What was taken is durable and acknowledged when it returns."""
        page = self._page(at)
        if page.head.upto == at:
            return at
        missing = wanted(self.store, page.head.device, page.records)
        self._find_room(missing)
        merge = Merge(self.store, page.head.device, self._fetch(missing))
        for record in page.records:
            merge.add(record)
        if merge.batch:
            self.store.commit(merge.batch)
        self._count(page, merge)
        self._remember(page)
        self._acknowledge(page)
        return page.head.upto

    def _page(self, at: int) -> Page:
        data = self.backoff.until_done(lambda: self.box.page(self.name, at), int)
        behind = self.known.behind if at == self.known.upto and at > 0 else None
        return read_page(data, Asked(self.known.device, self.name, self.known.dataset, at, behind))

    def _find_room(self, missing: Mapping[str, Record]) -> None:
        need, free = sum(record.bytes for record in missing.values()), shutil.disk_usage(self.folder).free
        if need + RESERVE_BYTES > free:
            raise StorageError(f"{self.folder}: {need >> 20} MB are to come and {free >> 20} MB are free; free some room and fetch again")

    def _fetch(self, missing: Mapping[str, Record]) -> dict[str, Arrived]:
        """A few at a time; the first that is refused ends the others."""

        def heard(count: int) -> None:
            self.progress.came(count)
            if self.stop.is_set():
                raise HardwareError(f"{self.box.where}: stopped; what came is kept, fetch again to go on")

        def one(record: Record) -> Arrived | None:
            return fetch(self.box, self.name, record, self.folder, self.backoff, heard)

        jobs = {name: self.pool.submit(one, record) for name, record in missing.items()}
        try:
            done, _ = wait(jobs.values(), return_when=FIRST_EXCEPTION)
        finally:
            for job in jobs.values():
                job.cancel()
        for job in done:
            job.result()  # the first that failed says why
        return {name: arrived for name, job in jobs.items() if (arrived := job.result())}

    def _count(self, page: Page, merge: Merge) -> None:
        report, came = self.report, [each.record.bytes for each in merge.batch if each.temp]
        report.pages += 1
        report.records += len(merge.batch)
        report.pictures += len(came)
        report.bytes += sum(came)
        report.known += merge.known
        report.gone += merge.gone
        report.removed += page.removed
        report.damaged += page.damaged

    def _remember(self, page: Page) -> None:
        """Not past a hole: what went another way is asked for again."""
        head = page.head
        if head.after <= self.known.upto < head.upto:
            self.known = Received(device=head.device, dataset=head.dataset, upto=head.upto, behind=head.behind)
            self.positions.save(self.known)

    def _acknowledge(self, page: Page) -> None:
        said = page.acknowledgement(self.positions.receiver)
        try:
            self.backoff.until_done(lambda: self.box.acknowledge(self.name, said), int)
        except HardwareError as error:
            self.report.unacknowledged += 1
            self.report.why = str(error)
