"""A page as it came from a box: taken apart, and refused where it is not what was asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256

from contracts.dataset import Record
from contracts.errors import ProtocolError
from contracts.shipment import MOST_LINES, PAGE_BYTES, Acknowledge, PageHead
from dataset.layout import LARGEST_FILE
from dataset.lines import MAX_LINE, intact
from dataset.records import REMOVED, read_record

LARGEST_HEAD = 4096
LARGEST_PAGE = LARGEST_HEAD + PAGE_BYTES + MAX_LINE


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page has to be of."""

    device: str
    name: str
    dataset: str
    after: int
    behind: str | None = None  # the end of the page before it; None: there was none


@dataclass(frozen=True, slots=True)
class Page:
    head: PageHead
    records: list[Record]  # without those that only say that a picture was removed
    removed: int
    damaged: int

    def acknowledgement(self, receiver: str) -> Acknowledge:
        head = self.head
        return Acknowledge(
            device=head.device, dataset=head.dataset, receiver=receiver, after=head.after, upto=head.upto, sha256=head.sha256
        )


def read_page(data: bytes, asked: Asked) -> Page:
    """ProtocolError for a page that is not whole, not the one that was asked for, or not of the data set that was begun with."""
    first, newline, body = data.partition(b"\n")
    try:
        if not newline or len(first) > LARGEST_HEAD:
            raise ValueError("no head")
        head = PageHead.model_validate_json(first)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{asked.device}: what came is not a page of records; is another program answering there?") from error
    _check_head(head, body, asked)
    found, damaged = [], 0
    for line in body.split(b"\n")[:-1]:
        record = read_record(line)
        if record is None:
            _check_version(line, asked)
            damaged += 1
        else:
            _check_record(record, asked)
            found.append(record)
    kept = [record for record in found if record.action_type != REMOVED]
    return Page(head, kept, len(found) - len(kept), damaged)


def _check_head(head: PageHead, body: bytes, asked: Asked) -> None:
    box = f"{asked.device}, {asked.name}"
    if (head.device, head.name, head.dataset, head.after) != (asked.device, asked.name, asked.dataset, asked.after):
        raise ProtocolError(f"{box}: a page of something else came ({head.device}, {head.name}, from {head.after}); fetch again")
    if asked.behind is not None and head.before != asked.behind:
        raise ProtocolError(f"{box}: what was fetched is no longer what the data set begins with; fetch it --again from its beginning")
    empty = head.upto == head.after
    if not head.after <= head.upto <= head.end or (body and empty) or len(body) > head.upto - head.after:
        raise ProtocolError(f"{box}: a page that contradicts itself (from {head.after} to {head.upto} of {head.end}, {len(body)} bytes)")
    if sha256(body).hexdigest() != head.sha256 or (body and not body.endswith(b"\n")):
        raise ProtocolError(f"{box}: the page from {head.after} is not what its digest says")
    if body.count(b"\n") > MOST_LINES:
        raise ProtocolError(f"{box}: a page of more than {MOST_LINES} lines; no more were asked for")


def _check_version(line: bytes, asked: Asked) -> None:
    """A line of a later version is not a damaged one: it must not be acknowledged by somebody who cannot read it."""
    good = intact(line)
    try:
        said = json.loads(good) if good else None
    except (ValueError, RecursionError):
        return
    if isinstance(said, dict) and isinstance(said.get("v"), int) and said["v"] > 1:
        raise ProtocolError(f"{asked.device}: its records are of version {said['v']}, this trainer knows 1; update the trainer")


def _check_record(record: Record, asked: Asked) -> None:
    if not 0 < record.bytes <= LARGEST_FILE:
        raise ProtocolError(f"{asked.device}: record {record.id} names a picture of {record.bytes} bytes; at most {LARGEST_FILE} are taken")
