"""Hidden: what a source gives, with what its owner hides marked or painted, whatever kind of source it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from device.pipeline.packets import Outlines, Packet, StreamInfo
from device.pipeline.protocols import Hiding, Source


def packets_of(source: Source, outlines: Outlines) -> Iterator[Packet]:
    """Everybody who reads a camera that may have masks reads it here."""
    if isinstance(source, Hiding):
        source.hide(outlines)
        return source.packets()
    return _marked(source.packets(), outlines) if outlines else source.packets()


def _marked(packets: Iterator[Packet], outlines: Outlines) -> Iterator[Packet]:
    came: StreamInfo | None = None
    marked: StreamInfo | None = None
    for packet in packets:
        if marked is None or packet.stream is not came:
            came, marked = packet.stream, replace(packet.stream, hides=outlines)
        yield replace(packet, stream=marked)
