"""LocalRunner: units on the cores of this machine, a process each, started anew so that nothing of ours is shared with it."""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from contracts.errors import VedetteError
from device.batch.runner import Failure, Result
from device.batch.units import Unit
from device.batch.work import Work, look
from device.pipeline.channel import Channel, Closed

log = logging.getLogger(__name__)
SPAWN = multiprocessing.get_context("spawn")
DONE, FAILED = b"+", b"-"
PR_SET_PDEATHSIG = 1
TRIES = 2
END_S = 3.0  # a pass over a file may be under way; nobody needs the rest of it


class LocalRunner:
    """A thread a process: it hands over one unit after the other and waits. A process that dies is replaced, and its unit tried again."""

    def __init__(self, recipe: str, workers: int, work: Work = look) -> None:
        self._recipe, self._workers, self._work = recipe, workers, work
        self._units: Channel[Unit] = Channel(workers, "block")
        self._results: Channel[tuple[Unit, Result] | BaseException] = Channel(2 * workers, "block")
        self._processes: dict[int, BaseProcess] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._left = workers

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Result]]:
        threads = [threading.Thread(target=self._draw, args=(units,), name="batch-units", daemon=True)]
        threads += [threading.Thread(target=self._serve, args=(n,), name=f"batch-{n}", daemon=True) for n in range(self._workers)]
        for thread in threads:
            thread.start()
        try:
            for item in self._results.each():
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.close()
            for thread in threads:
                thread.join(END_S)

    def close(self) -> None:
        self._units.close()
        self._results.close()
        with self._lock:
            self._closed = True
            for process in self._processes.values():
                process.kill()

    def _draw(self, units: Iterable[Unit]) -> None:
        """What making the units raises goes to whoever waits for results: this thread is nobody's."""
        try:
            for unit in units:
                self._units.put(unit)
        except Closed:
            pass
        except BaseException as error:  # noqa: BLE001  raised again in `run`
            self._tell(error)
        finally:
            self._units.close()

    def _tell(self, item: tuple[Unit, Result] | BaseException) -> None:
        with suppress(Closed):  # nobody waits any more
            self._results.put(item)

    def _serve(self, number: int) -> None:
        pipe: Connection | None = None
        try:
            for unit in self._units.each():
                result: Result | None = None
                for _ in range(TRIES):
                    pipe = pipe or self._start(number)
                    result = _ask(pipe, unit)
                    if result is not None:
                        break
                    self._bury(number, pipe, unit)
                    pipe = None
                died = f"the process that looked at it died {TRIES} times; `vedette --log DEBUG batch` may say why"
                self._tell((unit, Failure(died) if result is None else result))
        except Closed:
            pass
        except BaseException as error:  # noqa: BLE001  raised again in `run`
            self._tell(error)
        finally:
            self._end(number, pipe)

    def _start(self, number: int) -> Connection:
        mine, its = SPAWN.Pipe()
        known = (its, self._recipe, self._work, os.getpid())
        process = SPAWN.Process(target=_worker, args=known, name=f"vedette-batch-{number}", daemon=True)
        with self._lock:
            if self._closed:
                raise Closed
            process.start()
            self._processes[number] = process
        its.close()
        return mine

    def _bury(self, number: int, pipe: Connection, unit: Unit) -> None:
        pipe.close()
        with self._lock:
            process, closed = self._processes.pop(number), self._closed
        process.join(10)
        if closed:
            raise Closed
        log.error("a worker died", extra={"unit": unit.key, "file": unit.file, "exit": process.exitcode})

    def _end(self, number: int, pipe: Connection | None) -> None:
        if pipe:
            pipe.close()  # it ends when nobody listens
        with self._lock:
            process = self._processes.pop(number, None)
        if process:
            process.join(10)
            process.close()
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._results.close()


def _ask(pipe: Connection, unit: Unit) -> Result | None:
    """None: it died."""
    try:
        pipe.send_bytes(unit.to_json().encode())
        answer = pipe.recv_bytes()
    except (EOFError, OSError):
        return None
    return answer[1:] if answer[:1] == DONE else Failure(answer[1:].decode())


def _worker(pipe: Connection, recipe: str, work: Work, parent: int) -> None:
    """The other process: bytes in, bytes out. Ctrl-C is its parent's matter, and it dies with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    while True:
        try:
            unit = pipe.recv_bytes().decode()
        except EOFError:
            return
        pipe.send_bytes(_answer(work, recipe, unit))


def _answer(work: Work, recipe: str, unit: str) -> bytes:
    try:
        return DONE + work(recipe, unit)
    except VedetteError as error:
        return FAILED + str(error).encode(errors="backslashreplace")
    except Exception as error:  # a site's stage or a decoder may raise anything: that recording has failed, others go on
        log.exception("a unit failed")
        return FAILED + f"{type(error).__name__}: {error}".encode(errors="backslashreplace")
