"""Merge: the stages with a memory over what was found in all units, once and in order: the events of one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from contracts.event import Event
from device.batch.index import Facts
from device.batch.recipe import Recipe, close, open_memory
from device.batch.sightings import scenes
from device.clock import Clock
from device.pipeline.passage import Passage, farewell, narrow
from device.pipeline.protocols import EndOfStream
from device.pipeline.tally import Tally


def merged(recipe: Recipe, digest: str, facts: Facts, paths: Iterable[Path], clock: Clock, tally: Tally) -> Iterator[Event]:
    """Every message in its order, the last words at the end of the file with them."""
    stages = open_memory(recipe, digest, clock, tally)
    try:
        passage = Passage(narrow(stages), clock, tally)
        for path in paths:
            for scene in scenes(path, recipe.camera, facts.start_wall_ns):
                grown = passage(scene)
                if grown is not None:
                    passage.hand_over(grown, [])
                    yield from grown.events
        end = EndOfStream(recipe.camera, facts.last_ns, facts.last_ns, facts.start_wall_ns + facts.last_ns, "end of file")
        last = farewell(end, passage.last_words(end))
        passage.hand_over(last, [])
        yield from last.events
    finally:
        close(stages)
