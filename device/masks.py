"""Masks: what an owner hides of a camera's picture, from the two places where it may stand."""

from __future__ import annotations

from device.pipeline.packets import Outlines
from device.settings import Settings


def masks_of(settings: Settings, camera: str) -> Outlines:
    """`cameras.<name>.masks` where it is said, be it that there are none; else `export.masks.<name>`, as it was before there was that."""
    known = settings.cameras.get(camera)
    if known is not None and known.masks is not None:
        return known.masks
    return tuple(tuple(outline) for outline in settings.export.masks.get(camera, ()))


def in_training(settings: Settings, camera: str) -> Outlines:
    """What training pictures do not show: also what `export.masks` says beside the camera's own."""
    own, further = masks_of(settings, camera), settings.export.masks.get(camera, ())
    return own + tuple(outline for each in further if (outline := tuple(each)) not in own)


def named(settings: Settings) -> set[str]:
    return {*settings.cameras, *settings.export.masks}
