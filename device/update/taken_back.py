"""Taken back: what the boot guard did before the box was up, as a row of the ledger."""

from __future__ import annotations

import logging
from contextlib import suppress

from contracts.errors import StorageError
from contracts.wire import utc_from_ns, utc_text
from device.clock import Clock
from device.update.boots import Boots
from device.update.ledger import ENDED, Ledger

log = logging.getLogger(__name__)


def taken_back(boots: Boots, ledger: Ledger, clock: Clock) -> None:
    """What happened before the box was up, as a row: the model in force was taken back by the boot guard."""
    untold, last = boots.untold(), ledger.last()
    if not untold:
        return
    for each in untold:
        log.error("a model was taken back", extra={"model": each.digest, "reason": each.words})
    if last is not None and last.state in ENDED and untold[-1].digest == _model_of(ledger, last.work):
        body = {"at": utc_text(utc_from_ns(clock.wall_ns())), "words": untold[-1].words}
        ledger.add(last.work, "rejected", "E_CRASHLOOP", body)
    with suppress(StorageError):  # told once more at the next start
        boots.told()


def _model_of(ledger: Ledger, work: int) -> str:
    """The digest that an assignment was about."""
    first = next((row for row in ledger.rows() if row.number == work), None)
    model = first.body.get("model") if first else None
    return str(model.get("digest", "")) if isinstance(model, dict) else ""
