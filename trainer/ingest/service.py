"""Ingest: from the broker into the store; acknowledged when it is committed, so a kill at any instant loses and doubles nothing."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable

from broker.address import tls_context
from broker.letters import Incoming
from broker.link import Link
from broker.staying import Staying
from contracts.command import Reply
from contracts.envelope import Ulids
from contracts.errors import StorageError
from contracts.topics import ROOT
from trainer.ingest.asking import Asking
from trainer.ingest.messages import Message, Refused, read_message
from trainer.ingest.options import Options
from trainer.ingest.writer import Writer
from trainer.store.database import Database

log = logging.getLogger(__name__)
SLICE_S = 0.25
ASK_EVERY_S = 0.5
KINDS = ("event", "health", "update", "status", "info")


def now_us() -> int:
    return time.time_ns() // 1000


class Ingest:
    """One thread. Fields that others may read: `counts`, `connected`, `trouble`, `boxes`."""

    def __init__(self, database: Database, options: Options, *, clock: Callable[[], int] = now_us) -> None:
        if options.tls:
            tls_context(options.address())  # a wrong file is the owner's to mend: say so now
        self._database, self._options, self._clock = database, options, clock
        self.counts: Counter[str] = Counter()
        self._writer = Writer(database, options, self.counts)
        self._writer.load()
        self.boxes = self._writer.boxes
        ulids = Ulids(os.urandom)
        self._asking = Asking(options, self.boxes, self.counts, lambda: ulids.next(clock() * 1000))
        self.connected = False
        self.trouble = f"not connected to {options.address().where()} yet"
        self.refused_last = ""
        self._asked_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Until told to stop; what had come by then is stored."""
        pause_s = self._options.reconnect_min_s, self._options.reconnect_max_s
        Staying(self._link, pause_s, time.monotonic_ns).run(stop, lambda link: self._serve(link, stop), self._lost)
        self.connected = False

    def _link(self) -> Link:
        return Link(self._options.address(), time.monotonic_ns, manual_ack=True)

    def _lost(self, reason: str) -> None:
        self.connected, self.trouble = False, reason
        self.counts["reconnects"] += 1
        log.warning("%s", reason)

    def _serve(self, link: Link, stop: threading.Event) -> None:
        link.subscribe([*(f"{ROOT}/+/up/{name}" for name in KINDS), f"{ROOT}/+/up/drift/+", f"{ROOT}/+/up/res/{self._options.client_id}"])
        self.connected, self.trouble = True, ""
        session = "our session was kept" if link.session_present else "a new session"
        log.info("connected to %s, %s", self._options.address().where(), session)
        waiting: list[Incoming] = []
        since = 0.0
        while link.lost is None and not stop.is_set():
            group_s = self._options.group_ms / 1000
            link.spin(max(0.0, since + group_s - time.monotonic()) if waiting else SLICE_S)
            since = time.monotonic() if not waiting else since
            self._collect(link, waiting)
            if waiting and (len(waiting) >= self._options.window or time.monotonic() - since >= group_s):
                self._store(link, waiting, stop)
                waiting = []
            self._ask(link)
            if link.refused:
                link.lose(f"the broker refuses a subscription: {link.refused}; let this client read {ROOT}/+/up/#")
        self._collect(link, waiting)
        if waiting and not link.incoming:
            self._store(link, waiting, stop)

    def _collect(self, link: Link, waiting: list[Incoming]) -> None:
        """What may be sent without asking us whether there is room (QoS 0) is left out when there is none."""
        while link.incoming:
            came = link.incoming.popleft()
            if not came.mid and len(waiting) >= self._options.window:
                self.counts["refused.qos0"] += 1
                continue
            waiting.append(came)

    def _store(self, link: Link, came: list[Incoming], stop: threading.Event) -> None:
        """Committed, then acknowledged. While the store refuses nothing is, and the broker sends no more than its window."""
        messages = [message for each in came if (message := self._read(each))]
        while True:
            try:
                began = time.perf_counter()
                self._writer.write([each for each in messages if each.kind != "res"], self._clock())
                self._answers([each for each in messages if each.kind == "res"])
                self.counts["commits"] += 1
                self.counts["commit_us"] += int((time.perf_counter() - began) * 1e6)
                break
            except StorageError as error:
                self._writer.forget()
                self.counts["store_refused"] += 1
                self.trouble = str(error)
                log.error("%s", error)
                if stop.wait(self._options.retry_s):
                    return
                link.spin(0)  # keepalive
                self._shed(link)
        self.trouble = ""
        for each in came:
            link.acknowledge(each.mid)

    def _shed(self, link: Link) -> None:
        """Messages without an acknowledgement are not waited with."""
        kept = [each for each in link.incoming if each.mid]
        self.counts["refused.qos0"] += len(link.incoming) - len(kept)
        link.incoming.clear()
        link.incoming.extend(kept)

    def _read(self, came: Incoming) -> Message | None:
        if not came.payload:
            return None  # a retained state that was taken back
        try:
            return read_message(came)
        except Refused as refused:
            self.counts[f"refused.{refused.reason}"] += 1
            self.refused_last = str(refused)[:500]
            return None

    def _answers(self, messages: list[Message]) -> None:
        if not messages:
            return
        self._writer.load()
        with self._database.write() as connection:
            for message in messages:
                box = self.boxes.by_name.get(message.device)
                if box is not None and isinstance(message.data, Reply):
                    self._asking.answered(connection, box, message.data, self._clock())
                    self.boxes.save(connection, [box], self._clock())

    def _ask(self, link: Link) -> None:
        if time.monotonic() - self._asked_at < ASK_EVERY_S:
            return
        self._asked_at = time.monotonic()
        try:
            self._writer.load()
            if next(self._asking.due(self._clock()), None) is None:
                return
            with self._database.write() as connection:
                letters = self._asking.step(connection, self._clock())
        except StorageError as error:
            self._writer.forget()
            self.trouble = str(error)
            return
        for letter in letters:
            link.send(letter)
