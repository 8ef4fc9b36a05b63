"""Receipts: who has acknowledged which part of a data set; durable, safe beside the writer and beside another process of this kind."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from hashlib import sha256
from itertools import islice

from pydantic import ValidationError

from contracts.dataset import Acknowledgement
from contracts.errors import StorageError
from contracts.files import storage, sync_folder
from contracts.shipment import ACK_BYTES, Acknowledge, Receipt, ShipmentError
from dataset.index import EACH, Index
from dataset.layout import open_regular
from dataset.lines import Line, Log, intact, read_lines, sealed
from dataset.offer import Offer
from dataset.opening import appending, marks, read_mark
from dataset.records import REMOVED, read_record

MOST_RECEIVERS = 64  # whose positions are told, those that were heard of last


class Receipts:
    """`receipts.jsonl` says which ranges are acknowledged; out of them come the marks of `acknowledged.jsonl`, which retention goes by."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._path = offer.layout.root / "receipts.jsonl"
        self._dataset = offer.state().dataset

    def positions(self) -> dict[str, int]:
        """Receiver -> up to where it has acknowledged everything from the beginning on."""
        found: dict[str, int] = {}
        with storage(self._path):
            for each in self._all():
                upto = found.pop(each.receiver, 0)  # to the end: the one heard of last
                found[each.receiver] = max(upto, each.upto) if each.after <= upto else upto
        return dict(list(found.items())[-MOST_RECEIVERS:])

    def take(self, said: Acknowledge, at: datetime) -> Receipt:
        """Durable when it returns. ShipmentError: it is not of this data set, or not of what that says. StorageError: the disk refuses."""
        with storage(self._path):
            return self._take(said, at)

    def _take(self, said: Acknowledge, at: datetime) -> Receipt:
        self._check(said)
        lines = list(self._offer.lines(said.after, said.upto))
        if shipped_digest(lines) != said.sha256:
            raise ShipmentError("changed", f"bytes {said.after} to {said.upto}: the digest is not that of these lines; fetch them again")
        with appending(self._path, read_receipt) as log:
            known = self._taken(said)
            if known:
                return known
            first = self._line_number(said.after)
            receipt = Receipt(
                dataset=said.dataset, receiver=said.receiver, after=said.after, upto=said.upto, lines=first + len(lines), t=at
            )
            if not self._marked(said):
                self._mark(lines, first, f"trainer {said.receiver}", at)  # first: a receipt whose marks a power cut took would free nothing
            log.append(sealed(receipt))
            sync_folder(self._path.parent)
        self._follow(receipt.lines)
        return receipt

    def _check(self, said: Acknowledge) -> None:
        if (said.device, said.dataset) != (self._offer.device, self._dataset):
            mine = f"{self._offer.device}, data set {(self._dataset or 'empty')[:12]}"
            raise ShipmentError("foreign", f"an acknowledgement for {said.device}, data set {said.dataset[:12]}; this is {mine}")
        if not said.after <= said.upto or said.upto - said.after > ACK_BYTES:
            raise ShipmentError("range", f"bytes {said.after} to {said.upto}: acknowledge page by page, at most {ACK_BYTES} bytes at once")

    def _all(self) -> Iterator[Receipt]:
        """Those of this data set, in order."""
        if not self._path.exists():
            return
        handle = open_regular(self._path)
        try:
            for line in read_lines(handle):
                receipt = read_receipt(line.text) if line.whole else None
                if receipt and receipt.dataset == self._dataset:
                    yield receipt
        finally:
            os.close(handle)

    def _taken(self, said: Acknowledge) -> Receipt | None:
        """The receipt of something that was acknowledged already: it is said again after an answer was lost."""
        mine = [each for each in self._all() if each.receiver == said.receiver]
        if mine and self.positions().get(said.receiver, 0) >= said.upto:
            return mine[-1]
        return next((each for each in mine if each.after <= said.after and said.upto <= each.upto), None)

    def _marked(self, said: Acknowledge) -> bool:
        """Whether receipts, whoever's, are of all of it: another receiver adds a line then, and not a mark for each picture once more."""
        at = said.after
        for after, upto in sorted((each.after, each.upto) for each in self._all()):
            at = max(at, upto) if after <= at else at
        return at >= said.upto > said.after

    def _line_number(self, place: int) -> int:
        """How many lines are before it: counted from the nearest place at which it is known."""
        known = max(((each.upto, each.lines) for each in self._all() if each.upto <= place), default=(0, 0))
        return known[1] + sum(1 for _ in self._offer.lines(known[0], place))

    def _mark(self, lines: Sequence[Line], first: int, by: str, at: datetime) -> None:
        """A mark for each picture of these lines, exactly up to the last line of it that was acknowledged."""
        upto = {}
        for number, line in enumerate(lines, first + 1):
            record = read_record(line.text)
            if record and record.action_type != REMOVED:
                upto[record.image_id] = number
        if upto:
            with appending(self._offer.layout.acknowledged, read_mark) as log:
                log.append(b"".join(sealed(Acknowledgement(image_id=name, upto=n, by=by, t=at)) for name, n in upto.items()))
                sync_folder(log.path.parent)

    def _follow(self, lines: int) -> None:
        """The index that is there gets to know it now; one that is behind, or refuses, when its writer opens it next."""
        layout = self._offer.layout
        if self._offer.applied() is None or not layout.acknowledged.exists():
            return
        try:
            with closing(Index(layout.index)) as index, closing(Log(layout.acknowledged)) as log:
                while index.lines >= lines and (chunk := list(islice(marks(log.handle, index.acked_end), EACH))):
                    index.acknowledge([(bytes.fromhex(m.image_id), min(m.upto, index.lines)) for m, _ in chunk if m], chunk[-1][1])
        except StorageError:
            return


def shipped_digest(lines: Sequence[Line]) -> str:
    """Of lines as they stand in a page: those that are too long to be ours are left out."""
    digest = sha256()
    for line in lines:
        digest.update(line.text + b"\n" if line.text is not None else b"")
    return digest.hexdigest()


def read_receipt(text: bytes | None) -> Receipt | None:
    """A line of `receipts.jsonl`; None: damaged."""
    good = intact(text)
    try:
        return Receipt.model_validate_json(good) if good else None
    except (ValidationError, RecursionError):
        return None
