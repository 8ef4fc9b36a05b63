"""Judged: a part of a data set of the home that models are asked about, and the bundles that are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from contracts.errors import ConfigError
from contracts.evaluation import SavedAnswers
from dataset.findings import Findings
from dataset.formats.known import open_reader
from dataset.items import Item
from trainer.datasets.split_file import read_split
from trainer.datasets.splitting import Frozen
from trainer.home import Home, named
from trainer.jobs.told import Told
from trainer.judge.asking import ask
from trainer.judge.ground import Ground
from trainer.judge.loading import ground_of


class Broken(ConfigError):
    """Work that was asked to stop; nothing of it is kept."""


@dataclass(frozen=True, eq=False)
class Judged:
    ground: Ground
    items: list[Item]
    all_items: list[Item]

    def answers(self, bundle: Path, tick: Callable[[int], None], also: Iterable[str] = ()) -> SavedAnswers:
        """`also`: pictures outside the part, such as those of past incidents."""
        extra = set(also) - {item.id for item in self.items}
        return ask(bundle, [*self.items, *(item for item in self.all_items if item.id in extra)], 1, tick)


def judged(home: Home, name: str, split: str | None, side: str, utc_offset_h: float) -> Judged:
    """What cannot be read refuses the whole: a test set with holes is another test set."""
    path, findings = named(home.sets, name), Findings()
    reader = open_reader(path, None, findings)
    try:
        items, categories = list(reader), reader.categories
    finally:
        reader.close()
    if findings.skipped:
        raise ConfigError(f"data set {name}: {sum(findings.skipped.values())} entries cannot be read; run `dataset check` and mend them")
    if split is not None:
        frozen = Frozen(read_split(named(home.splits, split, ".json")))
        items = [replace(item, split=frozen.side(item) or "held") for item in items]
    ground, chosen = ground_of(items, categories, side, utc_offset_h)
    return Judged(ground, chosen, items)


def bundle_path(home: Home, digest: str) -> Path:
    path = home.bundles / f"{digest.removeprefix('sha256:')}.zip"
    if not path.is_file():
        raise ConfigError(f"bundle {digest}: is not in {home.bundles}; add it with `vedette-trainer models add`")
    return path


def ticking(told: Told, words: str, total: int, begin: float, share: float) -> Callable[[int], None]:
    """Tells `share` of the whole from `begin` on, and stops the work where it is when nobody wants it any more."""

    def tick(done: int) -> None:
        told.progress(begin + share * done / max(1, total), f"{words}: {done} of {total}")
        if told.stopped():
            raise Broken(f"{words}: stopped at {done} of {total}")

    return tick
