"""Words: bundles, models and their history as lines for people."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence

from contracts.wire import utc_from_ns
from trainer.judge.told import table
from trainer.registry.checking import Checked
from trainer.registry.model import Change, Model
from trainer.registry.stays import Stay
from vision.bundle import StoredBundle

SHORT = 19  # letters of a digest: sha256: and twelve


class Saying:
    """Tells a terminal how far long work is."""

    def progress(self, done: float, said: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{done:4.0%}  {said[:100]}{chr(10) if done >= 1 else ''}")
            sys.stderr.flush()

    def stopped(self) -> bool:
        return False


def told_bundle(stored: StoredBundle) -> str:
    """The manifest in short, then the card."""
    said, lineage = stored.manifest, stored.manifest.lineage
    height, width = said.input.size
    lines = [
        f"{said.name} {said.version}{'  DRAFT' if said.draft else ''}",
        f"  digest  {stored.digest}",
        f"  model   {said.model.size} bytes, {len(said.chunks)} chunks, {said.head.kind}, {width}x{height}; needs {_pairs(said.needs)}",
        f"  finds   {', '.join(said.labels)}",
        f"  parent  {said.parent or 'none'}",
        f"  data    {said.dataset or 'not known'}",
        f"  licence {said.license or 'not stated'}",
        f"  golden  {', '.join(golden.image for golden in said.golden) or 'none'}",
    ]
    lines += [f"  gates   {gate.get('rule')}: {gate.get('answer')}" for gate in said.gates]
    if lineage and lineage.judged:
        lines.append(f"  judged  as {lineage.judged}")
    card = next((entry.path for entry in said.files if entry.path == "CARD.md"), None)
    return "\n".join([*lines, "", stored.read(card).decode("utf-8", "replace") if card else "It has no card."])


def told_checked(checked: Checked, who: Sequence[str]) -> str:
    said = checked.bundle.manifest
    lines = [f"{said.name} {said.version}{'  DRAFT' if said.draft else ''}: in order", f"  digest  {checked.bundle.digest}"]
    lines.append(f"  golden  {checked.golden} answers as promised" if checked.golden else "  golden  none; it is a draft")
    lines.append(f"  signed  by {', '.join(who)}" if who else "  signed  by nobody")
    lines.append(f"  gates   {checked.verdict.verdict.answer}" if checked.verdict else "  gates   no verdict in it")
    return "\n".join(lines)


def told_models(models: Sequence[Model], champions: frozenset[str], answers: dict[str, str]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = []
    for model in models:
        state = "champion" if model.digest in champions else "draft" if model.draft else answers.get(model.digest, "not judged")
        rows.append((model.name, model.version, model.digest[:SHORT], state, at(model.added_us), model.licence or "not stated"))
    yield from table(("name", "version", "digest", "state", "added", "licence"), rows)


def told_history(history: Sequence[Change]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [(at(each.t_us), each.name, each.model[:SHORT], _what(each), each.who, each.why) for each in history]
    yield from table(("when", "name", "model", "what", "who", "why"), rows)


def told_stays(found: Sequence[Stay], names: dict[str, str]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = []
    for stay in found:
        until = "" if stay.to_us is None else at(stay.to_us)
        who = names.get(stay.model, stay.model[:SHORT])
        rows.append((stay.device, who, at(stay.from_us), until, at(stay.seen_us), "" if stay.main else "beside another"))
    yield from table(("box", "model", "from", "to", "last seen", ""), rows)


def at(t_us: int) -> str:
    return f"{utc_from_ns(t_us * 1000):%Y-%m-%d %H:%M:%S}"


def _what(change: Change) -> str:
    if change.kind == "judged":
        return f"judged: {change.answer}{', takes the title' if change.takes_title else ''}"
    return f"champion {change.reign}" if change.kind == "champion" else change.kind


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
