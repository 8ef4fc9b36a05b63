"""Trial of a configuration: put in force by a restart, looked at, kept or taken back; every step is on the disk before it is taken."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import Field, ValidationError

from contracts.bundle import HEX64
from contracts.dsse import DIGEST
from contracts.files import storage
from contracts.update import ConfigRevision
from contracts.wire import Wire
from device.clock import Clock
from device.update.config_options import ConfigOptions
from device.update.config_slots import Revisions
from device.update.config_starts import Starts
from device.update.refusal import Refusal
from device.update.slots import Slots
from device.update.state import State, put_word
from device.update.vitals import Vitals, hopeless, unseen, worse

MARK = "config-trial"  # the word under which a trial is kept
ROUND_S = 0.2
SAY_NS = 1_000_000_000
LONGEST_START_S = 60.0  # until a camera that says nothing is taken for one that is away


class Restarting(Exception):
    """The box restarts with what is linked now; the work is gone on with then."""


class Mark(Wire):
    """What the process after the restart must know."""

    work: int
    digest: str = Field(pattern=HEX64)
    model_before: str | None = Field(default=None, pattern=DIGEST, description="that this same assignment replaced")
    before: Vitals = Vitals()
    ran: bool = Field(default=False, description="a process was started with it: if it is linked no more, somebody took it back")


class Says(Protocol):
    def __call__(self, percent: float | None, words: str, left_s: float | None) -> None: ...


@dataclass(frozen=True)
class Configuring:
    """What configurations need of the box. `running`: the revision that this process was started with."""

    revisions: Revisions
    starts: Starts
    check: Callable[[Path], str]  # what is wrong with a file, in words; takes as long as it takes
    running: str | None
    set_aside: str  # why the revision that is linked is not what runs
    cameras: frozenset[str]
    vitals: Callable[[], Vitals]
    restart: Callable[[], None]
    options: ConfigOptions
    clock: Clock
    died: Callable[[], bool] = lambda: False  # whether this process is about to end by a crash

    def mark(self, state: State) -> Mark | None:
        try:
            return Mark.model_validate_json(state.word(MARK) or "")
        except ValidationError:
            return None

    def settle(self, state: State, slots: Slots, work: int | None) -> None:
        """Before anything else: what is on trial for nobody goes back. Restarting where another is in force then runs."""
        mark = self.mark(state)
        if mark is not None and mark.work == work:
            return
        model_back = False
        with storage(self.revisions.folder):
            if self.revisions.on_trial:
                self.revisions.back()
            if mark is not None:
                model_back = self._model_back(mark, slots)
                _put(state, "")
                self.starts.came_out()
            if work is None:
                self.revisions.collect(self.starts.rejected())
        if model_back or (self.revisions.linked("current") != self.running and not self.set_aside):
            self.restart()
            raise Restarting

    def _model_back(self, mark: Mark, slots: Slots) -> bool:
        """Whoever took the configuration back: the boot guard and the owner have done so before this is called."""
        before = mark.model_before
        if before is None or self.revisions.linked("current") == mark.digest or not slots.has(before) or slots.linked("current") == before:
            return False
        slots.link("current", before)
        return True

    def put_in_force(self, state: State, work: int, revision: ConfigRevision, model_before: str | None, says: Says) -> None:
        """To the end of its trial. Refusal: `settle` takes it back, once the refusal is written down."""
        mark = self.mark(state)
        if mark is None or mark.work != work:
            if self.revisions.linked("good") == revision.sha256 and self.running == revision.sha256:
                return
            mark = self._begun(state, work, revision, model_before, says)
        if words := self.starts.rejects(revision.sha256):
            raise Refusal("E_CRASHLOOP", f"{words}; push another, or allow it with `vedette config use`")
        if self.set_aside:
            raise Refusal("E_CONFIG", f"{revision.target}: cannot be read by this box: {self.set_aside}")
        if mark.ran:
            self._require_linked(revision)
        if self.running != revision.sha256 or self.revisions.linked("current") != revision.sha256:
            with storage(self.revisions.folder):
                self.revisions.link("current", revision.sha256)
            self.restart()
            raise Restarting
        _put(state, mark.model_copy(update={"ran": True}).model_dump_json())
        self._looked_at(mark, revision, says)
        self._require_linked(revision)
        with storage(self.revisions.folder):
            self.revisions.keep()
            self.starts.came_out()

    def _require_linked(self, revision: ConfigRevision) -> None:
        if self.revisions.linked("current") != revision.sha256:
            raise Refusal("E_CONFIG", f"{revision.target}: the owner of this box went back in its trial; push it anew, or leave it")

    def done(self, state: State) -> None:
        """The assignment is at its good end."""
        if self.mark(state) is not None:
            _put(state, "")

    def _begun(self, state: State, work: int, revision: ConfigRevision, model_before: str | None, says: Says) -> Mark:
        """How the box is, once every camera was tried: of one that has just come up nothing can be said."""
        until, rest = self.clock.mono_ns() + int(min(self.options.wait_s, LONGEST_START_S) * 1e9), threading.Event()
        while (before := self.vitals()).starting and self.clock.mono_ns() < until:
            says(None, "waits until every camera was tried", None)
            rest.wait(ROUND_S)
        mark = Mark(work=work, digest=revision.sha256, model_before=model_before, before=before)
        _put(state, mark.model_dump_json())
        return mark

    def _looked_at(self, mark: Mark, revision: ConfigRevision, says: Says) -> None:
        try:
            words = self._watch(mark.before, says)
        except BaseException:
            if not self.died():
                with storage(self.starts.path):
                    self.starts.came_out()
            raise
        if words:
            raise Refusal("E_QUALITY", f"{revision.target}: taken back: {words}; mend it and push it anew")

    def _watch(self, before: Vitals, says: Says) -> str:
        """Nothing when the box was well for as long as it must be, in one piece; else what was not, last."""
        begun_ns, rest = self.clock.mono_ns(), threading.Event()
        well_ns, well, said_ns, words = begun_ns, self.vitals(), 0, ""
        while True:
            rest.wait(ROUND_S)
            now, now_ns = self.vitals(), self.clock.mono_ns()
            found = worse(before, now, self.cameras)
            passed_s = (now_ns - well_ns) / 1e9
            if not found and passed_s >= self.options.trial_s:
                found = unseen(before, well, now, self.cameras)
                if not found:
                    return ""
            if found:
                words, well_ns, well, passed_s = found, now_ns, now, 0.0
            if (over := hopeless(before, now, self.cameras)) or now_ns - begun_ns > (self.options.trial_s + self.options.wait_s) * 1e9:
                return over or words or "it was not well for long enough"
            if now_ns - said_ns >= SAY_NS:
                said_ns = now_ns
                says(100 * min(1.0, passed_s / self.options.trial_s), found, max(0.0, self.options.trial_s - passed_s))


def _put(state: State, text: str) -> None:
    with state.writing() as connection:
        put_word(connection, MARK, text)
