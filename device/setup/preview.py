"""Preview: a camera that is tried: opened for real, its newest picture kept, for a bounded time and a bounded number of bytes."""

from __future__ import annotations

import logging
import threading

from contracts.errors import HardwareError, VedetteError
from device.capture.decoder import Decoder
from device.capture.hidden import packets_of
from device.clock import Clock
from device.pipeline.packets import Outlines, StreamInfo
from device.pipeline.protocols import Source
from device.scrub import scrub
from device.web.jpeg import of_planes
from vision.types import Frame

log = logging.getLogger(__name__)
LONGEST_S = 180  # of one try, however long somebody looks
UNWATCHED_S = 15  # without anybody asking for the picture
MOST_BYTES = 256 << 20
WIDTH_PX, QUALITY = 1280, 80
STUCK_S = 2.0


class Preview:
    """A thread that reads `source` until it is closed, watched no more, or had enough; `first` waits for it."""

    def __init__(self, source: Source, clock: Clock, hides: Outlines = ()) -> None:
        self.camera = source.camera
        self._source, self._clock, self._hides = source, clock, hides
        self._changed = threading.Condition()
        self._stream: StreamInfo | None = None
        self._frame: Frame | None = None
        self._error: VedetteError | None = None
        self._over = False
        self._asked_ns = clock.mono_ns()
        self._thread = threading.Thread(target=self._run, name=f"preview {source.camera}", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return self._over

    def first(self, seconds: float) -> StreamInfo:
        """What the camera sends, when its first picture is there; HardwareError says why there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._over, seconds)
            if self._frame is not None and self._stream is not None:
                return self._stream
            error = self._error
        self.close()
        raise error or HardwareError(
            f"camera {self.camera}: no picture within {seconds:g} s; see that it is switched on and that its address is right"
        )

    def picture(self) -> bytes | None:
        """The newest one, as JPEG; asking keeps the preview alive."""
        self._asked_ns = self._clock.mono_ns()
        frame = self._frame
        return of_planes(frame.planes, WIDTH_PX, QUALITY) if frame else None

    def close(self) -> None:
        """One that hangs in a driver is left behind: its thread ends with the program at the latest."""
        self._source.close()
        self._thread.join(STUCK_S)

    def _run(self) -> None:
        error: VedetteError | None = None
        try:
            self._read()
        except VedetteError as failed:
            error = failed
        except Exception as failed:  # what a camera sends may break a library in any way; to the owner that is a camera that does not work
            log.info("a preview failed", exc_info=True)
            error = HardwareError(f"camera {self.camera}: {type(failed).__name__}: {scrub(str(failed))}; see the camera's own settings")
        finally:
            self._source.close()
        with self._changed:
            self._error, self._over = error, True
            self._changed.notify_all()

    def _read(self) -> None:
        began_ns, size = self._clock.mono_ns(), 0
        decoder: Decoder | None = None
        for packet in packets_of(self._source, self._hides):
            now_ns, size = self._clock.mono_ns(), size + len(packet.data)
            if size > MOST_BYTES or now_ns - began_ns > LONGEST_S * 1e9 or now_ns - self._asked_ns > UNWATCHED_S * 1e9:
                return
            if self._stream != packet.stream:
                decoder = None
            decoder = decoder or Decoder(packet.stream)
            frames = decoder.decode(packet)
            if frames:
                with self._changed:
                    self._stream, self._frame = packet.stream, frames[-1]
                    self._changed.notify_all()
