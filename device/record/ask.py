"""Ask: a question from another thread that the recorder answers on its own, between two clips."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from typing import TYPE_CHECKING
from uuid import UUID

from contracts.errors import StorageError, VedetteError
from device.pipeline.channel import Channel, Closed

if TYPE_CHECKING:
    from device.record.triggers import Trigger

ANSWER_S = 20.0  # a disk that stands still keeps the recorder for so long


class Ask:
    def __init__(self, do: Callable[[], list[UUID]]) -> None:
        self._do = do
        self._answer: Future[list[UUID]] = Future()

    def of(self, inbox: Channel[Trigger | Ask]) -> list[UUID]:
        """The answer; StorageError when there is none, ConfigError what was wrong with the question."""
        try:
            inbox.put(self)
            return self._answer.result(ANSWER_S)
        except Closed:
            raise StorageError("recording has stopped, for the box does") from None
        except NoAnswer:
            raise StorageError(f"the recorder did not answer within {ANSWER_S:g} s; see the disk's state") from None

    def answer(self) -> None:
        """On the recorder's thread."""
        try:
            self._answer.set_result(self._do())
        except VedetteError as error:
            self._answer.set_exception(error)

    def refuse(self, reason: str) -> None:
        self._answer.set_exception(StorageError(reason))
