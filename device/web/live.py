"""Live: the pictures and boxes of each camera for all who watch; muxed once a camera, and only while somebody does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from device.pipeline.codec_string import codec_string
from device.pipeline.packets import Packet
from device.pipeline.ring import PacketRing, RingReader
from device.web import boxes, jpeg
from device.web.desk import Desk
from device.web.fragments import FragmentStream, Piece, playable
from device.web.options import Options
from device.web.pump import Pump
from device.web.viewer import Viewer
from vision.types import Scene

Form = Literal["mp4", "jpeg"]
MAX_GROUP_BYTES = 24 << 20  # a longer group of pictures is not kept for those who come later; they wait for the next key frame
LEAD_NS = 10_000_000_000
Failed = Callable[[BaseException], None]


@dataclass
class Group:
    """The MP4 since the last key frame: what a viewer that has just come begins with."""

    header: bytes = b""
    words: dict[str, Any] = field(default_factory=dict)
    fragments: list[tuple[bytes, bool]] = field(default_factory=list)
    size_bytes: int = 0

    def add(self, data: bytes, key: bool) -> None:
        if key:
            self.fragments, self.size_bytes = [], 0
        elif not self.fragments:
            return
        self.fragments.append((data, key))
        self.size_bytes += len(data)
        if self.size_bytes > MAX_GROUP_BYTES:
            self.fragments, self.size_bytes = [], 0


class CameraFeed:
    """One camera. Its media time counts from `origin_ns`, which is fixed when somebody watches for the first time."""

    def __init__(self, camera: str, ring: PacketRing, options: Options, failed: Failed) -> None:
        self.camera, self._ring, self._options = camera, ring, options
        self._viewers: dict[Viewer, Form] = {}
        self._origin_ns: int | None = None
        self._group = Group()
        self._failed = failed
        self._pump: Pump[Packet] | None = None
        self._jpeg_due_ns = 0
        self.jpeg_seq = 0  # pictures sent as JPEG so far: shows whether analysis gives any

    @property
    def origin_ns(self) -> int:
        """Some way before the first picture, so that no time in the stream is ever negative."""
        if self._origin_ns is None:
            packet = self._ring.last_key()
            self._origin_ns = (packet.dts_ns if packet else 0) - LEAD_NS
        return self._origin_ns

    def codec(self) -> str | None:
        """As a browser names it; None when no browser can be counted on to play it, when its packets show what the owner hides,
        or nothing has come yet."""
        packet = self._ring.last_key()
        return codec_string(packet) if packet is not None and playable(packet) else None

    def join(self, viewer: Viewer, form: Form) -> None:
        stream = FragmentStream(self.origin_ns)
        self._viewers[viewer] = form
        if form == "jpeg":
            return
        if self._pump is None:
            self._group = Group()
            self._pump = Pump(f"live {self.camera}", self._opened, partial(self._mux, stream), self._failed)
            self._pump.start()
        elif self._group.header:
            self._introduce(viewer)
            for data, key in self._group.fragments:
                viewer.picture(data, key)

    def leave(self, viewer: Viewer) -> None:
        self._viewers.pop(viewer, None)
        if self._pump is not None and "mp4" not in self._viewers.values():
            self._pump.stop()
            self._pump = None

    @property
    def watched(self) -> bool:
        return bool(self._viewers)

    @contextmanager
    def _opened(self) -> Iterator[RingReader]:
        key = self._ring.last_key()
        reader = self._ring.reader(from_pts_ns=key.pts_ns if key else None)
        try:
            yield reader
        finally:
            reader.close()

    def _mux(self, stream: FragmentStream, packet: Packet) -> Callable[[], None] | None:
        """In the pump's thread, whose own the stream is."""
        piece = stream.push(packet)
        return None if piece is None else lambda: self._deliver(piece)

    def _deliver(self, piece: Piece) -> None:
        watching = [viewer for viewer, form in self._viewers.items() if form == "mp4"]
        if piece.header:
            self._group = Group(piece.header, piece.words)
            for viewer in watching:
                self._introduce(viewer)
        self._group.add(piece.data, piece.key)
        for viewer in watching:
            viewer.picture(piece.data, piece.key)

    def _introduce(self, viewer: Viewer) -> None:
        viewer.say(self._group.words)
        viewer.header(self._group.header)

    def wants_jpeg(self, mono_ns: int) -> bool:
        if mono_ns < self._jpeg_due_ns or "jpeg" not in self._viewers.values():
            return False
        self._jpeg_due_ns = mono_ns + int(0.9e9 / self._options.jpeg_fps)
        return True

    def scene(self, words: dict[str, Any], picture: bytes | None) -> None:
        """In the event loop: the boxes to everybody, the picture to those who cannot play the stream."""
        self.jpeg_seq += picture is not None
        for viewer, form in self._viewers.items():
            viewer.say(words)
            if form == "jpeg" and picture is not None:
                self.still(viewer, words["t"], picture)

    @staticmethod
    def still(viewer: Viewer, t: float | None, picture: bytes) -> None:
        viewer.say({"type": "still", "t": t})
        viewer.picture(picture, True)


class Live:
    def __init__(self, desk: Desk, options: Options, failed: Failed) -> None:
        self._desk, self._options = desk, options
        self.feeds = {camera: CameraFeed(camera, ring, options, failed) for camera, ring in desk.rings.items()}
        self._scenes: Pump[Scene] = Pump("live scenes", desk.scenes.listen, self._look, failed)
        self.viewers = 0

    def full(self) -> bool:
        return self.viewers >= self._options.max_viewers

    def join(self, camera: str, viewer: Viewer, form: Form) -> None:
        self.viewers += 1
        self._scenes.start()
        self.feeds[camera].join(viewer, form)

    def leave(self, camera: str, viewer: Viewer) -> None:
        self.viewers -= 1
        self.feeds[camera].leave(viewer)
        if self.viewers == 0:
            self._scenes.stop()

    def _look(self, scene: Scene) -> Callable[[], None] | None:
        """In the pump's thread: never on the analysis thread, and the hub drops the oldest scene when this is too slow."""
        feed = self.feeds.get(scene.frame.camera)
        if feed is None or not feed.watched or scene.frame.planes.width == 0:
            return None
        words = boxes.words(scene, feed.origin_ns)
        wanted = feed.wants_jpeg(self._desk.clock.mono_ns())
        picture = jpeg.of_planes(scene.frame.planes, self._options.jpeg_max_width_px, self._options.jpeg_quality) if wanted else None
        return lambda: feed.scene(words, picture)

    async def key_picture(self, camera: str) -> bytes | None:
        """The newest key frame as JPEG, whether anything is being analysed or not."""
        packet = self._desk.rings[camera].last_key()
        if packet is None:
            return None
        return await asyncio.to_thread(self._still, packet)

    def _still(self, packet: Packet) -> bytes | None:
        planes = self._desk.still(packet)
        return None if planes is None else jpeg.of_planes(planes, self._options.jpeg_max_width_px, self._options.jpeg_quality)
