"""A whole desk without an appliance: real packets in a real ring, real scenes, events, pictures and clips. Run it to look at the page."""

from __future__ import annotations

import argparse
import itertools
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from contracts.clip import Cause, Clip, clip_id
from contracts.event import Event
from contracts.health import Health
from device.capture.decoder import Decoder
from device.clock import Clock, SystemClock
from device.pipeline.board import Board
from device.pipeline.channel import Closed
from device.pipeline.codec_string import codec_string
from device.pipeline.hub import Hub
from device.pipeline.mux import Muxer
from device.pipeline.packets import Packet
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally
from device.record.catalog import Catalog
from device.record.layout import clip_path, write_manifest
from device.web import jpeg
from device.web.desk import Desk
from device.web.options import Options
from device.web.server import PageServer
from tests.device.web.fakes import MODEL, ZONES, Memory, Told, event_at, health_of
from tests.device.web.footage import FIGURES, FPS, HEIGHT, STEP_NS, WIDTH, packets, picture
from vision.planes import BgrPlanes
from vision.types import Detections, Frame, Planes, Scene

LOOK_EVERY = 3  # frames between two looks of the analysis


def still(packet: Packet) -> Planes | None:
    frame = Decoder(packet.stream).still(packet)
    return frame and frame.planes


class Demo:
    """One thread plays for all cameras; `step()` is one picture of each."""

    def __init__(
        self, data: Path, cameras: Sequence[str] = ("street",), clock: Clock | None = None, broker: bool = False, b_frames: int = 0
    ) -> None:
        self.clock = clock or SystemClock()
        self.memory, self.told, self._stop = Memory(), Told(), threading.Event()
        now = self.clock.mono_ns(), self.clock.wall_ns()
        self._packets = {c: packets(c, *now, tint=n * 18, b_frames=b_frames) for n, c in enumerate(cameras)}
        self._count = 0
        self._numbers = itertools.count(1)
        self._playing: Event | None = None
        self.desk = Desk(
            device_id="demo-box",
            profile="street",
            version="0.1.0",
            clock=self.clock,
            board=Board(),
            tally=Tally(),
            rings={camera: PacketRing(10) for camera in cameras},
            scenes=Hub(),
            history=self.memory,
            messages=self.told,
            clips=Catalog(data),
            data=data,
            health=self.health,
            still=still,
            zones={cameras[0]: ZONES},
            model=MODEL,
        )
        for camera in cameras:
            self.desk.board.camera(camera, state="online", codec="h264", width=WIDTH, height=HEIGHT, gate="active", since_wall_ns=now[1])
        for name in ("record", "outbox", "model"):
            self.desk.board.part(name, "ok", "", now[1])
        if broker:
            self.desk.board.part("mqtt", "ok", "broker connected", now[1])
        self._thread = threading.Thread(target=self._play, daemon=True)

    def health(self) -> Health:
        return health_of(self.desk.board, self.desk.tally, self.clock)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)

    def _play(self) -> None:
        started = self.clock.mono_ns()
        with suppress(Closed):
            while not self._stop.wait(max(0.0, (started + self._count * STEP_NS - self.clock.mono_ns()) / 1e9)):
                self.step()

    def step(self) -> None:
        index, mono, wall = self._count, self.clock.mono_ns(), self.clock.wall_ns()
        for camera, loop in self._packets.items():
            packet = self._again(loop, index, mono, wall)
            self.desk.rings[camera].append(packet)
            self.desk.tally.count(camera, "packets")
            if index % LOOK_EVERY == 0:
                self._look(camera, index, mono, wall)
        self._count += 1
        if index % (FPS * 4) == FPS:
            self._playing = self.happen()
        elif index % (FPS * 4) == FPS * 3 and self._playing:
            self.over(self._playing)

    def reconnect(self, camera: str) -> None:
        """The camera was away and comes back with a new stream, in other colours; media time goes on."""
        old = self._packets[camera]
        new = packets(camera, 0, 0, tint=40)
        stream = replace(new[0].stream, epoch=old[0].stream.epoch + 1)
        self._packets[camera] = [replace(packet, stream=stream) for packet in new]

    @staticmethod
    def _again(loop: list[Packet], index: int, mono_ns: int, wall_ns: int) -> Packet:
        old, shift = loop[index % len(loop)], index // len(loop) * len(loop)
        return Packet(
            old.stream,
            index,
            old.pts_ns + shift * STEP_NS,
            old.dts_ns + shift * STEP_NS,
            old.duration_ns,
            old.key,
            old.data,
            mono_ns,
            wall_ns,
        )

    def _look(self, camera: str, index: int, mono_ns: int, wall_ns: int) -> None:
        tally = self.desk.tally
        planes = BgrPlanes(picture(index % len(self._packets[camera])))
        boxes = np.array([figure.box(index) for figure in FIGURES], np.float32)
        zones = np.empty(len(FIGURES), object)
        zones[:] = [("pavement",) if box[0] < 0.6 * WIDTH else () for box in boxes]
        found = Detections(boxes, np.array([0.91, 0.74], np.float32), np.zeros(2, np.int32), {"track": np.array([1, 2]), "zones": zones})
        self.desk.scenes.put(Scene(Frame(camera, index, index * STEP_NS, mono_ns, wall_ns, planes), found, labels=("person",), model=MODEL))
        for what in ("offered", "analysed"):
            tally.count(camera, what)
        if index % 50 == 0:
            tally.count(camera, "dropped", "newer frame")
        wave = 1 + 0.3 * np.sin(index / 40) + 0.1 * (index % 7) / 7
        for stage, ms in (("detect", 24.0), ("track", 0.4), ("capture_to_result", 41.0)):
            tally.took(camera, stage, int(ms * wave * 1e6))
        tally.gauge(camera, "last_frame_mono_ns", mono_ns)
        tally.gauge(camera, "ring_bytes", self.desk.rings[camera].size_bytes())

    def happen(self, camera: str | None = None) -> Event:
        """One event begins; threads may share this."""
        number = next(self._numbers)
        camera = camera or list(self.desk.rings)[number % len(self.desk.rings)]
        event = event_at(camera, 1000 + number, self.clock.wall_ns(), "new")
        self.tell(event)
        return event

    def over(self, began: Event) -> Event:
        """It ends."""
        number = began.start_pts_ns // 1_000_000_000
        end = event_at(began.camera, number, self.clock.wall_ns(), "end", seconds=2.0)
        event = end.model_copy(update={"start": began.start, "snapshot": began.snapshot})
        self.tell(event)
        return event

    def tell(self, event: Event) -> None:
        self.snapshot(event)
        self.memory.keep(event)
        self.told.put(event)

    def snapshot(self, event: Event) -> None:
        path = self.desk.data / (event.snapshot or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg.encoded(picture(event.start_pts_ns // 1_000_000_000 * 20 % 200), 88))

    def past(self, count: int, clips: int = 3) -> list[Event]:
        """Events of the last hours, with pictures, the newest with clips."""
        labels, cameras = ("person", "person", "person", "bicycle", "dog"), list(self.desk.rings)
        now, made = self.clock.wall_ns(), []
        for n in range(count):
            wall = now - (count - n) * 412_000_000_000
            event = event_at(cameras[n % len(cameras)], n, wall, label=labels[n % 5], seconds=2.4 + n % 9 * 3)
            self.snapshot(event)
            self.memory.keep(event)
            made.append(event)
        for event in made[len(made) - clips :]:
            self.clip(event)
        return made

    def clip(self, event: Event) -> Path:
        """A real clip with its manifest, as the recorder leaves it."""
        loop = self._packets[event.camera][: FPS * 5]
        key = clip_id(event.id)
        path = clip_path(self.desk.data, event.camera, event.start, key, "mp4")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            muxer = Muxer(file, loop[0])
            for packet in loop:
                muxer.write(packet)
            muxer.close()
        data = path.read_bytes()
        write_manifest(
            path,
            Clip(
                id=key,
                camera=event.camera,
                file=path.name,
                container="mp4",
                codec="h264",
                codec_string=codec_string(loop[0]),
                width=WIDTH,
                height=HEIGHT,
                start=event.start,
                end=event.start + timedelta(seconds=5),
                start_pts_ns=0,
                end_pts_ns=5_000_000_000,
                origin_pts_ns=0,
                pre_roll_asked_ms=2000,
                pre_roll_ms=2100,
                post_roll_asked_ms=2000,
                post_roll_ms=2000,
                first_frame=0,
                last_frame=len(loop) - 1,
                frames=len(loop),
                bytes=len(data),
                sha256=sha256(data).hexdigest(),
                events=[Cause(id=event.id, kind=event.kind, label=event.label)],
                device="demo-box",
                software="0.1.0",
            ),
        )
        return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8088)
    parser.add_argument("--cameras", type=int, default=1)
    parser.add_argument("--broker", action="store_true")
    parser.add_argument("--kept", action="store_true", help="with storage, sessions and training data")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        demo = Demo(Path(folder), ("street", "yard", "door", "gate")[: given.cameras], broker=given.broker)
        events = demo.past(70)
        if given.kept:
            from tests.device.web.furnish import Furnished, report_of  # it needs this module

            kept = Furnished(demo)
            kept.together(events[40], tuple(demo.desk.rings))
            kept.removed(60)
            kept.session(events[30], cameras=tuple(demo.desk.rings))
            kept.pictures(60)
            kept.look()
            kept.index.pin(kept.index.entries(1)[0].id, True)
            for camera, share in zip(demo.desk.rings, (0.9987, 0.964), strict=False):
                demo.desk.tally.gauge(camera, "recorded", share)
            demo.desk = replace(demo.desk, storage=lambda: report_of(demo))
        demo.start()
        server = PageServer(demo.desk, Options(port=given.port))
        server.start()
        print(server.address, flush=True)  # noqa: T201
        with suppress(KeyboardInterrupt):
            server.work(lambda: None)
        demo.close()


if __name__ == "__main__":
    main()
