"""Commands: what dn/cmd asks for is checked, done once, and answered."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import JsonValue

from broker.letters import Incoming, Letter
from contracts.command import Command, Reply, read_command
from contracts.envelope import VersionError
from contracts.errors import ProtocolError, StorageError, VedetteError
from contracts.files import write_durably
from contracts.topics import Topics
from contracts.wire import utc_from_ns
from device.pipeline.board import Board
from device.pipeline.channel import Channel
from device.pipeline.protocols import Tick
from device.pipeline.sqlite_file import PRIVATE
from device.pipeline.tally import Tally
from device.publish.notices import Notices
from device.publish.pace import Pace
from device.publish.stamp import Stamp

log = logging.getLogger(__name__)

Handler = Callable[[Mapping[str, JsonValue]], Mapping[str, JsonValue]]
PART = "commands"
REMEMBERED = 256
QUEUE = 16
EXPIRY = timedelta(seconds=60)
AHEAD = timedelta(seconds=60)  # clocks that are both set differ by less
PER_MINUTE, BURST = 60.0, 30  # each command that is let in is written down twice, before and after
REPLY_EXPIRY_S = 60
MAX_DETAIL = 1000  # characters of an answer's words: they may quote the question, and answers are remembered


@dataclass(frozen=True, slots=True)
class Order:
    """A command that was let in, and where its answer goes."""

    command: Command
    topic: str
    correlation: bytes | None


class Memory:
    """The last commands and their replies, on disk, so that a repeat after a restart is not done twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._replies: dict[str, dict[str, JsonValue] | None] = {}
        try:
            self._replies = dict(json.loads(path.read_text())["replies"])
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s could not be read (%s): earlier commands are forgotten", path, error)

    def begun(self, command_id: str) -> bool:
        return command_id in self._replies

    def reply(self, command_id: str) -> Reply | None:
        """What was answered; None when it was begun and never answered."""
        stored = self._replies.get(command_id)
        return Reply.model_validate(stored) if stored else None

    def remember(self, command_id: str, reply: Reply | None) -> None:
        """`None` before it is done, the reply after."""
        self._replies[command_id] = reply.model_dump(mode="json") if reply else None
        while len(self._replies) > REMEMBERED:
            del self._replies[next(iter(self._replies))]
        try:
            write_durably(self._path, json.dumps({"format": 1, "replies": self._replies}).encode(), PRIVATE)
        except StorageError as error:
            log.warning("%s; commands are remembered until the next restart only", error)


def restarting(wanted: threading.Event) -> Mapping[str, JsonValue]:
    """The process ends and the next one begins; whoever asked is told so before."""
    wanted.set()
    return {"restarting": True}


class Commands:
    """`receive` belongs to the broker's thread and never waits; `run` is a worker of its own, because a handler may take long."""

    def __init__(
        self,
        topics: Topics,
        handlers: Mapping[str, Handler],
        memory: Memory,
        *,
        notices: Notices,
        stamp: Stamp,
        board: Board,
        tally: Tally,
        per_minute: float = PER_MINUTE,
    ) -> None:
        self._pace = Pace(per_minute / 60, BURST)
        self._topics, self._handlers, self._memory = topics, {"ping": _ping, **handlers}, memory
        self._notices, self._stamp, self._board, self._tally = notices, stamp, board, tally
        self._orders: Channel[Order] = Channel(QUEUE, "block")
        self._waiting: set[str] = set()

    def receive(self, message: Incoming) -> None:
        """Check and queue; whatever is wrong is answered, counted and forgotten."""
        try:
            self._admit(message)
        except Refused as refused:
            self._tally.count("", "commands", refused.code)
            log.warning("command refused: %s", refused)
            if refused.code == "E_VERSION":  # somebody speaks a language this box does not: that lasts until one is updated
                self._board.part(PART, "degraded", str(refused), self._stamp.clock.wall_ns())
            self._answer(message, Reply(id=refused.command_id, ok=False, code=refused.code, detail=str(refused)))

    def _admit(self, message: Incoming) -> None:
        if message.retain:
            raise Refused("E_RETAINED", "a retained command would come again after every restart; publish it without retain")
        try:
            command = read_command(message.payload)
        except ProtocolError as error:
            raise Refused("E_VERSION" if isinstance(error, VersionError) else "E_INVALID", str(error)) from error
        self._in_time(command)
        if command.cmd not in self._handlers:
            known = ", ".join(sorted(self._handlers))
            raise Refused("E_UNKNOWN", f"{command.cmd} is not known; known are {known}", command.id)
        if command.id in self._waiting:
            return  # the same again while the first waits: one answer
        if len(self._orders) >= QUEUE:
            raise Refused("E_BUSY", f"{QUEUE} commands wait already; try again later", command.id)
        now_ns = self._stamp.clock.mono_ns()
        if wait_ns := self._pace.wait_ns(now_ns):
            raise Refused("E_BUSY", f"more commands than mqtt.commands_per_minute allows; try again in {wait_ns / 1e9:.1f} s", command.id)
        self._pace.spend(now_ns)
        self._board.part(PART, "ok", "", self._stamp.clock.wall_ns())
        self._waiting.add(command.id)
        self._orders.put(Order(command, self._reply_topic(message), message.correlation))

    def _in_time(self, command: Command) -> None:
        """The broker drops what its expiry says; this is for brokers and senders that do not, where the clock can tell.

        One from the future would lie at a broker until then: it is refused only by a clock that a time server has set.
        """
        state = self._stamp.clock.state()
        if command.t is None or state == "unsynced":
            return
        age = utc_from_ns(self._stamp.clock.wall_ns()) - command.t
        if age > EXPIRY:
            raise Refused("E_EXPIRED", f"given at {command.t}, more than {EXPIRY.seconds} s ago", command.id)
        if state == "ntp" and -age > AHEAD:
            raise Refused("E_EARLY", f"given at {command.t}, which is yet to come; set the sender's clock", command.id)

    def run(self, tick: Tick) -> None:
        """Worker: one command after another."""
        for order in self._orders.each(tick):
            self._post(order.topic, order.correlation, self._do(order.command))
            self._waiting.discard(order.command.id)

    def _do(self, command: Command) -> Reply:
        if self._memory.begun(command.id):
            before = self._memory.reply(command.id)
            if before is None:
                return Reply(id=command.id, ok=False, code="E_INTERRUPTED", detail="begun before a restart, outcome unknown", repeat=True)
            return before.model_copy(update={"repeat": True})
        self._memory.remember(command.id, None)
        reply = self._call(command)
        self._memory.remember(command.id, reply)
        return reply

    def _call(self, command: Command) -> Reply:
        began = self._stamp.clock.mono_ns()
        try:
            data = self._handlers[command.cmd](command.args)
        except VedetteError as error:
            return Reply(id=command.id, ok=False, code="E_FAILED", detail=str(error)[:MAX_DETAIL], took_ms=self._since_ms(began))
        except Exception as error:  # a seam: a message from outside must not be able to stop the box
            log.exception("command %s failed", command.cmd)
            return Reply(id=command.id, ok=False, code="E_FAILED", detail=type(error).__name__, took_ms=self._since_ms(began))
        self._tally.count("", "commands", "done")
        return Reply(id=command.id, ok=True, took_ms=self._since_ms(began), data=dict(data))

    def _since_ms(self, began_ns: int) -> float:
        return round((self._stamp.clock.mono_ns() - began_ns) / 1e6, 3)

    def close(self) -> None:
        self._orders.close()

    def _reply_topic(self, message: Incoming) -> str:
        asked = message.response or ""
        return asked if self._topics.is_reply(asked) else self._topics.up("res")

    def _answer(self, message: Incoming, reply: Reply) -> None:
        self._post(self._reply_topic(message), message.correlation, reply)

    def _post(self, topic: str, correlation: bytes | None, reply: Reply) -> None:
        payload = self._stamp.wrap("res", reply).model_dump_json().encode()
        self._notices.post_reply(Letter(topic, payload, expiry_s=REPLY_EXPIRY_S, correlation=correlation))


class Refused(Exception):
    """A command that is not done, with its code."""

    def __init__(self, code: str, detail: str, command_id: str | None = None) -> None:
        super().__init__(detail)
        self.code, self.command_id = code, command_id


def _ping(_args: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    return {"pong": True}
