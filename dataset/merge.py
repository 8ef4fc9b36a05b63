"""Merge: what holds of a picture of which several have said something: a person before a machine, the newest before the older."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.dataset import Annotation, Bbox, Context, Observation, Record, Region

REVIEW = "review"  # the action_type of what a person says of a picture; `action_id` is what was looked at
SAME_IOU = 0.5  # two boxes of one class that overlap so much are of one thing


@dataclass(frozen=True, slots=True)
class Merged:
    annotations: list[Annotation]
    exhaustive_for: list[str]
    ignore: list[Region]
    reviewed: bool


def observation(record: Record) -> Observation:
    """What one line of the manifest says of its picture."""
    return Observation(
        record=record.id,
        action_id=record.action_id,
        source=record.source,
        reviewed=record.reviewed,
        annotations=record.labels,
        exhaustive_for=list(record.exhaustive_for),
        ignore=record.ignore,
        context=context(record),
        reason=record.reason,
        sampling_probability=record.sampling_probability,
    )


def context(record: Record) -> Context:
    return Context(
        action_type=record.action_type, active_states=list(record.active_states), timestamp=record.timestamp, success=record.success
    )


def merged(records: Sequence[Record]) -> Merged:
    """Of the records of one picture in the order of the manifest, newest last.

    Newest first: an older box of the same thing is left out, but a machine's never displaces a person's. Who was exhaustive for a class
    has said all there is of it: older boxes of that class are left out, and where it was a person a machine's of any age.
    A review that was done again counts as it was done last.
    """
    records = _latest(records)
    kept: list[Annotation] = []
    closed: set[str] = set()
    certain = {name for record in records if record.reviewed for name in record.exhaustive_for}
    for record in reversed(records):
        fresh = [each for each in record.labels if each.category_name not in closed and not _told(each, kept)]
        kept += [each for each in fresh if each.verified or each.category_name not in certain]
        closed |= set(record.exhaustive_for)
    people = [each for each in kept if each.verified]
    kept = [each for each in kept if each.verified or not _told(each, people)]
    ignore = next((record.ignore for record in reversed(records) if record.ignore), [])
    return Merged(kept, sorted(closed), ignore, any(record.reviewed for record in records))


def _latest(records: Sequence[Record]) -> list[Record]:
    """Without reviews that were taken back: of one action the newest stands."""
    newest = {record.action_id: record.id for record in records if record.action_type == REVIEW and record.action_id}
    return [record for record in records if record.action_type != REVIEW or newest.get(record.action_id, record.id) == record.id]


def _told(mark: Annotation, others: Sequence[Annotation]) -> bool:
    """Whether one of them is of the same thing and may stand for it."""
    same = (other for other in others if other.category_id == mark.category_id and (other.verified or not mark.verified))
    return any(iou(other.bbox, mark.bbox) >= SAME_IOU for other in same)


def iou(a: Bbox, b: Bbox) -> float:
    """Intersection over union of two boxes given as x, y, width, height."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(0.0, width) * max(0.0, height)
    union = a[2] * a[3] + b[2] * b[3] - common
    return common / union if union > 0 else 0.0
