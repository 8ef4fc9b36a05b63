"""Registry: which models there are, what the gates said of each, who is the champion, what ran where; nothing is ever rewritten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from contracts.dsse import MAX_ENVELOPE_BYTES
from contracts.errors import BundleError, ConfigError
from contracts.files import rename_durably, write_durably
from contracts.verdict import Verdict
from dataset.layout import read_small
from trainer.clock import Clock, SystemClock, wall_us
from trainer.home import Home
from trainer.registry.checking import Checked, check_bundle
from trainer.registry.keys import public_keys
from trainer.registry.model import Change, Model, changes, entry_of, find, get, last_champion, model_of, refuse_taken, row_of
from trainer.registry.scratch import scratch
from trainer.registry.signing import envelope_path, file_hash
from trainer.registry.stays import Stay, stays
from trainer.registry.titles import require_title
from trainer.registry.verdicts import Kept, bundle_path, keep, read_verdict, verdict_path
from trainer.store.database import Database, poison
from trainer.store.registry_tables import model_events, models
from vision.bundle_write import pack

MOST_WHO, MOST_WHY = 200, 2000
T = TypeVar("T")


class Registry:
    """Several processes may use one; each change is a transaction that begins with a look at what is there."""

    def __init__(self, database: Database, home: Home, clock: Clock | None = None) -> None:
        self._database, self.home, self._clock = database, home, clock or SystemClock()

    def add(self, path: Path, who: str, why: str = "") -> Model:
        """Checked, kept as the one file of its digest, entered once. A verdict in it counts when it is known here or a known key signed."""
        _check_words(who, why)
        trusted = {key.keyid: key for _, key in public_keys(self.home)}
        checked = check_bundle(path, trusted)
        kept, size = self._keep(checked)
        model = entry_of(checked.bundle, (kept, size), wall_us(self._clock))

        def enter(connection: Connection) -> Model:
            there = get(connection, model.digest)
            if there is not None:
                return there
            refuse_taken(connection, model)
            connection.execute(models.insert(), row_of(model))
            self._append(connection, model, "added", who, why)
            return model

        entered = self._write(enter)
        verdict = checked.verdict
        if verdict is not None and (checked.signers or verdict_path(self.home, verdict.sha256).is_file()):
            self._judged(entered, verdict, who)
        return entered

    def judge(self, digest: str, verdict: Path, who: str) -> Kept:
        """ConfigError for a verdict about another model."""
        _check_words(who, "")
        model, kept = self.get(digest), read_verdict(verdict)
        if kept.verdict.candidate not in model.stands_for:
            raise ConfigError(f"{verdict}: is about {kept.verdict.candidate[:80]}, not about {model.digest}; judge this one with `gate`")
        self._judged(model, kept, who)
        return kept

    def crown(self, digest: str, who: str, why: str = "") -> Change:
        """Makes it the champion of its name. ConfigError unless its newest verdict takes the title from who holds it now."""
        _check_words(who, why)
        model = self.get(digest)
        self.file(model)

        def take(connection: Connection) -> Change:
            before = require_title(connection, model)
            if isinstance(before, Change):
                return before
            self._append(connection, model, "champion", who, why, reign=before + 1)
            return changes(connection, model_events.c.name == model.name, model_events.c.reign == before + 1)[0]

        return self._write(take)

    def retire(self, digest: str, who: str, why: str) -> None:
        """It is offered no more; a champion leaves its title to nobody. Boxes keep what they have."""
        _check_words(who, why)
        model = self.get(digest)
        if not why.strip():
            raise ConfigError(f"model {model.name} {model.version}: say why it is retired; that is kept")

        def leave(connection: Connection) -> None:
            if not changes(connection, model_events.c.model == digest, model_events.c.kind == "retired"):
                self._append(connection, model, "retired", who, why)

        self._write(leave)

    def champion(self, name: str) -> Model | None:
        with self._database.read() as connection:
            last, holds = last_champion(connection, name)
            return get(connection, last.model) if last and holds else None

    def get(self, digest: str) -> Model:
        """By the digest, a beginning of it, or name@version. ConfigError: none, or several."""
        with self._database.read() as connection:
            found = find(connection, digest)
        if len(found) != 1:
            what = "no model" if not found else f"{len(found)} models are"
            raise ConfigError(f"model {digest[:100]!r}: {what} known by that, drafts go by digest; see `vedette-trainer models ls`")
        return found[0]

    def models(self, name: str | None = None) -> list[Model]:
        """Newest first."""
        query = select(models).order_by(models.c.added_us.desc(), models.c.digest)
        with self._database.read() as connection:
            return [model_of(row) for row in connection.execute(query if name is None else query.where(models.c.name == name))]

    def history(self, digest: str | None = None, name: str | None = None) -> list[Change]:
        """Of one model, of all of a name, or of everything; oldest first."""
        where = [column == value for column, value in ((model_events.c.model, digest), (model_events.c.name, name)) if value is not None]
        with self._database.read() as connection:
            return changes(connection, *where)

    def verdict(self, digest: str) -> Verdict | None:
        """The newest that was given of it."""
        judged = [each for each in self.history(digest) if each.kind == "judged" and each.verdict]
        return read_verdict(verdict_path(self.home, str(judged[-1].verdict))).verdict if judged else None

    def file(self, model: Model) -> Path:
        """Its zip. BundleError: not there, or not what was entered."""
        path = bundle_path(self.home, model.digest)
        if not path.is_file() or file_hash(path) != (model.file, model.bytes):
            raise BundleError(f"bundle {path}: is not there as it was entered; bring it back, or make it again of the same run")
        return path

    def where(self, digest: str) -> list[Stay]:
        """On which boxes it ran, and when."""
        with self._database.read() as connection:
            return stays(connection, model=digest)

    def ran(self, device: str, at_us: int | None = None) -> list[Stay]:
        """What ran on a box: ever, or at one time."""
        with self._database.read() as connection:
            found = stays(connection, device=device)
        return found if at_us is None else [each for each in found if each.holds(at_us)]

    def _judged(self, model: Model, kept: Kept, who: str) -> None:
        keep(self.home, kept)
        said = kept.verdict

        def enter(connection: Connection) -> None:
            mine = changes(connection, model_events.c.model == model.digest, model_events.c.kind == "judged")
            if mine and mine[-1].verdict == kept.sha256:
                return
            about = {"verdict": kept.sha256, "answer": said.answer}
            title = {"takes_title": int(kept.takes_the_title), "reference": said.champion}
            self._append(connection, model, "judged", who, f"on {said.test_set.root}", **about, **title)
            for override in said.overrides:
                self._append(connection, model, "overridden", override.name, f"{override.rule}: {override.reason}", **about)

        self._write(enter)

    def _append(self, connection: Connection, model: Model, kind: str, who: str, why: str, **more: Any) -> None:
        said = {"model": model.digest, "name": model.name, "kind": kind, "who": who, "why": why, "t_us": wall_us(self._clock)}
        connection.execute(model_events.insert(), {**said, **more})

    def _write(self, change: Callable[[Connection], T]) -> T:
        """Of two at once one waits and looks again: what it then sees is answered in words."""
        for attempt in range(3):
            try:
                with self._database.write() as connection:
                    return change(connection)
            except DBAPIError as error:
                if attempt == 2 or not poison(error):
                    raise
        raise AssertionError("three attempts return or raise")

    def _keep(self, checked: Checked) -> tuple[str, int]:
        """The bundle in its place, with its signature; SHA-256 and size of the file."""
        stored, target = checked.bundle, bundle_path(self.home, checked.bundle.digest)
        with scratch(self.home) as folder:
            packed = pack(stored, folder / "packed.zip")
            kept = file_hash(packed.path)
            if checked.signers and file_hash(stored.path) != kept:
                raise BundleError(f"bundle {stored.path}: is signed, but not written as `bundle make` does; make it again, and sign that")
            if not target.is_file() or file_hash(target) != kept:
                rename_durably(packed.path, target)
        if checked.signers and stored.path.absolute() != target:
            write_durably(envelope_path(target), read_small(envelope_path(stored.path), MAX_ENVELOPE_BYTES))
        return kept


def _check_words(who: str, why: str) -> None:
    for name, text, most in (("who", who, MOST_WHO), ("why", why, MOST_WHY)):
        if len(text) > most or "\0" in text:
            raise ConfigError(f"{name}: at most {most} characters and no NUL; shorten it")
    if not who.strip():
        raise ConfigError("who: says so? give a name, it is kept")
