"""Stills: the newest key frame of a camera as a picture: for the page, and kept as a file when a command asks for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from contracts.errors import HardwareError, StorageError
from contracts.files import file_name
from contracts.wire import utc_from_ns, utc_text
from device.capture.decoder import Decoder
from device.pipeline.packets import Packet
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally
from device.record.pictures import save_frame
from device.snapshots import KEPT, Snapshots
from vision.types import Frame, Planes

log = logging.getLogger(__name__)


class Stills:
    def __init__(self, rings: Mapping[str, PacketRing], data: Path, tally: Tally, keep: int = KEPT) -> None:
        self._rings, self._data = rings, data
        self._snapshots = Snapshots(data, tally, keep)

    def snapshot(self, args: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        """The command. An idle camera's frames are not analysed, its picture is of now all the same."""
        camera = str(args.get("camera", next(iter(self._rings))))
        frame = self._newest(camera)
        if frame is None:
            raise HardwareError(f"camera {camera}: there is no picture of it yet; the cameras are {', '.join(self._rings)}")
        at = utc_from_ns(frame.wall_ns)
        path = f"snapshots/{file_name(camera)}-{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}Z"
        self._snapshots.check()
        size = save_frame(self._data / path, frame, "jpg")
        try:
            self._snapshots.trim()
        except StorageError as error:  # the picture that was asked for is there
            log.warning("old snapshots could not be removed", extra={"reason": str(error)})
        return {"camera": camera, "path": f"{path}.jpg", "bytes": size, "t": utc_text(at)}

    def _newest(self, camera: str) -> Frame | None:
        ring = self._rings.get(camera)
        key = ring.last_key() if ring else None
        return Decoder(key.stream).still(key) if key else None


def picture_in(key: Packet) -> Planes | None:
    """A key frame decoded by itself; None: there is no picture in it."""
    frame = Decoder(key.stream).still(key)
    return frame.planes if frame else None
