"""USB and other Video4Linux cameras: MJPEG and H.264 passed through as they come, raw pictures through the encoder."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from pydantic import Field, field_validator

from contracts.errors import HardwareError
from device.capture.live import LiveReader
from device.clock import Clock
from device.pipeline.packets import Packet
from device.pipeline.strict import Strict

Pixels = Literal["auto", "mjpeg", "h264", "yuyv422", "nv12", "gray", "bgr24"]
TRIED = ("mjpeg", "h264", "")  # auto: what needs least of the bus first; "": whatever the device gives


class V4l2Source:
    class Options(Strict):
        """Which device, and what to ask of it."""

        path: Path = Field(Path("/dev/video0"), description="the device; /dev/v4l/by-id/... stays the same when ports change")
        pixels: Pixels = Field("auto", description="what to ask of the device; auto: mjpeg, else h264, else its own")
        size: str = Field("", description="WIDTHxHEIGHT in pixels; default: the device's own")
        fps: float = Field(0, ge=0, le=1000, description="pictures a second to ask for; 0: the device's own")

        @field_validator("size")
        @classmethod
        def _is_size(cls, size: str) -> str:
            if size and not re.fullmatch(r"[1-9]\d{1,4}x[1-9]\d{1,4}", size):
                raise ValueError("is WIDTHxHEIGHT, such as 1280x720")
            return size

    live = True

    def __init__(self, camera: str, options: Options, clock: Clock) -> None:
        self.camera, self._options = camera, options
        self._reader = LiveReader(camera, clock, self._open, self._explain, silence_s=8)
        self.identity, self.lost = self._reader.session, self._reader.lost

    def packets(self) -> Iterator[Packet]:
        return self._reader.packets()

    def close(self) -> None:
        self._reader.close()

    def _open(self) -> InputContainer:
        wanted = TRIED if self._options.pixels == "auto" else (self._options.pixels,)
        for pixels in wanted[:-1]:
            try:
                return self._open_as(pixels)
            except ValueError:  # "invalid argument": the device has no such format
                continue
        return self._open_as(wanted[-1])

    def _open_as(self, pixels: str) -> InputContainer:
        options = self.request(pixels)
        return av.open(str(self._options.path), "r", format="video4linux2,v4l2", options=options, timeout=(8, 6))

    def request(self, pixels: str) -> dict[str, str]:
        """FFmpeg's options for a format."""
        options: dict[str, str] = {}
        if pixels in {"mjpeg", "h264"}:
            options["input_format"] = pixels
        elif pixels:
            options["pixel_format"] = options["input_format"] = pixels
        if self._options.size:
            options["video_size"] = self._options.size
        if self._options.fps:
            options["framerate"] = f"{self._options.fps:g}"
        return options

    def _explain(self, error: OSError | av.error.FFmpegError) -> HardwareError:
        path, key = self._options.path, f"cameras.{self.camera}"
        number = getattr(error, "errno", None)
        words = {
            errno.ENOENT: f"is not there; plug the camera in or change {key}.path (ls /dev/v4l/by-id/)",
            errno.ENODEV: f"has gone; plug the camera in again or change {key}.path",
            errno.EBUSY: f"is busy; stop the program that holds it (fuser {path}) or change {key}.path",
            errno.EACCES: "may not be opened by this user; add the user to the group video",
            errno.EPERM: "may not be opened by this user; add the user to the group video",
            errno.ENOTTY: f"is no camera; change {key}.path (v4l2-ctl --list-devices)",
            errno.EINVAL: f"does not give what is asked; change {key}.pixels, size or fps (v4l2-ctl -d {path} --list-formats-ext)",
            errno.EIO: "failed while it was read; see its cable and the power of its hub",
        }
        reason = words.get(number or 0, f"failed ({(getattr(error, 'strerror', None) or type(error).__name__).lower()}); plug it in again")
        return HardwareError(f"camera {self.camera}: {path} {reason}")
