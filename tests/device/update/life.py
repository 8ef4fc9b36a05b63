"""A process that forks boxes: each follows an assignment and is killed, or its disk's power is cut, at the n-th thing it makes durable.

Orders come on standard input, one JSON document a line; one line goes out for each box: how it ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import signal
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from tuf.ngclient import Updater as NgClient

from contracts.update import AssignmentKeys, UpdateState
from device.update.ledger import Ledger
from device.update.state import State
from tests.device.update.box import Content, a_box, golden_prover
from tests.hostile.power_disk import NOTHING_SYNCED, SHUTDOWN

DURABLE = ("fsync", "replace", "rename", "symlink", "link", "unlink", "mkdir", "ftruncate", "pwrite", "chmod")


class Fate:
    """`number` 0: nothing happens, everything is counted."""

    def __init__(self, number: int, state: str, disk: str) -> None:
        self.count, self._number, self._state, self._disk = 0, number, state, disk

    def step(self) -> None:
        self.count += 1
        if self.count == self._number:
            self._strike()

    def reached(self, state: str) -> None:
        if state == self._state:
            self._strike()

    def _strike(self) -> None:
        if self._disk:
            handle = os.open(self._disk, os.O_RDONLY)
            fcntl.ioctl(handle, SHUTDOWN, NOTHING_SYNCED.to_bytes(4, "little"))
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Provisioned:
    """What a box has of a repository before it has asked for anything."""

    folder: Path
    keys: AssignmentKeys

    @property
    def root(self) -> bytes:
        return (self.folder / "metadata" / "1.root.json").read_bytes()


def watched(fate: Fate) -> None:
    """Before and after each call that changes what a cut would leave."""
    accessor = getattr(pathlib, "_NormalAccessor", None)  # Python 3.10 took its calls from `os` when it was loaded
    for name in DURABLE:
        told = _told(getattr(os, name), fate)
        if accessor is not None and vars(accessor).get(name) is getattr(os, name):
            setattr(accessor, name, staticmethod(told))
        setattr(os, name, told)
    writing = State.writing

    @contextmanager
    def committed(self: State) -> Any:
        fate.step()
        with writing(self) as connection:
            yield connection
        fate.step()

    State.writing = committed  # type: ignore[method-assign]
    add = Ledger.add

    def added(self: Ledger, work: int, state: UpdateState, *rest: Any) -> Any:
        row = add(self, work, state, *rest)
        fate.reached(state)
        return row

    Ledger.add = added  # type: ignore[method-assign]


def _told(call: Callable[..., Any], fate: Fate) -> Callable[..., Any]:
    @wraps(call)
    def told(*args: Any, **kwargs: Any) -> Any:
        fate.step()
        return call(*args, **kwargs)

    return told


def live(order: dict[str, Any]) -> dict[str, Any]:
    """One box, to the end of what there is to do."""
    repository = Provisioned(Path(order["repository"]), AssignmentKeys.model_validate(order["keys"]))
    fate = Fate(order.get("at", 0), order.get("state", ""), order.get("disk", ""))
    watched(fate)
    if order.get("ngclient"):
        folder = Path(order["ngclient"])
        folder.mkdir(exist_ok=True)
        NgClient(str(folder), f"{order['url']}/metadata/", bootstrap=repository.root).refresh()
    prover = golden_prover() if order.get("golden") else Content()
    with a_box(Path(order["data"]), repository, None, order["url"], prover=prover) as box:
        report = box.told(Path(order["raw"]).read_bytes())
        for _ in range(5):
            if report.state not in {"committed", "rejected"}:
                report = box.go()
        said = report.model_dump(mode="json", include={"state", "code", "words", "current"})
    fate.reached("end")
    return {**said, "count": fate.count}


def main(live: Callable[[dict[str, Any]], dict[str, Any]] = live) -> None:
    for line in sys.stdin:
        order = json.loads(line)
        inlet, outlet = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(inlet)
            said: dict[str, Any]
            try:
                said = live(order)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
                said = {"crashed": f"{type(error).__name__}: {error}"}
            os.write(outlet, json.dumps(said).encode())
            os._exit(0)
        os.close(outlet)
        with os.fdopen(inlet, "rb") as pipe:
            said_bytes = pipe.read()
        _, status = os.waitpid(child, 0)
        ended = json.loads(said_bytes) if said_bytes else {"killed": os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1}
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
