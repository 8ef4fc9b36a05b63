"""Films: the pictures of a video file, for whoever keeps some of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from contracts.errors import ConfigError, HardwareError
from device.capture.decoder import Decoder
from device.capture.file import FileSource
from device.clock import SystemClock
from device.pipeline.packets import Outlines
from vision.types import Frame


def frames_of(path: Path, hides: Outlines = ()) -> Iterator[Frame]:
    """Upright and in the order of showing, black in these outlines; HardwareError for what is no video."""
    source = FileSource("film", FileSource.Options(path=path), SystemClock())
    source.hide(hides)
    decoder: Decoder | None = None
    try:
        for packet in source.packets():
            decoder = decoder or Decoder(packet.stream)
            yield from decoder.decode(packet)
        if decoder:
            yield from decoder.flush()
    except ConfigError as error:
        raise HardwareError(f"{path}: cannot be read; see its rights") from error
