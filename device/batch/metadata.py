"""Metadata: what a document says of the recording as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.batchlog import Gap, Metadata
from contracts.wire import utc_from_ns
from device.batch.index import Facts
from device.batch.recipe import Recipe


def metadata_of(
    recipe: Recipe, facts: Facts, video: str, digest: str, session_type: str, counts: Mapping[str, int], missing: int, now_ns: int
) -> Metadata:
    gaps = [_gap(hole.from_pts_ns, hole.until_pts_ns, hole.reason) for hole in facts.holes]
    if counts["dropped"]:
        gaps.append(_gap(0, facts.end_ns, f"{counts['dropped']} of {counts['offered']} samples gave no picture"))
    if missing:
        gaps.append(_gap(0, facts.end_ns, f"{missing} pictures could not be decoded again"))
    return Metadata(
        video_path=video,
        session_start_time=utc_from_ns(facts.start_wall_ns),
        session_type=session_type,
        video_duration_seconds=facts.end_ns / 1e9,
        total_frames=facts.rows,
        detection_fps=recipe.detection_fps,
        model_version=recipe.model_version,
        processed_at=utc_from_ns(now_ns),
        start_source=facts.start_source,
        start_is_guess=facts.start_source == "mtime",
        source_digest=digest,
        fingerprint=recipe.fingerprint,
        holes=gaps,
    )


def _gap(from_ns: int, until_ns: int, reason: str) -> Gap:
    return Gap(start_offset_seconds=max(0, from_ns) / 1e9, end_offset_seconds=max(0, until_ns) / 1e9, reason=reason)
