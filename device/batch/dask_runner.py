"""DaskRunner: units on many machines, over a cluster of dask.distributed that is running already."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import distributed

from contracts.errors import ConfigError, HardwareError
from device.batch.cluster import Cluster
from device.batch.cluster_worker import DONE, STRANGER, differences, look_there, sight_of, software
from device.batch.runner import Failure, Result
from device.batch.units import Unit
from device.batch.work import Work, look

log = logging.getLogger(__name__)
CONNECT_S, CLOSE_S, TURN_S = 15, 3, 1.0
ALONE_TURNS = 120  # without any worker; then nobody is waited for any more
AHEAD = 2  # units under way a thread of the cluster, so that none waits for the next


@dataclass(frozen=True, slots=True)
class Drawn:
    """All units have been given out."""

    count: int


class DaskRunner:
    """The scheduler gives units of lost workers out again. Memory holds the units under way, not more."""

    def __init__(self, recipe: str, cluster: Cluster, work: Work = look) -> None:
        """ConfigError when it cannot be connected to, or a worker is not of the same software."""
        self._recipe, self._cluster, self._work = recipe, cluster, work
        self._wanted = software()
        self._run = uuid.uuid4().hex[:12]  # results of another run are not taken for those of this one
        self._items: SimpleQueue[tuple[Unit, Any] | Drawn | BaseException | None] = SimpleQueue()
        self._under_way: dict[str, Any] = {}
        self._sights: dict[str, str] = {}
        self._changed = threading.Condition()
        self._closed = False
        cluster.check()
        self._client = _connected(cluster)
        try:
            self._check_workers()
        except BaseException:
            self.close()
            raise

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Result]]:
        drawing = threading.Thread(target=self._draw, args=(units,), name="cluster-units", daemon=True)
        drawing.start()
        taken, count = 0, -1
        try:
            while taken != count:
                item = self._next()
                if item is None:
                    return
                if isinstance(item, BaseException):
                    raise item
                if isinstance(item, Drawn):
                    count = item.count
                    continue
                unit, future = item
                yield unit, self._result(future)
                self._forget(unit)
                taken += 1
        finally:
            self.close()
            drawing.join(10)

    def close(self) -> None:
        with self._changed:
            if self._closed:
                return
            self._closed = True
            under_way = list(self._under_way.values())
            self._changed.notify_all()
        self._items.put(None)
        try:
            if under_way:
                self._client.cancel(under_way, force=True)
        except (OSError, RuntimeError, ValueError, TimeoutError) as error:  # the connection is let go of anyway
            log.info("units could not be taken back", extra={"reason": str(error)})
        self._client.close(timeout=CLOSE_S)

    # ---- inside

    def _check_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=CONNECT_S)
            there = self._client.run(software, on_error="return")
        except TimeoutError as error:
            raise ConfigError(f"--cluster {self._cluster.address}: has no worker; start `dask worker` on the machines") from error
        for address, said in there.items():
            name = f"worker {address} of --cluster {self._cluster.address}"
            if not isinstance(said, dict):
                raise ConfigError(f"{name} cannot run this software ({said}); install the same version there, or stop that worker")
            if strange := differences(self._wanted, said):
                raise ConfigError(f"{name} is not the same: {strange}; install the same version there, or stop that worker")

    def _draw(self, units: Iterable[Unit]) -> None:
        """What making the units raises goes to whoever waits for results: this thread is nobody's."""
        count = 0
        try:
            for unit in units:
                if not self._room():
                    return
                self._give_out(unit)
                count += 1
            self._items.put(Drawn(count))
        except BaseException as error:  # noqa: BLE001  raised again in `run`
            self._items.put(error)

    def _room(self) -> bool:
        """Wait until the cluster can take one more; False: closed meanwhile."""
        while not self._closed:
            most = AHEAD * max(1, sum(self._client.nthreads().values()))
            with self._changed:
                if len(self._under_way) < most or (self._changed.wait(TURN_S) and len(self._under_way) < most):
                    return not self._closed
        return False

    def _give_out(self, unit: Unit) -> None:
        path = str(Path(unit.file).resolve())  # workers stand in another folder
        try:
            if path not in self._sights:
                self._sights = {path: sight_of(path)}  # units of a file come one after the other
        except OSError as error:
            self._items.put((unit, Failure(f"{path} cannot be read any more: {error.strerror}; bring it back and run again")))
            return
        arguments = (self._work, self._recipe, replace(unit, file=path).to_json(), path, self._sights[path], self._wanted)
        future = self._client.submit(look_there, *arguments, key=f"vedette-{self._run}-{path}-{unit.key}", pure=False)
        with self._changed:
            self._under_way[_name(unit)] = future
        future.add_done_callback(lambda done: self._items.put((unit, done)))

    def _forget(self, unit: Unit) -> None:
        """The cluster may let go of the result."""
        with self._changed:
            if (future := self._under_way.pop(_name(unit), None)) is not None:
                future.release()
            self._changed.notify_all()

    def _next(self) -> tuple[Unit, Any] | Drawn | BaseException | None:
        alone = 0
        while True:
            try:
                return self._items.get(timeout=TURN_S)
            except Empty:
                alone = 0 if self._client.nthreads() else alone + 1
            if alone > ALONE_TURNS:
                raise HardwareError(f"--cluster {self._cluster.address}: has no worker any more; start some, and run this command again")

    def _result(self, future: Any) -> Result:
        if isinstance(future, Failure):
            return future
        if future.status == "cancelled":
            raise HardwareError(f"--cluster {self._cluster.address}: is gone; bring it back and run this command again")
        if (error := future.exception()) is not None:  # `look_there` raises nothing: the workers that had it died, or do not know it
            return Failure(f"cluster: {type(error).__name__}: {error}")
        answer: bytes = future.result()
        if answer[:1] == STRANGER:
            raise ConfigError(f"worker {answer[1:].decode()}; install the same version there, or stop that worker")
        return answer[1:] if answer[:1] == DONE else Failure(answer[1:].decode())


def _name(unit: Unit) -> str:
    return f"{unit.file}\0{unit.key}"


def _connected(cluster: Cluster) -> Any:
    security = None
    if cluster.tls:
        security = distributed.Security(  # type: ignore[no-untyped-call]  # theirs
            tls_ca_file=str(cluster.ca), tls_client_cert=str(cluster.cert), tls_client_key=str(cluster.key), require_encryption=True
        )
    try:
        options: dict[str, Any] = {"security": security, "timeout": CONNECT_S, "set_as_default": False}
        return distributed.Client(cluster.address, **options)  # type: ignore[no-untyped-call]  # theirs
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigError(f"--cluster {cluster.address}: cannot be connected to ({error}); see that the scheduler runs there") from error
