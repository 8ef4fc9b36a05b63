"""Teaching: the training data of this box, built where it is wanted, and shown to the janitor as something that can be removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import JsonValue

from contracts.errors import ConfigError, StorageError
from contracts.removal import Order
from contracts.wire import utc_from_ns
from dataset.exporter import Exporter
from dataset.known import Known
from device.clock import Clock
from device.config import Settings
from device.export.training import Training
from device.keep.shelf import Totals
from device.masks import in_training
from device.pipeline.board import Board
from device.pipeline.channel import nothing
from device.pipeline.crew import Crew
from device.pipeline.protocols import Inbox
from device.pipeline.tally import Tally
from device.sight import Sight
from vision.types import Scene

RECORDED = ("clip_bytes", "take_bytes")


def teach(
    settings: Settings, sight: Sight, outlets: list[Inbox[Scene]], crew: Crew, data: Path, *, clock: Clock, tally: Tally, board: Board,
    require: Callable[[], None] = nothing,
) -> Training | None:  # fmt: skip
    """With a place in the crew and an ear at the pipeline; None where it is off, and then it costs nothing."""
    if not settings.export.enabled:
        return None
    masks = {name: [list(each) for each in outlines] for name in sight.sources if (outlines := in_training(settings, name))}
    records = bool(settings.record or settings.recording)
    training = Training(
        data,
        settings.export.model_copy(update={"masks": {**settings.export.masks, **masks}}),
        clock=clock,
        tally=tally,
        board=board,
        identities={name: partial(getattr, source, "identity") for name, source in sight.sources.items()},
        recorded_bytes=partial(recorded, tally) if records and sight.live else None,
        lossless=not sight.live,
        require=require,
    )
    outlets.append(training)
    crew.add("export", training.run, deadline_s=120)
    sight.on_end.append(training.close)
    return training


def by_command(training: Training | None, args: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    if training is None:
        raise ConfigError("training data is not exported: set export.enabled: true, or VEDETTE_EXPORT__ENABLED=true")
    return training.export(args)


def recorded(tally: Tally) -> int:
    """Bytes of video that were kept since the start."""
    return sum(n for (_, what, _), n in tally.counts().items() if what in RECORDED)


@dataclass(frozen=True, slots=True)
class Piece:
    """A picture of the data set, with all that is said of it, as the janitor sees it."""

    name: str
    bytes: int
    wall_ns: int
    files: int = 2
    pinned: bool = False


class DatasetExports:
    """What the janitor may remove of the data set that this box writes: device.keep.exports' `Exports`."""

    distrusted = ""

    def __init__(self, training: Training, data: Path, clock: Clock) -> None:
        root = training.root
        self._root, self._open, self._clock = root, training.opened, clock
        self._place = root.relative_to(data).as_posix() if root.is_relative_to(data) else root.as_posix()

    def _exporter(self) -> Exporter:
        """StorageError while a tool has the data set open: it is left out of the janitor's round."""
        try:
            return self._open()
        except ConfigError as error:
            raise StorageError(str(error)) from error

    def first(self, limit: int, order: Order, *, acknowledged: bool) -> Sequence[Piece]:
        if not self._there():
            return ()
        offered = self._exporter().offered(limit, largest_first=order == "largest", acknowledged=acknowledged)
        return [self._piece(known) for known in offered]

    def _piece(self, known: Known) -> Piece:
        return Piece(f"{self._place}/images/{known.id}.png", known.bytes, known.us * 1000)

    def _there(self) -> bool:
        """A box that kept nothing yet has no data set, and none is made for the janitor's sake."""
        return (self._root / "manifest.jsonl").exists()

    def totals(self) -> Totals:
        if not self._there():
            return Totals()
        held = self._exporter().held()
        return Totals(held.bytes, held.count, held.oldest_us * 1000 if held.oldest_us is not None else None, 0, held.unacknowledged_bytes)

    def remove(self, name: str, why: str) -> None:
        """The janitor decides whether what nobody else has may go; he tells of it before."""
        image_id = Path(name).stem
        self._exporter().remove([image_id], why, utc_from_ns(self._clock.wall_ns()), unacknowledged=True)


def exports_of(training: Training | None, data: Path, clock: Clock) -> DatasetExports | None:
    return DatasetExports(training, data, clock) if training else None
