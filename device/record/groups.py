"""Groups: what one trigger has recorded on any number of cameras; who listens hears of each clip, and of the whole when it is complete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from contracts.clip import Clip, Trigger


@dataclass(frozen=True, slots=True)
class GroupDone:
    """Nothing more comes for this recording. A camera that is among `cameras` and has no clip gave no pictures, or the disk refused them.

    `clips`: in the order in which they were finished, marked segments of a continuous recording among them. Continuous and scheduled
    recordings themselves may last for months: their clips are told by `on_clip` alone and are not collected here.
    """

    id: UUID
    trigger: Trigger
    cameras: tuple[str, ...]
    clips: tuple[Clip, ...]
    note: str = ""


@dataclass(slots=True)
class _Group:
    trigger: Trigger
    note: str
    cameras: list[str]
    waiting: set[str]
    clips: dict[UUID, Clip] = field(default_factory=dict)


class Groups:
    """Owned by the recorder's thread. `began` may be called again when a running recording takes in more cameras."""

    def __init__(self, on_group: Callable[[GroupDone], None] = lambda _: None) -> None:
        self._on_group = on_group
        self._open: dict[UUID, _Group] = {}

    def began(self, group: UUID, trigger: Trigger, cameras: Sequence[str], note: str = "") -> None:
        known = self._open.setdefault(group, _Group(trigger, note, [], set()))
        known.cameras += [camera for camera in cameras if camera not in known.cameras]
        known.waiting.update(cameras)

    def clip(self, clip: Clip) -> None:
        """A clip that was finished, or whose manifest was written again because an event marks it."""
        for group in {clip.group, *(cause.group for cause in clip.events)}:
            known = self._open.get(group) if group else None
            if known and known.trigger in {"event", "command"}:
                known.clips[clip.id] = clip

    def over(self, group: UUID, camera: str) -> None:
        """Nothing more of it comes from this camera."""
        known = self._open.get(group)
        if known is None:
            return
        known.waiting.discard(camera)
        if not known.waiting:
            del self._open[group]
            self._on_group(GroupDone(group, known.trigger, tuple(known.cameras), tuple(known.clips.values()), known.note))
