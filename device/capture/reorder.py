"""Presentation times for containers that store none: AVI with pictures out of order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import av

from device.capture.annexb import PARAMETER_SETS
from device.capture.demux import Demux
from device.capture.units import Unit
from device.pipeline.contexts import av_packet, decoder_context
from device.pipeline.packets import StreamInfo


def in_presentation_order(demux: Demux) -> Iterator[tuple[StreamInfo, Unit]]:
    """The units, with right times. AVI numbers H.264 and HEVC in decoding order only, so each group is decoded to see its order."""
    context = demux.stream.codec_context
    if demux.stream.container.format.name != "avi" or context.name not in PARAMETER_SETS or not context.has_b_frames:
        yield from demux.units()
        return
    group: list[Unit] = []
    owner: StreamInfo | None = None
    for stream, unit in demux.units():
        if unit.key and owner is not None:
            yield from ((owner, u) for u in renumbered(owner, group))
            group = []
        owner = stream
        group.append(unit)
    if owner is not None:
        yield from ((owner, u) for u in renumbered(owner, group))


def renumbered(stream: StreamInfo, group: list[Unit]) -> list[Unit]:
    """The n-th picture shown gets the n-th time; when decoding fails, times stay as they are."""
    times = sorted(unit.dts_ns or 0 for unit in group)
    shown = _order(stream, group)
    if len(shown) != len(group):
        return [replace(unit, pts_ns=unit.dts_ns) for unit in group]
    lead = max(0, *(n - shown.index(n) for n in range(len(group)))) if group else 0
    pts = {index: times[place] for place, index in enumerate(shown)}
    early = times[0] - (times[lead] if lead < len(times) else times[-1])  # decoding comes that much before showing
    return [replace(unit, pts_ns=pts[n], dts_ns=(unit.dts_ns or 0) + min(0, early)) for n, unit in enumerate(group)]


def _order(stream: StreamInfo, group: list[Unit]) -> list[int]:
    """Indices of the group's units in the order in which they are shown."""
    context = decoder_context(stream.codec, stream.extradata)
    shown: list[int] = []
    try:
        for n, unit in enumerate(group):
            packet = av_packet(unit.data, pts=n, dts=n)
            shown += [picture.pts for picture in context.decode(packet) if picture.pts is not None]
        shown += [picture.pts for picture in context.decode(None) if picture.pts is not None]
    except av.error.FFmpegError:
        return []
    return shown
