"""Hiding: the cameras with masks: who makes their packets anew, and what is said where an owner prefers copies."""

from __future__ import annotations

from collections.abc import Mapping

from device.capture.masking import PART, Masking
from device.clock import Clock
from device.masks import masks_of
from device.pipeline.board import Board
from device.pipeline.channel import SLICE_S
from device.pipeline.packets import Outlines
from device.pipeline.protocols import Tick
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally
from device.settings import Settings

PATIENCE_S = 6  # for what is still to be encoded when the last scene has been handed over


def hiding(
    settings: Settings, came: Mapping[str, PacketRing], masks: Mapping[str, Outlines], seconds: float, *, live: bool, keeps: bool,
    board: Board, tally: Tally, clock: Clock,
) -> tuple[dict[str, PacketRing], dict[str, Masking]]:  # fmt: skip
    """The rings that everybody but analysis reads. Without anybody who makes clips nothing is encoded: pictures are painted as they
    are decoded, and packets that show what is hidden leave the box nowhere."""
    rings, maskings = dict(came), dict[str, Masking]()
    for name, outlines in masks.items():
        if outlines and keeps and makes_clips(settings) and not copied(settings, name):
            rings[name] = PacketRing(seconds)
            maskings[name] = Masking(name, came[name], rings[name], live=live, board=board, tally=tally, clock=clock)
    if shown := [name for name in masks if copied(settings, name)]:
        board.part(PART, "ok", f"clips of {', '.join(shown)} show what its masks hide: record.masked is copy", clock.wall_ns())
    return rings, maskings


def makes_clips(settings: Settings) -> bool:
    return settings.record is not None or settings.recording is not None


def copied(settings: Settings, camera: str) -> bool:
    """Whether clips of a camera show what its masks hide, as its owner chose."""
    return settings.record is not None and settings.record.masked == "copy" and bool(masks_of(settings, camera))


def finish(maskings: Mapping[str, Masking], tick: Tick) -> None:
    """Clips end with the last packet: it is waited for, as long as that is any use."""
    for masking in maskings.values():
        for _ in range(round(PATIENCE_S / SLICE_S)):
            tick()
            if masking.done.wait(SLICE_S):
                break
