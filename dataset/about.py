"""About: what a picture was kept for, what is known of the picture itself, and the manifest's record that is made of the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.dataset import Annotation, Record, Region


@dataclass(frozen=True, slots=True)
class About:
    """What a picture was kept for. `exhaustive_for` names the classes of which every instance in it is marked."""

    timestamp: datetime
    source: str
    action_type: str = "sample"
    action_id: str = ""
    active_states: tuple[str, ...] = ()
    success: bool | None = None
    reviewed: bool = False
    exhaustive_for: tuple[str, ...] = ()
    ignore: tuple[Region, ...] = ()
    reason: str = ""
    sampling_probability: float = 1.0
    session: str = ""
    pts_ns: int | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """`refused` says why nothing was kept; empty: it was, or it was there already (`repeated`)."""

    record: UUID | None
    image_id: str
    is_new: bool = False
    bytes: int = 0  # that the picture takes; 0: it was there
    near_duplicate_of: str | None = None
    repeated: bool = False
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a picture's file, the same in every record of it."""

    width: int
    height: int
    bytes: int
    sha256: str
    phash: int
    near_duplicate_of: str | None
    near_duplicate_bits: int | None


def facts_of(known: Record) -> Facts:
    near = known.near_duplicate_of, known.near_duplicate_bits
    return Facts(known.width, known.height, known.bytes, known.sha256, int(known.phash, 16), *near)


def record(
    identity: UUID,
    image_id: str,
    facts: Facts,
    labels: Sequence[Annotation],
    ignore: Sequence[Region],
    about: About,
    *,
    is_new: bool,
    skipped: Mapping[str, int],
) -> Record:
    return Record(
        id=identity,
        image=f"images/{image_id}.png",
        annotations=f"annotations/{image_id}.json",
        action_id=about.action_id,
        action_type=about.action_type,
        timestamp=about.timestamp,
        active_states=list(about.active_states),
        source=about.source,
        is_new=is_new,
        reviewed=about.reviewed,
        v=1,
        image_id=image_id,
        width=facts.width,
        height=facts.height,
        bytes=facts.bytes,
        sha256=facts.sha256,
        phash=f"{facts.phash:016x}",
        near_duplicate_of=facts.near_duplicate_of,
        near_duplicate_bits=facts.near_duplicate_bits,
        labels=list(labels),
        exhaustive_for=list(about.exhaustive_for),
        ignore=list(ignore),
        success=about.success,
        reason=about.reason,
        sampling_probability=about.sampling_probability,
        session=about.session,
        pts_ns=about.pts_ns,
        model=about.model,
        skipped_before=dict(sorted(skipped.items())),
    )
