"""Orders: which assignment this box is at: what comes is judged, written down with its floor in one commit, and found again after a cut."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import get_args

from pydantic import JsonValue, ValidationError

from contracts.envelope import first_fault
from contracts.update import Assignment, AssignmentKeys, SignedAssignment, UpdateCode, UpdateState
from contracts.wire import utc_from_ns, utc_text
from device.clock import Clock
from device.update.assigned import Recipient, admit, sequence_of, vouched
from device.update.floors import Floors
from device.update.ledger import ENDED, Ledger, Row
from device.update.refusal import Refusal
from device.update.state import State, put_word

log = logging.getLogger(__name__)
ASSIGNMENT, KEYS, VERDICT = "assignment", "assignment-keys", "verdict"


@dataclass(frozen=True, slots=True)
class Work:
    """An assignment that was accepted and is not at its end."""

    number: int  # of its first row
    assignment: Assignment
    state: UpdateState


class Orders:
    """`provisioned` are the keys that came with the box; newer ones that a release brought take their place."""

    def __init__(self, state: State, floors: Floors, ledger: Ledger, clock: Clock, to: Recipient, provisioned: AssignmentKeys) -> None:
        self._state, self._floors, self._ledger, self._clock = state, floors, ledger, clock
        self._to, self._provisioned = to, provisioned
        self._raw = state.word(ASSIGNMENT)
        self._let_go_of_what_cannot_be_read()

    @property
    def keys(self) -> AssignmentKeys:
        """Refusal where the newer list cannot be read: the provisioned one is not believed in its place, which may have ended one of it."""
        kept = self._state.word(KEYS)
        if kept is None or 0 < _version_of(kept) <= self._provisioned.version:
            return self._provisioned
        try:
            return AssignmentKeys.model_validate_json(kept)
        except ValidationError as error:
            mend = "update the software, or exchange the assignment key at the trainer (`keys rotate assignment`)"
            raise Refusal("E_SIG", f"who may assign: this version cannot read the list it keeps ({first_fault(error)}); {mend}") from error

    @property
    def version(self) -> int:
        """Of that list, whether it can be read or not."""
        return max(self._provisioned.version, _version_of(self._state.word(KEYS) or ""))

    def learn(self, keys: AssignmentKeys | None) -> bool:
        """From verified targets; whether they are new. Never an older list."""
        if keys is None or keys.version <= self.version:
            return False
        with self._state.writing() as connection:
            put_word(connection, KEYS, keys.model_dump_json())
        return True

    def take(self, raw: bytes) -> Assignment | None:
        """The assignment, accepted for good; None when it is the one that is at work or was the last. Refusal for any other."""
        if self._raw is not None and raw == self._raw.encode():
            return None
        keys = self.keys
        read = vouched(raw, keys)
        if self._raw is not None and read.payload == self._payload():
            return None  # signed anew, by a key that took the place of another
        assignment, text = read.assignment, raw.decode()
        keyids = [key.keyid for key in keys.keys]
        admit(assignment, self._to, self._floors.versions(), keyids, self._floors.now(self._clock))
        with self._state.writing() as connection:
            last = self._ledger.newest(connection)
            if last is not None and last.state not in ENDED:
                words = f"given up: assignment {assignment.seq} for {assignment.device or assignment.cohort} came"
                self._ledger.write(connection, last.work, "rejected", None, self._body(words))
            self._floors.rise_with(connection, {sequence_of(assignment, keyid): assignment.seq for keyid in read.keyids})
            put_word(connection, ASSIGNMENT, text)
            self._ledger.begin(self._body("", assignment), connection)
        self._raw = text
        return assignment

    def current(self) -> Work | None:
        """What is to be done or gone on with; what was decided once is not judged again."""
        row = self._ledger.last()
        if row is None or row.state in ENDED:
            return None
        return Work(row.work, self._assignment(), row.state)

    def last(self) -> tuple[Row, Assignment] | None:
        """The newest row with the assignment it belongs to."""
        row = self._ledger.last()
        return None if row is None or self._raw is None else (row, self._assignment())

    def note(self, work: Work, state: UpdateState, code: UpdateCode | None = None, words: str = "") -> Work:
        """A step, on the disk when this returns."""
        self._ledger.add(work.number, state, code, self._body(words))
        return Work(work.number, work.assignment, state)

    def _let_go_of_what_cannot_be_read(self) -> None:
        """A newer version wrote it, and the box went back to this one: it keeps the box neither from starting nor from what comes next."""
        row = self._ledger.last()
        if row is None:
            return
        try:
            self._assignment()
            if row.state in get_args(UpdateState):
                return
            why = f"nobody here knows its state {row.state!r}"
        except ValidationError as error:
            why = str(error.errors()[0]["msg"])
        self._raw = None
        words = f"given up: this version cannot read the assignment that is kept ({why}); assign anew"
        log.warning(words)
        if row.state not in ENDED:
            self._ledger.add(row.work, "rejected", None, self._body(words))

    def _assignment(self) -> Assignment:
        return Assignment.model_validate_json(self._payload())

    def _payload(self) -> str:
        """What was signed, taken out as it was when it was verified."""
        return SignedAssignment.model_validate_json(self._raw or "{}").payload

    def _body(self, words: str, assignment: Assignment | None = None) -> dict[str, JsonValue]:
        body: dict[str, JsonValue] = {"at": utc_text(utc_from_ns(self._clock.wall_ns())), "words": words}
        if assignment is not None:
            body |= assignment.model_dump(mode="json", include={"device", "cohort", "seq", "rollout", "model", "mode", "config"})
        return body


def _version_of(text: str) -> int:
    """As far as a list of keys says it; 0 where it does not, so that the next verified one takes its place."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return 0
    number = said.get("version") if isinstance(said, dict) else None
    return number if type(number) is int else 0
