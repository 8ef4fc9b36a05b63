"""Batching: recordings to documents, side by side on all cores or machines; interrupted at any instant it goes on where it was."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from contracts.errors import BundleError, ConfigError, HardwareError
from contracts.event import Event
from contracts.files import make_folders, storage
from device.batch.directory import write_index, write_summary
from device.batch.films import Asked, Film
from device.batch.runner import Runner
from device.batch.units import Unit
from device.clock import Clock
from device.replaying import alone_in
from device.scrub import scrub

log = logging.getLogger(__name__)
Progress = Callable[[float], None]


def batch(
    films: Sequence[Film],
    asked: Asked,
    runner: Runner,
    clock: Clock,
    *,
    on_progress: Progress = lambda _s: None,
    on_film: Callable[[Film], None] = lambda _f: None,
    on_event: Callable[[Film, Event], None] = lambda _f, _e: None,
) -> dict[str, Any]:
    """The summary. A recording that fails is named in it and the others go on; StorageError when the disk takes nothing more."""
    began_ns = clock.mono_ns()
    with storage(asked.out):
        make_folders(asked.out)
    with alone_in(asked.out):
        _all(films, runner, on_progress, on_film, on_event)
        write_index(asked.out)
        return write_summary(asked.out, films, (clock.mono_ns() - began_ns) / 1e9)


def _all(
    films: Sequence[Film],
    runner: Runner,
    on_progress: Progress,
    on_film: Callable[[Film], None],
    on_event: Callable[[Film, Event], None],
) -> None:
    owners: dict[tuple[str, int], Film] = {}
    told: set[int] = set()

    def settle() -> None:
        for film in films:
            if film.complete:
                _finish(film, on_event)
            if (film.ready or film.failed) and id(film) not in told:
                told.add(id(film))
                on_film(film)
        on_progress(sum(film.seconds if film.ready or film.failed else min(film.seconds, film.seen_s) for film in films))

    try:
        for unit, result in runner.run(_units(films, owners)):
            owners.pop((unit.file, unit.number)).take(unit, result)
            settle()
        settle()
    finally:
        runner.close()


def _units(films: Sequence[Film], owners: dict[tuple[str, int], Film]) -> Iterator[Unit]:
    for film in [film for film in films if not film.failed]:
        try:
            for unit in film.units():
                owners[unit.file, unit.number] = film
                yield unit
                if film.failed:
                    break
        except (HardwareError, ConfigError) as error:
            film.failed = scrub(str(error))
            log.debug("a recording failed", exc_info=True)


def _finish(film: Film, on_event: Callable[[Film, Event], None]) -> None:
    """StorageError ends the run: what one document does not fit, the next will not."""
    try:
        film.finish(lambda event: on_event(film, event))
    except (HardwareError, BundleError) as error:
        film.failed = scrub(str(error))
