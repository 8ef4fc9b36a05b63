"""Measuring: decoding alone, inference alone and the whole way from packets to events, on this box."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from contracts.event import Event
from contracts.eventlog import LogHeader
from device.capture.decoder import Decoder
from device.capture.file import FileSource
from device.clock import Clock
from device.config import Loaded
from device.pipeline.board import Board
from device.pipeline.channel import Channel
from device.pipeline.crew import Crew
from device.pipeline.packets import Packet
from device.pipeline.protocols import Inbox, Source
from device.pipeline.tally import Percentiles, Tally
from device.publish.eventlog import EventLog
from device.publish.eventlog import Options as LogOptions
from device.publish.journal import Journal
from device.replaying import Events
from device.sight import build
from vision.engines.engine import Engine
from vision.types import Scene

ROUND_S = 0.1
EVENTS = 256


@dataclass(frozen=True, slots=True)
class Speed:
    """So many frames in so many seconds, and the CPU time they took on all cores."""

    frames: int
    seconds: float
    cpu_s: float

    @property
    def fps(self) -> float:
        return self.frames / max(1e-9, self.seconds)

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds a frame."""
        return 1000 * self.cpu_s / max(1, self.frames)

    @property
    def cores(self) -> float:
        """Cores busy on average."""
        return self.cpu_s / max(1e-9, self.seconds)


@dataclass(frozen=True, slots=True)
class Way:
    """The whole way: how fast, how long each stage took, what became of the samples."""

    speed: Speed
    stages: Mapping[str, Percentiles]
    dropped: int
    events: int


class Stopwatch:
    """Counts from when it is made: time, and CPU time of this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_ns, self._began_cpu_s = clock.mono_ns(), cpu_s()

    def seconds(self) -> float:
        return (self._clock.mono_ns() - self._began_ns) / 1e9

    def speed(self, frames: int) -> Speed:
        return Speed(frames, self.seconds(), cpu_s() - self._began_cpu_s)


def cpu_s() -> float:
    times = os.times()
    return times.user + times.system


def read_packets(path: Path, clock: Clock, most: int = 600) -> list[Packet]:
    """The first pictures of a file, still encoded. ConfigError or HardwareError when it cannot be read."""
    source = FileSource("bench", FileSource.Options(path=path), clock)
    packets = []
    for packet in source.packets():
        packets.append(packet)
        if len(packets) == most:
            break
    return packets


class Rounds:
    """A Source: packets in memory, played again and again as fast as they are taken, until it is closed."""

    live = False
    identity = "bench"

    def __init__(self, packets: Sequence[Packet], camera: str = "bench") -> None:
        self.camera = camera
        self._packets = packets
        self._closed = threading.Event()

    def packets(self) -> Iterator[Packet]:
        length_ns = self._packets[-1].pts_ns - self._packets[0].dts_ns + 40_000_000
        number = 0
        while True:
            stream = replace(self._packets[0].stream, camera=self.camera, epoch=number)
            for n, packet in enumerate(self._packets):
                if self._closed.is_set():
                    return
                shift_ns = number * length_ns
                yield replace(
                    packet,
                    stream=stream,
                    seq=number * len(self._packets) + n,
                    pts_ns=packet.pts_ns + shift_ns,
                    dts_ns=packet.dts_ns + shift_ns,
                    wall_ns=packet.wall_ns + shift_ns,
                )
            number += 1

    def close(self) -> None:
        self._closed.set()


def decoding(packets: Sequence[Packet], seconds: float, clock: Clock, *, threaded: bool = True) -> Speed:
    """Decoding alone, as files are decoded (`threaded`) or as a live camera is."""
    watch, frames = Stopwatch(clock), 0
    while watch.seconds() < seconds:
        decoder = Decoder(packets[0].stream, threaded)
        for packet in packets:
            frames += len(decoder.decode(packet))
            if watch.seconds() >= seconds:
                break
        frames += len(decoder.flush())
    return watch.speed(frames)


def inference(engine: Engine, tensor: NDArray[Any], seconds: float, clock: Clock, workers: int = 1) -> Speed:
    """The network alone, `workers` runs at a time."""
    engine.run(tensor)  # the first of a shape takes memory and time of its own
    watch = Stopwatch(clock)

    def work() -> int:
        runs = 0
        while watch.seconds() < seconds:
            engine.run(tensor)
            runs += 1
        return runs

    with ThreadPoolExecutor(workers) as pool:
        runs = [pool.submit(work) for _ in range(workers)]
        return watch.speed(sum(run.result() for run in runs))


def whole_way(
    loaded: Loaded, source: Source, seconds: float, clock: Clock, on_progress: Callable[[float], None] = lambda _s: None
) -> Way:
    """The configured stages on a source for so long, events into a log that is thrown away afterwards."""
    board, tally, crew = Board(), Tally(), Crew(clock)
    inbox: Channel[Scene | Event] = Channel(EVENTS, "block")
    outlets: list[Inbox[Scene]] = [Events(inbox, lambda _event: None)]
    sight = build(loaded, {source.camera: source}, outlets, clock=clock, board=board, tally=tally)
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
        log = EventLog(Path(folder) / "events.jsonl", _header(loaded), clock, board=board, tally=tally, options=LogOptions(fsync="end"))
        sight.man(crew)
        crew.add("journal", Journal(inbox, [log], clock, tally).run, deadline_s=60)
        sight.on_end.append(inbox.close)
        watch = Stopwatch(clock)
        crew.start()
        while not crew.wait(ROUND_S):
            on_progress(min(seconds, watch.seconds()))
            if watch.seconds() >= seconds:
                sight.stop()
        speed = watch.speed(tally.get(source.camera, "analysed"))
        _end(crew, [sight.inbox.close, *sight.on_end])
    percentiles = tally.percentiles().items()
    # a file has no capture to be late for
    stages = {stage: p for (camera, stage), p in percentiles if camera == source.camera and (source.live or stage != "capture_to_result")}
    return Way(speed, stages, tally.get(source.camera, "dropped"), tally.get(source.camera, "events", "new"))


def _end(crew: Crew, closers: Sequence[Callable[[], None]]) -> None:
    if crew.crash:
        for close in closers:
            close()
    crew.stop()
    if crew.crash:
        raise crew.crash[1]


def _header(loaded: Loaded) -> LogHeader:
    return LogHeader(
        device=loaded.settings.device_id,
        profile=loaded.settings.profile,
        config_hash=loaded.digest(),
        source="bench",
        software="bench",
        processed_at=datetime.fromtimestamp(0, timezone.utc),
    )
