"""Model: a bundle as the registry knows it, and each thing that was decided of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from contracts.bundle import Bundle
from contracts.errors import ConfigError
from trainer.store.registry_tables import model_events, models
from vision.bundle import StoredBundle


@dataclass(frozen=True)
class Model:
    digest: str  # as events, verdicts and boxes have it
    name: str
    version: str
    task: str
    draft: bool
    file: str  # SHA-256 of the zip
    bytes: int
    parent: str | None
    data_root: str | None
    split_root: str | None
    run: str
    licence: str
    verdict: str | None  # SHA-256 of the one in the bundle
    card: str
    manifest: str  # bundle.json
    added_us: int

    @property
    def bundle(self) -> Bundle:
        return Bundle.model_validate_json(self.manifest)

    @property
    def stands_for(self) -> frozenset[str]:
        """Digests under which this very network was judged: its own, and that of its draft."""
        lineage = self.bundle.lineage
        return frozenset({self.digest, lineage.judged} - {None}) if lineage else frozenset({self.digest})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Change:
    """A row of the history. `reference`: the champion that a verdict compared with."""

    number: int
    model: str
    name: str
    kind: str  # added, judged, overridden, champion, retired
    who: str
    why: str
    t_us: int
    verdict: str | None
    answer: str | None
    takes_title: bool | None
    reference: str | None
    reign: int | None


def row_of(model: Model) -> dict[str, Any]:
    """For the table."""
    said = {name: getattr(model, name) for name in Model.__dataclass_fields__ if name != "draft"}
    return {**said, "release": None if model.draft else f"{model.name}@{model.version}"}


def model_of(row: Row[Any]) -> Model:
    known = {name: value for name, value in row._mapping.items() if name in Model.__dataclass_fields__}
    return Model(**known, draft=row.release is None)


def change_of(row: Row[Any]) -> Change:
    known = {name: value for name, value in row._mapping.items() if name in Change.__dataclass_fields__}
    return Change(**{**known, "takes_title": None if row.takes_title is None else bool(row.takes_title)})


def get(connection: Connection, digest: str) -> Model | None:
    row = connection.execute(select(models).where(models.c.digest == digest)).first()
    return model_of(row) if row else None


def changes(connection: Connection, *where: Any) -> list[Change]:
    """Oldest first."""
    return [change_of(row) for row in connection.execute(select(model_events).where(*where).order_by(model_events.c.number))]


def last_champion(connection: Connection, name: str) -> tuple[Change | None, bool]:
    """The last to take the title of a name, and whether it still holds it: not when it was retired since."""
    taken = changes(connection, model_events.c.name == name, model_events.c.kind == "champion")
    if not taken:
        return None, False
    last = taken[-1]
    after = (model_events.c.model == last.model, model_events.c.kind == "retired", model_events.c.number > last.number)
    return last, not changes(connection, *after)


def entry_of(stored: StoredBundle, file: tuple[str, int], added_us: int) -> Model:
    """What is entered of a bundle whose zip has that SHA-256 and size."""
    manifest = stored.manifest
    lineage = manifest.lineage
    card = next((stored.read(entry.path).decode("utf-8", "replace") for entry in manifest.files if entry.path == "CARD.md"), "")
    return Model(
        digest=stored.digest,
        name=manifest.name,
        version=manifest.version,
        task=manifest.task,
        draft=manifest.draft,
        file=file[0],
        bytes=file[1],
        parent=manifest.parent,
        data_root=manifest.dataset,
        split_root=lineage.split if lineage else None,
        run=lineage.run if lineage else "",
        licence=manifest.license[:200],
        verdict=lineage.verdict_sha256 if lineage else None,
        card=card.replace("\0", ""),
        manifest=manifest.model_dump_json(),
        added_us=added_us,
    )


def find(connection: Connection, text: str) -> list[Model]:
    """By digest, a beginning of one, or name@version."""
    name, _, version = text.partition("@")
    if "\0" in text:  # which PostgreSQL holds in no text
        return []
    if version:
        return [model_of(row) for row in connection.execute(select(models).where(models.c.release == f"{name}@{version}"))]
    hexadecimal = text.removeprefix("sha256:").lower()
    if len(hexadecimal) < 4 or not set(hexadecimal) <= set("0123456789abcdef"):
        return []
    query = select(models).where(models.c.digest.like(f"sha256:{hexadecimal}%")).limit(5)
    return [model_of(row) for row in connection.execute(query)]


def refuse_taken(connection: Connection, model: Model) -> None:
    """A name and a version are one bundle, for ever."""
    if model.draft:
        return
    release = f"{model.name}@{model.version}"
    there = connection.execute(select(models.c.digest).where(models.c.release == release)).scalar()
    if there is not None:
        raise ConfigError(f"model {model.name} {model.version}: is {there} already, and stays it; make this one with another --version")
