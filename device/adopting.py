"""Adopting: where its owner wants it so, a camera that is plugged in and gives a picture is watched from then on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from contracts.errors import VedetteError
from device.capture.local import LocalCamera, local_cameras
from device.capture.plugging import Pluggable, Plugging
from device.capture.uevents import Uevents
from device.capture.v4l2 import V4l2Source
from device.clock import Clock
from device.config import Loaded
from device.findings import Finding
from device.overlay import write_owner
from device.pipeline.board import Board
from device.pipeline.crew import Crew
from device.pipeline.protocols import Tick
from device.probes import camera as probe

log = logging.getLogger(__name__)
PART = "adopting"
PICTURE_S = 8.0
Try = Callable[[LocalCamera], Finding]


class Adopting:
    """Writes what an owner would write on the page, and asks for a new start. One without a picture is tried when it comes again."""

    def __init__(
        self, loaded: Loaded, again: Callable[[], None], *, clock: Clock, board: Board,
        look: Callable[[], list[LocalCamera]] = local_cameras, give: Try | None = None,
    ) -> None:  # fmt: skip
        self._loaded, self._again, self._clock, self._board, self._look = loaded, again, clock, board, look
        self._try = give or self._picture
        self._tried: set[str] = set()
        self.plugging = Plugging(look, Uevents, {}, self.consider)

    def run(self, tick: Tick) -> None:
        """Worker: what is there already, then what comes."""
        tick()
        self.consider(self._look())
        self.plugging.run(tick)

    def consider(self, found: Sequence[LocalCamera]) -> None:
        self._tried &= {camera.id for camera in found}
        new = [camera for camera in self._strange(found) if camera.id not in self._tried]
        self._tried |= {camera.id for camera in new}
        good = [camera for camera in new if self._try(camera).level in {"ok", "note"}]
        if good:
            self._write(good)

    def _strange(self, found: Sequence[LocalCamera]) -> list[LocalCamera]:
        """Those that no camera of the configuration is, nor could be once its twin is unplugged."""
        sources = [cls(name, options, self._clock) for name, (cls, options) in self._loaded.sources.items()]
        known = [source for source in sources if isinstance(source, Pluggable)]
        return [camera for camera in found if not camera.fault and not any(_is(source, camera) for source in known)]

    def _picture(self, camera: LocalCamera) -> Finding:
        return probe(V4l2Source("new", V4l2Source.Options(device=camera.id), self._clock), PICTURE_S)

    def _write(self, cameras: Sequence[LocalCamera]) -> None:
        taken = dict.fromkeys(self._loaded.settings.cameras, "")
        for camera in cameras:
            taken[free_name(taken)] = camera.id
        said = {name: {"use": "v4l2", "device": device} for name, device in taken.items() if device}
        try:
            write_owner(self._loaded.settings.data, {"cameras": said}, said=self._loaded.said)
        except VedetteError as error:
            self._board.part(PART, "degraded", f"a new camera is not watched: {error}", self._clock.wall_ns())
            return
        names = ", ".join(f"{name}={each['device']}" for name, each in said.items())
        log.warning("new cameras are watched from the next start on", extra={"cameras": names})
        self._again()


def _is(source: Pluggable, camera: LocalCamera) -> bool:
    node = source.plugged([camera])
    return node is not None and node.resolve() == camera.node.resolve()


def free_name(taken: Mapping[str, str]) -> str:
    return next(name for number in range(1, 10_000) if (name := f"camera{number}") not in taken)


def adopt(loaded: Loaded, crew: Crew, again: Callable[[], None], *, clock: Clock, board: Board) -> None:
    """Nothing where nobody wanted it: who can reach a socket of the box would decide what it sees."""
    if loaded.settings.adopt_cameras:
        adopting = Adopting(loaded, again, clock=clock, board=board)
        crew.add(PART, adopting.run, deadline_s=600)
        crew.on_stop(adopting.plugging.close)
