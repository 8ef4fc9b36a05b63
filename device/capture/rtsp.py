"""RTSP cameras, over TCP unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import av
from av.container import InputContainer
from pydantic import Field, field_validator

from contracts.errors import HardwareError
from device.capture.live import LiveReader
from device.clock import Clock
from device.pipeline.contexts import ANY_TEXT, PROBE
from device.pipeline.packets import Outlines, Packet
from device.pipeline.strict import Strict
from device.scrub import scrub


class RtspSource:
    class Options(Strict):
        """Where the camera is and how long to wait for it."""

        url: str = Field(description="rtsp://user:password@host:554/path; rtsps:// for TLS")
        transport: Literal["tcp", "udp"] = Field("tcp", description="tcp loses nothing; udp where the camera has only that")
        open_timeout_s: float = Field(8.0, gt=0, le=14, description="seconds until an unanswered connection counts as failed")
        read_timeout_s: float = Field(6.0, gt=0, le=14, description="seconds without a packet until the connection counts as dead")

        @field_validator("url")
        @classmethod
        def _is_rtsp(cls, url: str) -> str:
            if not url.startswith(("rtsp://", "rtsps://")):
                raise ValueError("begins with rtsp:// or rtsps://")
            return url

    live = True

    def __init__(self, camera: str, options: Options, clock: Clock) -> None:
        self.camera, self._options = camera, options
        silence_s = max(options.open_timeout_s, options.read_timeout_s) + 1
        self._reader = LiveReader(camera, clock, self._open, self._explain, silence_s)
        self.identity, self.lost = self._reader.session, self._reader.lost

    def packets(self) -> Iterator[Packet]:
        return self._reader.packets()

    def hear(self) -> None:
        """From the next connection on its sound is asked for too."""
        self._reader.hears = True

    def hide(self, outlines: Outlines) -> None:
        """From the next connection on."""
        self._reader.hides = outlines

    def close(self) -> None:
        self._reader.close()

    def _open(self) -> InputContainer:
        options = {
            "rtsp_transport": self._options.transport,
            "allowed_media_types": "video+audio" if self._reader.hears else "video",
            "timeout": str(int(self._options.read_timeout_s * 1e6)),
            "analyzeduration": "2000000",
            "fpsprobesize": "0",  # to guess a frame rate it would hold back the first second
            "user_agent": "vedette",
            **PROBE,
        }
        timeouts = (self._options.open_timeout_s, self._options.read_timeout_s)
        container: InputContainer = av.open(self._options.url, "r", options=options, timeout=timeouts, **ANY_TEXT)
        return container

    def _explain(self, error: OSError | av.error.FFmpegError) -> HardwareError:
        where = f"camera {self.camera}: {scrub(self._options.url)}"
        name = type(error).__name__
        for part, words in MENDS.items():
            if part in name:
                return HardwareError(f"{where} {words.format(camera=self.camera)}")
        reason = (getattr(error, "strerror", None) or name).lower()
        return HardwareError(f"{where} gave no video ({reason}); see that the address plays in another player")


MENDS = {  # part of the name of FFmpeg's error -> what it means and what to do
    "HTTPUnauthorized": "refuses user or password; correct them in cameras.{camera}.url",
    "HTTPForbidden": "forbids this user to watch; give it the right in the camera's own page",
    "HTTPNotFound": "has no stream of that name; correct the path in cameras.{camera}.url",
    "ConnectionRefused": "refuses connections; see that the camera is on and its RTSP service enabled",
    "Exit": "did not answer in time; see that the camera is on and the network reaches it",
    "Timeout": "did not answer in time; see that the camera is on and the network reaches it",
    "Permission": "may not be reached from here; see the firewall",
}
