"""Groups: what is recorded together stays together: one box, one session."""

from __future__ import annotations

from dataclasses import dataclass

from dataset.items import Item


@dataclass(frozen=True, slots=True)
class Group:
    """`name` decides, with the salt, on which side it is."""

    name: str
    device: str = ""
    session: str = ""
    single: bool = False  # one picture of no known recording


def group_of(item: Item) -> Group:
    """Device and session; where the set knows none the video; else the picture alone."""
    origin = item.origin
    if origin.session:
        return Group(f"{origin.device}/{origin.session}", origin.device, origin.session)
    if item.sequence:
        return Group(f"{origin.device}/video {item.sequence}", origin.device, item.sequence)
    return Group(f"picture {item.id}", origin.device, "", single=True)
