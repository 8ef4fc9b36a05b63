"""Batching: recordings to documents, side by side on all cores or machines; interrupted at any instant it goes on where it was."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from contracts.errors import StorageError, VedetteError
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
NO_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS}  # what one document does not fit, the next will not


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
                with _alone(film):
                    film.finish(partial(on_event, film))
            if (film.ready or film.failed) and id(film) not in told:
                told.add(id(film))
                on_film(film)
        on_progress(sum(film.seconds if film.ready or film.failed else min(film.seconds, film.seen_s) for film in films))

    try:
        for unit, result in runner.run(_units(films, owners)):
            film = owners.pop((unit.file, unit.number))
            with _alone(film):
                film.take(unit, result)
            settle()
        settle()
    finally:
        runner.close()


def _units(films: Sequence[Film], owners: dict[tuple[str, int], Film]) -> Iterator[Unit]:
    for film in [film for film in films if not film.failed]:
        with _alone(film):
            for unit in film.units():
                owners[unit.file, unit.number] = film
                yield unit
                if film.failed:
                    break


@contextmanager
def _alone(film: Film) -> Iterator[None]:
    """What goes wrong with one recording is said of it, and the others go on; a disk that takes nothing ends the run."""
    try:
        yield
    except VedetteError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in NO_DISK and isinstance(error, StorageError):
            raise
        film.failed = film.failed or scrub(str(error))
        log.debug("a recording failed", exc_info=True)
    except Exception as error:  # a file from outside, or a site's stage, may make anything raise
        film.failed = film.failed or scrub(f"{film.source.path}: {type(error).__name__}: {error}")
        log.exception("a recording failed")
