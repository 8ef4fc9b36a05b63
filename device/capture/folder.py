"""A folder of pictures as a recording: JPEG, PNG, BMP and WebP in natural order, each a packet."""

from __future__ import annotations

import hashlib
import io
import logging
import re
import threading
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import av
from pydantic import Field

from contracts.errors import ConfigError, HardwareError
from device.capture.beginning import to_ns
from device.capture.timeline import FileTimeline
from device.clock import Clock
from device.pipeline.contexts import ANY_TEXT, STILL_PROBE
from device.pipeline.packets import Packet, StreamInfo
from device.pipeline.strict import Strict

log = logging.getLogger(__name__)
ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
WHOLE = {"mjpeg": b"\xff\xd9", "png": b"IEND\xaeB`\x82"}  # how a file ends that was written to its end


class FolderSource:
    """`broken` counts the pictures left out."""

    class Options(Strict):
        """Which pictures, and when they were taken."""

        path: Path = Field(description="the folder; folders in it are read as well")
        fps: float = Field(1.0, gt=0, le=1000, description="pictures a second of media time")
        start: datetime | None = Field(None, description="when the first was taken (UTC); default: its file's time")
    live = False

    def __init__(self, camera: str, options: Options, clock: Clock) -> None:
        self.camera, self._options, self._clock = camera, options, clock
        self._stopped = threading.Event()
        self.broken = 0

    @cached_property
    def identity(self) -> str:
        """The same pictures under the same names give the same event ids."""
        digest = hashlib.sha256()
        for path in self._paths():
            digest.update(f"{path.relative_to(self._options.path)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def packets(self) -> Iterator[Packet]:
        self._stopped.clear()
        paths = self._paths()
        if not paths:
            raise HardwareError(f"camera {self.camera}: {self._options.path} holds no jpg, png, bmp or webp pictures; put some there")
        start_ns = to_ns(self._options.start) if self._options.start else paths[0].stat().st_mtime_ns
        timeline = FileTimeline(start_ns, self._clock.mono_ns())
        step_ns = round(1e9 / self._options.fps)
        stream: StreamInfo | None = None
        for seq, (path, data, found) in enumerate(self._whole(paths)):
            if self._stopped.is_set():
                return
            if stream is None or found != (stream.codec, stream.width, stream.height, stream.pix_fmt):
                stream = self._stream(found, 0 if stream is None else stream.epoch + 1)
            log.debug("picture", extra={"camera": self.camera, "file": path.name, "seq": seq})
            at = timeline.place(seq * step_ns, seq * step_ns)
            yield Packet(stream, seq, at.pts_ns, at.dts_ns, step_ns, True, data, at.mono_ns, at.wall_ns)

    def close(self) -> None:
        self._stopped.set()

    def _stream(self, found: tuple[str, int, int, str], epoch: int) -> StreamInfo:
        codec, width, height, pix_fmt = found
        rate = Fraction(self._options.fps).limit_denominator(1001)
        return StreamInfo(self.camera, codec, width, height, b"", pix_fmt, rate, epoch)

    def _paths(self) -> list[Path]:
        folder = self._options.path
        if not folder.is_dir():
            raise ConfigError(f"camera {self.camera}: {folder} is not a folder; correct cameras.{self.camera}.path")
        return sorted((p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file()), key=lambda p: natural(str(p)))

    def _whole(self, paths: list[Path]) -> Iterator[tuple[Path, bytes, tuple[str, int, int, str]]]:
        for path in paths:
            data, found = b"", None
            try:
                data = path.read_bytes()
                found = probe(data)
            except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
                log.warning("picture left out", extra={"camera": self.camera, "file": str(path), "reason": type(error).__name__})
            if found is None:
                self.broken += 1
                continue
            yield path, data, found


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sorting key: 2.jpg before 10.jpg."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name.lower()) if part]


def probe(data: bytes) -> tuple[str, int, int, str]:
    """Codec, width, height and pixel format; ValueError when the picture is not whole."""
    with av.open(io.BytesIO(data), "r", options=STILL_PROBE, **ANY_TEXT) as container:
        context = container.streams.video[0].codec_context
        if not context.width or not data.rstrip(b"\x00\r\n").endswith(WHOLE.get(context.name, b"")):
            raise ValueError("the picture is cut off")
        return context.name, context.width, context.height, context.pix_fmt or ""
