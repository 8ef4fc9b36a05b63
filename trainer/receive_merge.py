"""Merge: records of a box into our data set: our numbers for classes, our links to near-duplicates, the box's name kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from contracts.dataset import Annotation, Record
from contracts.errors import ProtocolError
from dataset.about import Facts, facts_of
from dataset.bounds import MOST_LABELS, check_name
from dataset.known import Known
from dataset.marks import cut
from dataset.phash import nearest
from dataset.records import record_id
from dataset.store import Incoming, Store
from trainer.receive_picture import Arrived

NEAR_BITS = 6  # as an exporter links them when it is told nothing else
LONGEST_SESSION = 128


@dataclass
class Merge:
    """The records of one page, made ours; `batch` is what is to be committed, the others are counted."""

    store: Store
    device: str
    arrived: Mapping[str, Arrived]
    batch: list[Incoming] = field(default_factory=list)
    known: int = 0
    gone: int = 0

    def add(self, record: Record) -> None:
        """A record that is here already, or whose picture the box removed before we came, adds nothing."""
        identity = received_id(self.device, record)
        if self.store.index.has_record(identity.bytes) or any(each.record.id == identity for each in self.batch):
            self.known += 1
            return
        waiting = next((each.record for each in self.batch if each.record.image_id == record.image_id), None)
        arrived = None if waiting else self.arrived.get(record.image_id)
        facts = facts_of(waiting) if waiting else self._new(arrived) if arrived else self._here(record.image_id)
        if facts is None:
            self.gone += 1
            return
        said = {
            "id": identity,
            "device": self.device,
            "session": session_of(self.device, record.session),
            "labels": [self._label(each, record) for each in record.labels],
            "is_new": arrived is not None,
            "bytes": facts.bytes,
            "sha256": facts.sha256,
            "phash": f"{facts.phash:016x}",
            "near_duplicate_of": facts.near_duplicate_of,
            "near_duplicate_bits": facts.near_duplicate_bits,
        }
        self._check(record)
        self.batch.append(Incoming(record.model_copy(update=said), arrived.part if arrived else None))

    def _new(self, arrived: Arrived) -> Facts:
        near = self._near(arrived.phash)
        return Facts(0, 0, arrived.bytes, arrived.sha256, arrived.phash, *(near or (None, None)))

    def _here(self, image_id: str) -> Facts | None:
        known = here(self.store, image_id)
        return facts_of(self.store.records(known, 1)[-1]) if known else None

    def _near(self, value: int) -> tuple[str, int] | None:
        """The nearest picture that is the first of its kind, of this box or another, and in how many bits it differs."""
        firsts = [each.record for each in self.batch if each.temp and each.record.near_duplicate_of is None]
        waiting = nearest(value, ((n, int(record.phash, 16)) for n, record in enumerate(firsts)), NEAR_BITS)
        found = self.store.index.near.nearest(value, NEAR_BITS)
        if found and (waiting is None or found[0] <= waiting[0]):
            return self.store.index.numbered(found[1]).id, found[0]
        return (firsts[waiting[1]].image_id, waiting[0]) if waiting else None

    def _label(self, label: Annotation, record: Record) -> Annotation:
        bbox = cut(label.bbox, record.width, record.height)
        if bbox is None:
            raise ProtocolError(f"{self.device}: record {record.id} has a box that is not in its picture: {label.bbox}")
        check_name(label.category_name, "class")
        return label.model_copy(update={"bbox": bbox, "category_id": self.store.classes.number(label.category_name)})

    def _check(self, record: Record) -> None:
        if len(record.labels) > MOST_LABELS:
            raise ProtocolError(f"{self.device}: record {record.id} has {len(record.labels)} boxes; at most {MOST_LABELS} are taken")
        for name in record.exhaustive_for:
            check_name(name, "exhaustive_for")


def here(store: Store, image_id: str) -> Known | None:
    """A picture that need not be fetched: it is in the data set, and so is its file."""
    known = store.known(image_id)
    return known if known and store.layout.image(image_id).exists() else None


def received_id(device: str, record: Record) -> UUID:
    """The same for the same record fetched again; two boxes that saw one film have said two things."""
    return record_id("", "received", device, str(record.id))


def session_of(device: str, session: str) -> str:
    """Sessions of two boxes are two, whatever they are called."""
    name = f"{device}:{session}"
    return name if len(name) <= LONGEST_SESSION else f"{name[: LONGEST_SESSION - 17]}-{sha256(name.encode()).hexdigest()[:16]}"


def wanted(store: Store, device: str, records: Sequence[Record]) -> dict[str, Record]:
    """Pictures that have to be fetched for these records: those we do not have."""
    missing: dict[str, Record] = {}
    for record in records:
        if store.index.has_record(received_id(device, record).bytes) or record.image_id in missing:
            continue
        if here(store, record.image_id) is None:
            missing[record.image_id] = record
    return missing
