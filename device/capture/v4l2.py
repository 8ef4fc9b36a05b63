"""USB and other Video4Linux cameras: MJPEG and H.264 passed through as they come, raw pictures through the encoder."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from pydantic import Field, field_validator, model_validator

from contracts.errors import HardwareError, Unplugged
from device.capture.device_id import DeviceId
from device.capture.live import LiveReader
from device.capture.local import LocalCamera, local_cameras
from device.capture.meant import Meant
from device.clock import Clock
from device.pipeline.packets import Outlines, Packet
from device.pipeline.strict import Strict

Pixels = Literal["auto", "mjpeg", "h264", "yuyv422", "nv12", "gray", "bgr24"]
TRIED = ("mjpeg", "h264", "")  # auto: what needs least of the bus first; "": whatever the device gives


class V4l2Source:
    class Options(Strict):
        """Which camera, and what to ask of it. With neither `device` nor `path` it is the only one that is plugged in."""

        device: str = Field("", description="as `vedette cameras` lists it: usb:046d:0892:1A2B3C; that stays, whatever is found first")
        path: Path | None = Field(None, description="a device file in its place; /dev/video0 may be another camera tomorrow")
        pixels: Pixels = Field("auto", description="what to ask of the device; auto: mjpeg, else h264, else its own")
        size: str = Field("", description="WIDTHxHEIGHT in pixels; default: the device's own")
        fps: float = Field(0, ge=0, le=1000, description="pictures a second to ask for; 0: the device's own")

        @field_validator("size")
        @classmethod
        def _is_size(cls, size: str) -> str:
            if size and not re.fullmatch(r"[1-9]\d{1,4}x[1-9]\d{1,4}", size):
                raise ValueError("is WIDTHxHEIGHT, such as 1280x720")
            return size

        @field_validator("device")
        @classmethod
        def _is_id(cls, device: str) -> str:
            return str(DeviceId.parse(device)) if device else device

        @model_validator(mode="after")
        def _one_of_them(self) -> V4l2Source.Options:
            if self.device and self.path:
                raise ValueError("device and path name a camera each; keep device")
            return self

    live = True

    def __init__(
        self, camera: str, options: Options, clock: Clock, look: Callable[[], Sequence[LocalCamera]] = local_cameras
    ) -> None:
        self.camera, self._options = camera, options
        self._meant = Meant(camera, options.device, options.path, look)
        self._reader = LiveReader(camera, clock, self._open, self._explain, silence_s=8)
        self.identity, self.lost = self._reader.session, self._reader.lost

    def packets(self) -> Iterator[Packet]:
        try:
            yield from self._reader.packets()
        except Unplugged:
            raise
        except HardwareError as error:  # silence, an end, a failed read: with a camera that has gone it is that
            self._meant.check()
            raise error from None

    def hide(self, outlines: Outlines) -> None:
        """From the next connection on."""
        self._reader.hides = outlines

    def close(self) -> None:
        self._reader.close()

    def plugged(self, cameras: Sequence[LocalCamera]) -> Path | None:
        """Its node, where it is one of these."""
        return self._meant.among(cameras)

    def _open(self) -> InputContainer:
        node = self._meant.node()
        wanted = TRIED if self._options.pixels == "auto" else (self._options.pixels,)
        for pixels in wanted[:-1]:
            try:
                return self._open_as(node, pixels)
            except ValueError:  # "invalid argument": the device has no such format
                continue
        return self._open_as(node, wanted[-1])

    def _open_as(self, node: Path, pixels: str) -> InputContainer:
        return av.open(str(node), "r", format="video4linux2,v4l2", options=self.request(pixels), timeout=(8, 6))

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
        where, key = self._meant.where, f"cameras.{self.camera}"
        number = getattr(error, "errno", None)
        if number in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
            return self._meant.gone()
        words = {
            errno.EBUSY: f"is busy; stop the program that holds it (fuser {where}) or change {key}",
            errno.EACCES: "may not be opened by this user; add the user to the group video",
            errno.EPERM: "may not be opened by this user; add the user to the group video",
            errno.ENOTTY: f"is no camera; change {key}.path (`vedette cameras` lists those that are plugged in)",
            errno.EINVAL: f"does not give what is asked; change {key}.pixels, size or fps (v4l2-ctl -d {where} --list-formats-ext)",
            errno.EIO: "failed while it was read; see its cable and the power of its hub",
        }
        reason = words.get(number or 0, f"failed ({(getattr(error, 'strerror', None) or type(error).__name__).lower()}); plug it in again")
        return HardwareError(f"camera {self.camera}: {where} {reason}")
