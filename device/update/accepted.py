"""Accepted: the receipt of what came to its end here, the same at each time it is told: a trainer believes nothing else."""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError

from contracts.update import Assignment, Figures, Receipt, SignedReceipt
from contracts.wire import utc_from_ns
from device.update.ledger import Row
from device.update.orders import VERDICT
from device.update.parts import Parts
from device.update.reports import Standing
from device.update.state import State


def committed(number: int, assignment: Assignment, words: str, at: datetime, parts: Parts) -> Standing:
    """The row that says so is the newest; `number` is that of its work."""
    figures = _figures(number, parts.state)
    return Standing("committed", None, words, assignment, figures=figures, receipt=_receipt(assignment, figures, at, parts))


def standing_of(row: Row, assignment: Assignment, parts: Parts) -> Standing:
    """What was said last, to be said again after a start: whoever was away then has not heard it."""
    words = str(row.body.get("words", ""))
    if row.state != "committed":
        return Standing(row.state, row.code, words, assignment)
    try:
        at = datetime.fromisoformat(str(row.body.get("at", "")).replace("Z", "+00:00"))
    except ValueError:  # of a version that wrote it otherwise
        at = utc_from_ns(parts.clock.wall_ns())
    return committed(row.work, assignment, words, at, parts)


def _receipt(assignment: Assignment, figures: Figures, at: datetime, parts: Parts) -> SignedReceipt | None:
    """None where nothing was accepted: the box keeps what it has."""
    if assignment.model is None and assignment.config is None:
        return None
    return parts.identity.sign(
        Receipt(
            device=parts.device, model=assignment.model, config=assignment.config, rollout=assignment.rollout, seq=assignment.seq,
            accepted=at, backend=parts.backend, figures=figures, head=parts.ledger.head(),
        )
    )  # fmt: skip


def _figures(number: int, state: State) -> Figures:
    """Of the verdict on this very work."""
    of, _, text = (state.word(VERDICT) or "").partition(" ")
    try:
        return Figures.model_validate_json(text) if of == str(number) else Figures()
    except ValidationError:  # a newer version wrote more than this one knows
        return Figures()
