"""Watch: looks at the crew and the board, and tells systemd: ready, alive, and how it is, in words."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from device.notify import Notify
from device.pipeline.board import Board
from device.pipeline.channel import nothing
from device.pipeline.crew import Crew

log = logging.getLogger(__name__)
OVERDUE = 0.8  # of the watchdog's time: silent for so long a worker is taken to hang, and the rest is for the restart
LONGEST_STATUS = 400  # characters; `systemctl status` shows one line
BUILD_S, BUILD_EVERY_S = 60.0, 20.0


class Watch:
    """`step` once a round: READY when every worker has gone round, WATCHDOG only while all of them do, STATUS when it changed.
    What systemd was too busy to take is said again in the next round."""

    def __init__(
        self, crew: Crew, board: Board, notify: Notify, greeting: str, on_ready: Callable[[], None] = nothing,
        watchdog_s: float | None = None,
    ) -> None:  # fmt: skip
        self._crew, self._board, self._notify, self._greeting = crew, board, notify, greeting
        self._on_ready, self._ready, self._greeted, self._watchdog_s = on_ready, False, False, watchdog_s
        self._late: list[str] = []
        self._said = ""

    def step(self) -> None:
        if not self._ready and self._crew.ready():
            self._greeted = self._notify.ready(self._greeting)
            self._ready = True
            self._on_ready()
        elif self._ready and not self._greeted:
            self._greeted = self._notify.ready(self._greeting)
        late = self._crew.late()
        if late != self._late:
            self._tell_of(late)
        if not late:
            self._notify.watchdog()
        elif self._watchdog_s and self._crew.silent_s() >= OVERDUE * self._watchdog_s:
            self._notify.overdue()
        if self._ready:
            self._say(f"not answering: {', '.join(late)}" if late else words(self._board))

    def _tell_of(self, late: list[str]) -> None:
        if late:
            log.error("workers do not answer", extra={"workers": ", ".join(late)})
        else:
            log.info("workers answer again", extra={"workers": ", ".join(self._late)})
        self._late = late

    def _say(self, text: str) -> None:
        if text != self._said and self._notify.status(text):
            self._said = text


def words(board: Board) -> str:
    """Each camera's state, and each part that is not well, with its reason."""
    cameras = [f"{name} {state.state}{f' ({state.reason})' if state.reason else ''}" for name, state in board.cameras().items()]
    parts = [f"{name} {part.state} ({part.reason})" for name, part in board.parts().items() if part.state != "ok"]
    text = "; ".join([", ".join(cameras) or "no camera yet", *parts])
    return text if len(text) <= LONGEST_STATUS else text[: LONGEST_STATUS - 3] + "..."


@contextmanager
def patience(notify: Notify, every_s: float = BUILD_EVERY_S) -> Iterator[None]:
    """While an engine is being built, which takes minutes: systemd is asked to wait on."""
    done = threading.Event()

    def ask() -> None:
        notify.extend_timeout(BUILD_S)
        while not done.wait(every_s):
            notify.extend_timeout(BUILD_S)

    asking = threading.Thread(target=ask, name="patience", daemon=True)
    asking.start()
    try:
        yield
    finally:
        done.set()
        asking.join()
