"""The root of a data set as a job; it is remembered beside the set, so that the page can tell it."""

from __future__ import annotations

import json

from pydantic import Field

from trainer.jobs.kinds import Given, Result
from trainer.jobs.told import Told
from trainer.jobs.works.arguments import Name
from vision.strict import Strict


class Arguments(Strict):
    set: Name
    threads: int | None = Field(default=None, ge=1, le=64, description="that read pictures; null: two a core, at most 8")


def work(arguments: Arguments, given: Given, told: Told) -> Result:
    from contracts.files import write_durably
    from dataset.formats.known import open_reader
    from trainer.datasets.hashing import roots_of
    from trainer.home import named
    from trainer.jobs.works.judged import ticking

    reader = open_reader(named(given.home.sets, arguments.set))
    try:
        tick = ticking(told, "pictures", reader.total or 1, 0.0, 1.0)
        roots = roots_of(reader, tick, arguments.threads)
        skipped = sum(reader.findings.skipped.values())
    finally:
        reader.close()
    found = {"root": roots.root, "lineage": roots.lineage, "items": roots.items, "labels": roots.labels, "bytes": roots.bytes}
    known = {**found, "skipped": skipped, "t_us": given.clock.wall_ns() // 1000}
    write_durably(given.home.roots / f"{arguments.set}.json", json.dumps(known, indent=1).encode() + b"\n")
    return {**found, "skipped": skipped}
