"""A clock that stands until it is moved, and a recorder on a bench: packets and events in, clips out, no thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from contracts.clip import Clip
from contracts.event import Event
from device.clock import ClockState
from device.pipeline.board import Board
from device.pipeline.channel import nothing
from device.pipeline.packets import Packet
from device.pipeline.passage import NoPlanes
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally
from device.record.groups import GroupDone
from device.record.options import RecordOptions
from device.record.recorder import Recorder
from tests.device.record.footage import START_PTS_NS, START_WALL_NS
from vision.types import Detections, Frame, Planes, Scene


class HandClock:
    def __init__(self) -> None:
        self.now_ns = START_PTS_NS

    def mono_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return START_WALL_NS + self.now_ns - START_PTS_NS

    def state(self) -> ClockState:
        return "ntp"


def scene(camera: str, pts_ns: int, *events: Event, planes: Planes | None = None, detections: Detections | None = None) -> Scene:
    frame = Frame(camera, 0, pts_ns, pts_ns, START_WALL_NS + pts_ns - START_PTS_NS, planes or NoPlanes())
    return Scene(frame, detections or Detections.none(), events=events)


class Bench:
    """Capture, analysis and recorder in one thread: each packet is fed, told of, and written before the next one comes."""

    def __init__(
        self,
        data: Path,
        cameras: Iterable[str] = ("left",),
        ring_s: float = 10.0,
        lossless: bool = False,
        require: Callable[[], None] = nothing,
        **options: Any,
    ) -> None:
        self.data, self.clock, self.tally, self.board = data, HandClock(), Tally(), Board()
        self.rings = {camera: PacketRing(ring_s) for camera in cameras}
        self.clips: list[Clip] = []
        self.groups: list[GroupDone] = []
        if "cameras_other" in options:
            options["cameras"] = options.pop("cameras_other")
        chosen = {"pre_roll_ms": 1000, "post_roll_ms": 1000, "reserve_mb": 0, **options}
        self.recorder = Recorder(
            self.rings, data, RecordOptions(**chosen), clock=self.clock, tally=self.tally, board=self.board,
            device="box-1", software="vedette 0.1.0", lossless=lossless, on_clip=self.clips.append,
            on_group=self.groups.append, require=require,
        )  # fmt: skip

    def play(self, packets: Iterable[Packet], events: Iterable[Event] = ()) -> None:
        """Live: the mark follows the packets; an event is told when its time has come."""
        waiting = sorted(events, key=lambda event: event.pts_ns)
        for packet in packets:
            self.rings[packet.camera].append(packet)
            self.clock.now_ns = max(self.clock.now_ns, packet.pts_ns)
            due = [event for event in waiting if event.pts_ns <= packet.pts_ns and event.camera == packet.camera]
            waiting = [event for event in waiting if event not in due]
            self.recorder.put(scene(packet.camera, packet.pts_ns, *due))
            self.recorder.step()
        assert not waiting, "an event lies behind the last packet"

    def stop(self) -> list[Clip]:
        """Capture ends, then the recorder."""
        for ring in self.rings.values():
            ring.close()
        self.recorder.close()
        self.recorder.run(lambda: None)
        return self.clips

    def stop_worker(self, worker: threading.Thread) -> list[Clip]:
        """The same, where the recorder runs in a thread of its own."""
        for ring in self.rings.values():
            ring.close()
        self.recorder.close()
        worker.join(60)
        assert not worker.is_alive()
        return self.clips

    def videos(self) -> list[Path]:
        return sorted(path for path in self.data.rglob("*") if path.suffix in {".mp4", ".mkv"})

    def others(self) -> list[Path]:
        """Files among the clips that are neither videos nor manifests."""
        files = (path for path in (self.data / "clips").rglob("*") if path.is_file())
        return sorted(path for path in files if path.suffix not in {".mp4", ".mkv", ".json"})
