"""Totals: `metadata.json`, made out of the index whenever it is asked for; deterministic, so the same records give the same bytes."""

from __future__ import annotations

from datetime import timedelta

from contracts.dataset import Metadata, Statistics
from contracts.files import write_durably
from dataset.records import EPOCH
from dataset.store import Store

PICTURES = "SELECT count(*), sum(boxes), sum(bytes) FROM images WHERE removed = 0"
SESSIONS = "SELECT count(*), sum(last_us - first_us), min(first_us) FROM sessions"
SKIPPED, KEPT = "skipped:", "kept:"


def totals(store: Store, description: str = "") -> Metadata:
    counts = store.index.counts()
    images, boxes, image_bytes = store.index.count(PICTURES)
    sessions, span_us, first_us = store.index.count(SESSIONS)
    records, skipped = counts.get("records", 0), _by_reason(counts, SKIPPED)
    categories = store.classes.categories
    return Metadata(
        dataset_version=f"{store.classes.major}.{len(categories)}.{records}",
        created=EPOCH + timedelta(microseconds=first_us) if records else None,
        total_images=images,
        total_annotations=boxes,
        category_map={each.name: each.id for each in categories},
        categories=categories,
        statistics=Statistics(
            total_records_processed=records + sum(skipped.values()),
            records_with_screenshots=records,
            records_with_matches=counts.get("matches", 0),
            records_with_clicks=counts.get("clicks", 0),
            skipped_records=sum(skipped.values()),
            export_time_seconds=round(span_us / 1e6, 6),
            skipped_by_reason=skipped,
            kept_by_reason=_by_reason(counts, KEPT),
            sessions=sessions,
            removed_images=store.index.count("SELECT count(*) FROM images WHERE removed = 1")[0],
            near_duplicates=counts.get("near", 0),
            image_bytes=image_bytes,
        ),
        format="vedette-dataset",
        description=description,
    )


def write_totals(store: Store, description: str = "") -> Metadata:
    """`metadata.json`, whole or as it was."""
    made = totals(store, description)
    write_durably(store.layout.metadata, made.model_dump_json(indent=1).encode() + b"\n")
    return made


def _by_reason(counts: dict[str, int], kind: str) -> dict[str, int]:
    return {name.removeprefix(kind): n for name, n in sorted(counts.items()) if name.startswith(kind)}
