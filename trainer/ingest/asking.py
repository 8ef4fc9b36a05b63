"""Asking: numbers that did not come are asked for, by the command `resend`; answered, doubled pauses, given up in the end, all kept."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from broker.letters import Letter
from contracts.command import Command, Reply
from contracts.topics import Topics, reserved
from trainer.ingest.boxes import Box, Boxes, write_lost
from trainer.ingest.options import Options
from trainer.ingest.sequences import Gap

EACH_ROUND = 50  # questions of one round: a fleet that comes back at once is asked in turn
REMEMBERED = 10_000  # questions that may be answered
EXPIRY_S = 60
UNKNOWN = "the box's software cannot send again"


@dataclass(frozen=True, slots=True)
class Question:
    box: str
    first: int
    last: int


class Asking:
    """For the ingest's thread. What it changes of a box is written by whoever writes next; `step` says which boxes."""

    def __init__(self, options: Options, boxes: Boxes, counts: Counter[str], new_id: Callable[[], str]) -> None:
        self._options, self._boxes, self._counts, self._new_id = options, boxes, counts, new_id
        self._open: OrderedDict[str, Question] = OrderedDict()
        self._more: dict[str, int] = {}  # box -> where an answer said to go on

    def due(self, now_us: int) -> Iterator[tuple[Box, Gap]]:
        """Gaps to ask for now, of boxes that are there; one of before, whose name is somebody else's at the broker now, cannot be asked."""
        for box in self._boxes.by_name.values():
            if box.sequence.gaps and box.there(now_us) and not reserved(box.name):
                yield from ((box, gap) for gap in list(box.sequence.gaps) if self._is_due(box, gap, now_us))

    def _is_due(self, box: Box, gap: Gap, now_us: int) -> bool:
        if gap.first <= self._more.get(box.name, -1) <= gap.last:
            return True
        wait_s = self._options.ask_after_s
        if gap.asked_us is None:
            return now_us - gap.seen_us >= wait_s * 1e6
        pause_s = min(self._options.ask_again_max_s, max(1.0, wait_s) * (1 << min(gap.asked, 30)))
        return now_us - gap.asked_us >= pause_s * 1e6

    def step(self, connection: Connection, now_us: int) -> list[Letter]:
        """Questions that are due, noted as asked; what was asked for too often is given up."""
        letters: list[Letter] = []
        touched: dict[str, Box] = {}
        for box, gap in self.due(now_us):
            if len(letters) >= EACH_ROUND:
                break
            touched[box.name] = box
            if gap.asked >= self._options.asks:
                words = f"asked for {gap.asked} times without an answer"
                write_lost(connection, box, box.sequence.gone(gap.first, gap.last), "given_up", words, now_us)
                self._counts["gaps.given_up"] += 1
                continue
            again = self._more.pop(box.name, None) is not None
            box.sequence.asked(gap, now_us, again=again)
            letters.append(self._question(box, gap))
        self._boxes.save(connection, list(touched.values()), now_us)
        return letters

    def _question(self, box: Box, gap: Gap) -> Letter:
        identity = self._new_id()
        self._open[identity] = Question(box.name, gap.first, gap.last)
        while len(self._open) > REMEMBERED:
            self._open.popitem(last=False)
        self._counts["asked"] += 1
        topics = Topics(box.name)
        command = Command(id=identity, cmd="resend", args={"first": gap.first, "last": gap.last})
        answer = f"{topics.up('res')}/{self._options.client_id}"
        said = command.model_dump_json().encode()
        return Letter(topics.dn("cmd"), said, expiry_s=EXPIRY_S, response=answer, correlation=identity.encode())

    def answered(self, connection: Connection, box: Box, reply: Reply, now_us: int) -> None:
        """Only what was asked is answered: numbers beyond the question are nobody's to take away."""
        question = self._open.pop(reply.id or "", None)
        if question is None or question.box != box.name:
            self._counts["refused.answer"] += 1
            return
        if reply.code == "E_UNKNOWN":
            lost = box.sequence.gone(question.first, question.last)
            write_lost(connection, box, lost, "gone", UNKNOWN, now_us)
        if not reply.ok:
            self._counts[f"asked.{reply.code or 'failed'}"[:32]] += 1
            return
        for first, last in _gone(reply, question):
            lost = box.sequence.gone(first, last)
            self._counts["gaps.gone"] += len(lost)
            write_lost(connection, box, lost, "gone", "the box has them no more", now_us)
        following = reply.data.get("next")
        if isinstance(following, int) and question.first < following <= question.last:
            self._more[box.name] = following


def _gone(reply: Reply, question: Question) -> Iterator[tuple[int, int]]:
    """From-to pairs of the answer, inside of what was asked; and what is beyond the box's last number."""
    pairs = reply.data.get("gone")
    for pair in pairs[:1000] if isinstance(pairs, list) else ():
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(each, int) for each in pair):
            first, last = max(question.first, int(str(pair[0]))), min(question.last, int(str(pair[1])))
            if first <= last:
                yield first, last
    newest = reply.data.get("last_seq")
    if isinstance(newest, int) and newest < question.last:
        yield max(question.first, newest + 1), question.last
