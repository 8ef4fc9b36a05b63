"""Meant: which of the cameras that are plugged in is the one that a configuration means, and what is said when it is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from contracts.errors import HardwareError, Unplugged
from device.capture.device_id import DeviceId
from device.capture.local import LocalCamera, named

Looking = Callable[[], Sequence[LocalCamera]]


class Meant:
    """`where` is what messages call it: the node that was opened last, or how the configuration names it."""

    def __init__(self, camera: str, device: str, path: Path | None, look: Looking) -> None:
        self._camera, self._path, self._look = camera, path, look
        self._device = DeviceId.parse(device) if device else None
        self.where = str(path or device or "its device")

    def among(self, cameras: Sequence[LocalCamera]) -> Path | None:
        """Its node, where exactly one of these is meant."""
        if self._path is not None:
            return self._path if self._path.exists() else None
        found = self._meant(cameras)
        return found[0].node if len(found) == 1 else None

    def node(self) -> Path:
        """To be opened now. Unplugged, or HardwareError where it could be one or the other."""
        if self._path is not None:
            return self._path
        cameras = self._look()
        found = self._meant(cameras)
        if not found:
            raise self._absent(cameras)
        if len(found) > 1:
            raise self._several(found)
        self.where = str(found[0].node)
        return found[0].node

    def check(self) -> None:
        """Raises Unplugged if it is not there any more."""
        if self._path is not None and not self._path.exists():
            raise self.gone()
        if self._path is None and not self._meant(cameras := self._look()):
            raise self._absent(cameras)

    def gone(self) -> Unplugged:
        if self._path is None:
            return self._absent(self._look())
        mend = f"plug the camera in or change cameras.{self._camera}.path (`vedette cameras` lists those that are plugged in)"
        return Unplugged(f"camera {self._camera}: {self._path} is not there; {mend}")

    def _meant(self, cameras: Sequence[LocalCamera]) -> list[LocalCamera]:
        return named(self._device, cameras) if self._device else list(cameras)

    def _absent(self, cameras: Sequence[LocalCamera]) -> Unplugged:
        if self._device is None:
            return Unplugged(f"camera {self._camera}: no camera is plugged in; plug one in, or change cameras.{self._camera}")
        alike = next((camera.id for camera in cameras if self._device.same_model(camera.full)), "")
        hint = f"or, if it is the one that is now plugged in as {alike}, write that" if alike else "or write another one"
        mend = f"plug it in, {hint} in cameras.{self._camera}.device (`vedette cameras`)"
        return Unplugged(f"camera {self._camera}: {self._device} is not plugged in; {mend}")

    def _several(self, found: Sequence[LocalCamera]) -> HardwareError:
        ids = " or ".join(camera.id for camera in found[:4])
        named_so = f"{len(found)} cameras answer to {self._device}" if self._device else f"{len(found)} cameras are plugged in"
        return HardwareError(f"camera {self._camera}: {named_so}; write {ids} in cameras.{self._camera}.device")
