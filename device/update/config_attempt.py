"""The configuration of an assignment, step by step: fetched and checked first, on trial last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from contracts.files import storage
from device.update.config_fetch import fetched, require_good, require_small
from device.update.config_trial import Restarting
from device.update.orders import Work
from device.update.parts import EARLY, Parts, refreshed, step
from device.update.refusal import Refusal

__all__ = ["Restarting", "prepared", "settled", "tried"]
BEFORE = "model-before"  # the word under which stands what an assignment with both replaced


def prepared(work: Work, parts: Parts, checkpoint: Callable[[], None]) -> Work:
    """Fetched and checked, before the model that comes with it is; one that is on trial is past that."""
    revision = work.assignment.config
    if revision is None:
        return work
    box = parts.configuring
    if box is None:
        words = f"assignment {work.assignment.seq}: has a configuration, and this box takes none; assign without"
        raise Refusal("E_CONFIG", words)
    mark = box.mark(parts.state)
    if mark is not None and mark.work == work.number:
        return work
    if words := box.starts.rejects(revision.sha256):
        raise Refusal("E_CRASHLOOP", f"{words}; push another, or allow it with `vedette config use`")
    if box.revisions.linked("good") == revision.sha256 == box.running:
        return work
    require_small(revision)
    refreshed(parts, lambda released: released.config(revision))
    if not box.revisions.has(revision.sha256):
        if work.state in EARLY:
            work = step(work, "downloading", parts)
        label = {"rev": revision.rev, "target": revision.target, "rollout": work.assignment.rollout}
        with storage(box.revisions.folder):
            box.revisions.put(fetched(revision, parts.roads(), parts.tally), label)
    work = step(work, "preflight", parts)
    require_good(revision, box, checkpoint)
    return work


def tried(work: Work, parts: Parts, checkpoint: Callable[[], None]) -> tuple[Work, str]:
    """Put in force and on trial; what came of it, in words. With mode `shadow` a configuration is checked, and nothing more."""
    revision, box = work.assignment.config, parts.configuring
    if revision is None or box is None:
        return work, ""
    if work.assignment.mode == "shadow":
        return work, "the configuration was checked, and stays out of force; assign it live"
    number, _, before = (parts.state.word(BEFORE) or "").partition(" ")
    work = step(work, "trial", parts)

    def says(percent: float | None, words: str, left_s: float | None) -> None:
        checkpoint()
        parts.reports.say(replace(parts.reports.standing, words=words, percent=percent, left_s=left_s))

    box.put_in_force(parts.state, work.number, revision, before if number == str(work.number) and before else None, says)
    return work, f"configuration {revision.rev} is in force" if work.assignment.model is None else "model and configuration are in force"


def settled(parts: Parts, work: Work | None) -> None:
    """Before each go: what was on trial for another assignment, or for one that is over, goes back."""
    if parts.configuring is not None:
        parts.configuring.settle(parts.state, parts.slots, work.number if work else None)
