"""Pusher: brings assignments to the broker, retained, and pieces of files to boxes that reach nothing else; moves rollouts on."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter

from pydantic import ValidationError

from broker.address import Address, tls_context
from broker.letters import Incoming, Letter
from broker.link import Link
from broker.staying import Staying
from contracts.envelope import read_envelope
from contracts.errors import ProtocolError, StorageError
from contracts.files import inside, storage, write_durably
from contracts.topics import ROOT, Topics, read_topic
from contracts.update import ChunkAsk
from trainer.push.assign import Waiting, note_sent, send_again, unsent
from trainer.push.place import Place
from trainer.push.progress import Progress
from trainer.store.database import Database

log = logging.getLogger(__name__)
SLICE_S = 0.1
STEP_S = 1.0
CHUNK_EXPIRY_S = 60
PAUSE_S = (1.0, 60.0)


class Pusher:
    """One thread. Fields that others may read: `counts`, `connected`, `trouble`."""

    def __init__(self, database: Database, place: Place, progress: Progress, address: Address) -> None:
        if address.tls:
            tls_context(address)  # a wrong file is the owner's to mend: say so now
        self._database, self._place, self._progress, self._address = database, place, progress, address
        self.counts: Counter[str] = Counter()
        self.connected, self.trouble = False, f"not connected to {address.where()} yet"
        self._flying: dict[int, tuple[str, int] | None] = {}
        self._stepped_at = 0.0
        self._fresh = True

    def run(self, stop: threading.Event) -> None:
        """Until told to stop. Without a broker rollouts are still counted, and what is to be sent waits in the store."""
        staying = Staying(self._link, PAUSE_S, time.monotonic_ns)
        staying.run(stop, lambda link: self._serve(link, stop), self._lost, self._step)
        self.connected = False

    def _link(self) -> Link:
        self._flying.clear()
        return Link(self._address, time.monotonic_ns)

    def _lost(self, reason: str) -> None:
        self.connected, self.trouble = False, reason
        log.warning("%s", reason)

    def _serve(self, link: Link, stop: threading.Event) -> None:
        link.subscribe([f"{ROOT}/+/up/chunk"])
        self.connected, self.trouble = True, ""
        while link.lost is None and not stop.is_set():
            self._step()
            self._send(link)
            link.spin(SLICE_S)
            self._acknowledged(link)
            while link.incoming:
                self._asked(link, link.incoming.popleft())
            if link.refused:
                link.lose(f"the broker refuses a subscription: {link.refused}; let this client read {ROOT}/+/up/#")

    def _step(self) -> None:
        """Each second, and at once while there is more to do."""
        if time.monotonic() - self._stepped_at < STEP_S:
            return
        try:
            if not self._progress.step():
                self._stepped_at = time.monotonic()
        except StorageError as error:
            self._stepped_at = time.monotonic()
            self._say(str(error))

    def _send(self, link: Link) -> None:
        """As many as the broker takes at a time; a box gets the same message twice without harm."""
        room = link.window - len(self._flying)
        if room <= 0:
            return
        try:
            if self._fresh:
                with self._database.write() as connection:
                    send_again(connection)  # a broker may have lost what it retained
                self._fresh = False
            with self._database.read() as connection:
                flying = {each for each in self._flying.values() if each is not None}
                found = [each for each in unsent(connection, room + len(flying)) if (each.device, each.seq) not in flying]
            for each in found[:room]:
                self._publish(link, each)
        except StorageError as error:
            self._say(str(error))

    def _publish(self, link: Link, each: Waiting) -> None:
        body = each.body.encode()
        write_durably(self._place.desired / f"{each.device}.json", body, 0o644)  # for those that a stick is brought to
        mid = link.send(Letter(Topics(each.device).dn("desired"), body, retain=True))
        self._flying[mid] = (each.device, each.seq)
        self.counts["assignments"] += 1

    def _acknowledged(self, link: Link) -> None:
        sent = []
        while link.acks:
            ack = link.acks.popleft()
            what = self._flying.pop(ack.mid, None)
            if ack.refused:
                link.lose(f"the broker refuses a message: {ack.refused}; let this client write {ROOT}/+/dn/#")
            elif what is not None:
                sent.append(what)
        if sent:
            try:
                with self._database.write() as connection:
                    note_sent(connection, sent)
            except StorageError as error:
                self._say(str(error))

    def _asked(self, link: Link, came: Incoming) -> None:
        """A piece of a file. Where there is no room the box asks again."""
        try:
            topic = read_topic(came.topic or "")
            ask = ChunkAsk.model_validate(read_envelope(came.payload).data)
        except (ProtocolError, ValidationError, RecursionError):
            self.counts["refused"] += 1
            return
        if topic.device is None or len(self._flying) >= link.window:
            self.counts["no_room"] += 1
            return
        piece = self._piece(ask)
        where = f"{Topics(topic.device).dn('chunk')}/{ask.id}" + ("" if piece else "/missing")
        self._flying[link.send(Letter(where, piece, expiry_s=CHUNK_EXPIRY_S))] = None
        self.counts["chunks"] += 1

    def _piece(self, ask: ChunkAsk) -> bytes:
        """Empty: there is no such file, or it ends before."""
        try:
            path = inside(self._place.repository, ask.path)
            with storage(path):  # a name may be longer than a file system has them, which is an error of its own
                if not path.is_file():
                    return b""
                with path.open("rb") as file:
                    file.seek(ask.offset)
                    return file.read(ask.size)
        except (ProtocolError, StorageError):
            return b""

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.error("%s", trouble)
        self.trouble = trouble

    def report(self) -> str:
        return json.dumps({"connected": self.connected, "trouble": self.trouble, **self.counts})
