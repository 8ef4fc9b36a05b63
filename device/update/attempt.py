"""Attempt: one assignment from `offered` to its end, step by step; each step is written down, and may be the last before a power cut."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from contracts.errors import BundleError
from contracts.files import make_folders, storage
from contracts.update import Model, Release, UpdateState
from contracts.wire import utc_from_ns
from device.update.accepted import committed
from device.update.config_attempt import BEFORE, prepared, tried
from device.update.download import Download, sweep
from device.update.orders import VERDICT, Work
from device.update.parts import EARLY, Parts, mildest, refreshed, step
from device.update.preflight import inspect, opened, suits
from device.update.refusal import Refusal
from device.update.state import put_word
from vision.bundle import StoredBundle

__all__ = ["Parts", "attempt", "refreshed"]
RELEASE = "release"


def attempt(work: Work, parts: Parts, checkpoint: Callable[[], None]) -> None:
    """To its end, or Refusal; `checkpoint` raises when the work is to be let go of."""
    assignment, model = work.assignment, work.assignment.model
    if work.state in EARLY and assignment.expires <= parts.floors.now(parts.clock):
        raise Refusal("E_EXPIRED", f"assignment {assignment.seq}: expired at {assignment.expires}; assign anew, or see to the clock")
    work = prepared(work, parts, checkpoint)
    if model is None:
        _finish(work, parts, "the box keeps its model", checkpoint)
        return
    if parts.slots.linked("current") == model.digest and assignment.mode != "shadow":
        _finish(work, parts, "it is in force", checkpoint)
        return
    release = _kept(work, parts) or refreshed(parts, lambda released: released.release(model))
    suits(model, release.facts, parts.box())
    work, bundle = _installed(work, model, release, parts, checkpoint)
    _prove(work, bundle, parts, checkpoint)


def _kept(work: Work, parts: Parts) -> Release | None:
    """What was verified for this assignment before the box was stopped: to go on needs no network."""
    number, _, text = (parts.state.word(RELEASE) or "").partition(" ")
    return Release.model_validate_json(text) if work.state not in EARLY and number == str(work.number) else None


def _installed(work: Work, model: Model, release: Release, parts: Parts, checkpoint: Callable[[], None]) -> tuple[Work, StoredBundle]:
    """In its slot, looked over. One that is there already, and whole, is not fetched again."""
    if (there := _in_slot(model, parts)) is not None:
        work = step(work, "preflight", parts)
        inspect(there, model, release, parts.box())
        return work, there
    work, path = _fetched(work, model, release, parts, checkpoint)
    try:
        bundle = opened(str(path), model)
        work = step(work, "preflight", parts)
        inspect(bundle, model, release, parts.box())
    except Refusal:
        sweep(parts.incoming, None)
        raise
    parts.slots.put(bundle)
    sweep(parts.incoming, None)
    if (there := _in_slot(model, parts)) is None:
        raise Refusal("E_FETCH", f"{model.target}: is not on the disk as it was written; see the disk's health")
    return work, there


def _in_slot(model: Model, parts: Parts) -> StoredBundle | None:
    if not parts.slots.has(model.digest):
        return None
    try:
        return parts.slots.open(model.digest)
    except BundleError:
        parts.tally.count("", "update", "spoilt_slot")
        return None


def _fetched(work: Work, model: Model, release: Release, parts: Parts, checkpoint: Callable[[], None]) -> tuple[Work, Path]:
    """The file, every byte as it was signed."""
    sweep(parts.incoming, model.sha256)
    download = Download(parts.incoming, model, release, parts.tally)
    _room(parts, model, download)
    if work.state in EARLY:
        work = step(work, "downloading", parts)
    download.prepare(lambda: parts.slots.pieces(max(chunk.size for chunk in release.chunks)))
    path = _over_any_road(download, parts, model, checkpoint)
    if work.state in EARLY:
        with parts.state.writing() as connection:
            put_word(connection, RELEASE, f"{work.number} {release.model_dump_json()}")
        work = step(work, "verified", parts)
    return work, path


def _room(parts: Parts, model: Model, download: Download) -> None:
    """Before the first byte: for the file and its making, and what the owner wants left."""
    with storage(parts.incoming):
        make_folders(parts.incoming)
        found = os.statvfs(parts.incoming)
    free, needed = found.f_bavail * found.f_frsize, 2 * model.length + parts.reserve_bytes
    if free < needed and not download.path.exists():
        raise Refusal("E_SPACE", f"{model.target}: needs {needed >> 20} MB free, there are {free >> 20}; delete something")


def _over_any_road(download: Download, parts: Parts, model: Model, checkpoint: Callable[[], None]) -> Path:
    began_ns, before = parts.clock.mono_ns(), parts.reports.standing.bytes or 0

    def told(here: int, fetched: int) -> None:
        checkpoint()
        passed_s = max((parts.clock.mono_ns() - began_ns) / 1e9, 1e-3)
        left_s = (model.length - here) * passed_s / fetched if fetched else None
        standing = parts.reports.standing
        parts.reports.say(replace(standing, code=None, words="", percent=100 * here / model.length, bytes=before + fetched, left_s=left_s))

    flaws: list[Refusal] = []
    for road in parts.roads():
        already = download.fetched
        try:
            return download.fetch(road, told)
        except Refusal as refused:
            if not refused.passing:
                raise
            flaws.append(refused)
        finally:
            parts.tally.count("", "update", f"{road.name}_bytes", download.fetched - already)
    raise mildest(flaws)


def _prove(work: Work, bundle: StoredBundle, parts: Parts, checkpoint: Callable[[], None]) -> None:
    now = work

    def told(state: UpdateState, percent: float | None = None, words: str = "", left_s: float | None = None) -> None:
        nonlocal now
        checkpoint()
        parts.box()  # the owner may pin a model at any time, in a trial too
        now = step(now, state, parts)
        parts.reports.say(replace(parts.reports.standing, words=words, percent=percent, left_s=left_s))

    verdict = parts.prover.prove(bundle, told, work.assignment.mode)
    if not verdict.accepted:
        parts.reports.say(replace(parts.reports.standing, figures=verdict.figures))
        raise Refusal(verdict.code or "E_QUALITY", verdict.words or "the model did not prove itself; keep the old one")
    with parts.state.writing() as connection:  # a cut from here on finds an accepted model, and what it showed
        put_word(connection, VERDICT, f"{now.number} {verdict.figures.model_dump_json()}")
    if work.assignment.mode == "shadow":
        _end(now, parts, "content beside the old one, which stays in force; assign it live")
        return
    if work.assignment.config is not None:  # that goes on trial next: both go back when it is refused
        with parts.state.writing() as connection:
            put_word(connection, BEFORE, f"{now.number} {parts.slots.linked('current') or ''}")
    parts.slots.flip(bundle.digest)
    _finish(now, parts, "it is in force", checkpoint)


def _finish(work: Work, parts: Parts, words: str, checkpoint: Callable[[], None]) -> None:
    """The configuration that comes with it, then the end."""
    work, said = tried(work, parts, checkpoint)
    _end(work, parts, said or words)
    if parts.configuring is not None:
        parts.configuring.done(parts.state)


def _end(work: Work, parts: Parts, words: str) -> None:
    """`committed`, with a receipt for what a model showed."""
    work = parts.orders.note(work, "committed", None, words)
    at = utc_from_ns(parts.clock.wall_ns())
    parts.reports.say(committed(work.number, work.assignment, words, at, parts))
    keep = [work.assignment.model.digest] if work.assignment.model else []
    parts.slots.collect(keep)
    sweep(parts.incoming, None)
