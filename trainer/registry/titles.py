"""Titles: who may become the champion of a name: one whose verdict takes the title from who holds it then, and that boxes took."""

from __future__ import annotations

from sqlalchemy import Connection

from contracts.errors import ConfigError
from contracts.wire import utc_from_ns, utc_text
from trainer.registry.acceptance import require_accepted
from trainer.registry.model import Change, Model, changes, get, last_champion
from trainer.store.registry_tables import model_events


def require_title(connection: Connection, model: Model) -> int | Change:
    """The number of reigns before; or the reign itself, when it is the champion already. ConfigError says what stands in the way."""
    who = f"model {model.name} {model.version}"
    last, holds = last_champion(connection, model.name)
    if last is not None and holds and last.model == model.digest:
        return last
    if model.draft:
        raise ConfigError(f"{who}: is a draft; make the bundle with the verdict that passes, and add that")
    mine = changes(connection, model_events.c.model == model.digest)
    if any(each.kind == "retired" for each in mine):
        raise ConfigError(f"{who}: was retired and comes back no more; make a new version")
    judged = [each for each in mine if each.kind == "judged"]
    if not judged:
        raise ConfigError(f"{who}: no verdict of it is known here; `vedette-trainer models judge {model.digest[:19]} --verdict FILE`")
    if not judged[-1].takes_title:
        why = "the champion gives way only to one that is better beyond doubt"
        raise ConfigError(f"{who}: its verdict ({judged[-1].answer}) does not take the title; {why}")
    _require_reference(connection, who, judged[-1], last if holds else None, last)
    require_accepted(connection, model)
    return 0 if last is None else last.reign or 0


def _require_reference(connection: Connection, who: str, judged: Change, holder: Change | None, last: Change | None) -> None:
    """A verdict against another than today's champion says nothing of today: ten small losses would add up, and two at once both win."""
    accepted: set[str | None] = {None} if holder is None else set()
    for each in (holder, last):
        there = get(connection, each.model) if each else None
        accepted |= set(there.stands_for) if there else set()
    if judged.reference in accepted:
        return
    if holder is None:
        raise ConfigError(f"{who}: was judged against {judged.reference}, and nobody holds the title now; judge it without --champion")
    since = utc_text(utc_from_ns(holder.t_us * 1000))
    asked = f"was judged against {judged.reference}" if judged.reference else "was judged against no champion"
    raise ConfigError(f"{who}: {asked}, but {holder.model} is the champion since {since} (by {holder.who}); judge it against that one")
