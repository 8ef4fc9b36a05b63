"""Reports: what the box says of its update, built from the ledger and sent when something is new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from contracts.update import Assignment, Figures, RefusedMessage, SignedReceipt, UpdateCode, UpdateReport, UpdateState
from contracts.wire import utc_from_ns
from device.clock import Clock
from device.update.ledger import Ledger
from device.update.refusal import MAX_WORDS, Refusal
from device.update.slots import Slots

EVERY_NS = 2_000_000_000  # between two that differ in figures alone


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the box is."""

    state: UpdateState = "committed"
    code: UpdateCode | None = None
    words: str = ""
    assignment: Assignment | None = None
    percent: float | None = None
    bytes: int | None = None
    left_s: float | None = None
    figures: Figures | None = None
    receipt: SignedReceipt | None = None


class Reports:
    """`post` gets each report that is worth sending; a retained one stands for all before it."""

    def __init__(
        self, post: Callable[[UpdateReport], None], ledger: Ledger, slots: Slots, clock: Clock,
        configured: Callable[[], str | None] = lambda: None,
    ) -> None:  # fmt: skip
        self._configured = configured  # the revision that is in force
        self._post, self._ledger, self._slots, self._clock = post, ledger, slots, clock
        self._standing = Standing()
        self._refused: RefusedMessage | None = None
        self._sent_ns: int | None = None

    @property
    def standing(self) -> Standing:
        return self._standing

    def say(self, standing: Standing) -> None:
        before, self._standing = self._standing, standing
        told = replace(before, percent=None, bytes=None, left_s=None), replace(standing, percent=None, bytes=None, left_s=None)
        new = told[0] != told[1]
        if new or self._sent_ns is None or self._clock.mono_ns() - self._sent_ns >= EVERY_NS:
            self.send()

    def refuse(self, refusal: Refusal) -> None:
        self._refused = RefusedMessage(code=refusal.code, words=str(refusal), at=utc_from_ns(self._clock.wall_ns()))
        self.send()

    def send(self) -> None:
        self._sent_ns = self._clock.mono_ns()
        self._post(self.report())

    def report(self) -> UpdateReport:
        now, assignment = self._standing, self._standing.assignment
        model = assignment.model if assignment else None
        config = assignment.config if assignment else None
        return UpdateReport(
            state=now.state, code=now.code, words=now.words[:MAX_WORDS], model=model.digest if model else None,
            name=model.name if model else None, version=model.version if model else None,
            rollout=assignment.rollout if assignment else None, seq=assignment.seq if assignment else None,
            percent=now.percent, bytes=now.bytes, left_s=now.left_s, at=utc_from_ns(self._clock.wall_ns()),
            current=self._slots.linked("current"), config=config.sha256 if config else None, config_rev=config.rev if config else None,
            config_current=self._configured(), figures=now.figures, receipt=now.receipt, refused=self._refused,
            head=self._ledger.head(),
        )  # fmt: skip
