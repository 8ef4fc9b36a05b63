"""Course: the loop of a run: epochs of steps, validation, the best kept, checkpoints, and an end before time where nobody wants more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from contracts.errors import ConfigError
from contracts.run import Best, EpochLine
from contracts.wire import utc_from_ns
from trainer.clock import Clock
from trainer.jobs.told import Told
from trainer.judge.evaluator import Scores
from trainer.train.checkpoint import Place, Sums, keep, resume
from trainer.train.config import TrainConfig
from trainer.train.curves import Curves
from trainer.train.feed import Batch, Feed
from trainer.train.learner import Learner
from trainer.train.run_folder import RunFolder
from trainer.train.team import Team
from trainer.train.weights import About, write_network

Looked = Callable[[int], None]
SOON_S = 1.0  # between two words about how far it is


class _Ended(Exception):
    """Leaves a validation that nobody waits for."""


@dataclass(eq=False)
class Course:
    """`score` is asked of the first process only."""

    config: TrainConfig
    folder: RunFolder
    about: About
    learner: Learner
    feed: Feed
    steps: int  # of an epoch
    team: Team
    told: Told
    clock: Clock
    score: Callable[[Looked], Scores]
    on_epoch: Callable[[EpochLine], None] = lambda _: None
    _curves: Curves | None = None
    _began_s: float = 0.0
    _first: int = 0  # step this process began with
    _said_s: float = field(default=-math.inf)
    _kept_s: float = 0.0

    def run(self) -> bool:
        """Whether it came to its end; else it was stopped and can be resumed."""
        place = resume(self.folder, self.learner)
        self._began_s = self._kept_s = self._now_s()
        self._first = place.step
        if self.team.first:
            self.folder.settle(place.line)
            self._curves = Curves(self.folder.path / "tensorboard", self.clock.wall_ns() / 1e9)
        try:
            while place.epoch < self.config.training.epochs and not place.ended:
                after = self._epoch(place)
                if after is None:
                    return False
                place = after
            return True
        finally:
            if self._curves is not None:
                self._curves.close()

    def _epoch(self, place: Place) -> Place | None:
        began_s = self._now_s() - place.seconds
        done = place.step - place.epoch * self.steps
        sums = Sums(dict(place.sums), done)
        for number, batches in self._batches(place.epoch, done):
            if self.team.any(self.told.stopped()):
                self._keep(place, number, sums, began_s)
                return None
            losses = self.learner.step(number, batches)
            if not math.isfinite(losses["total"]):
                raise ConfigError(_lost(place.epoch, number, losses))
            sums.add(losses)
            self._say(place.epoch, number + 1, sums)
            if self.team.first and self._now_s() - self._kept_s > self.config.training.checkpoint_minutes * 60:
                self._keep(place, number + 1, sums, began_s)
        return self._finished(place, sums, began_s)

    def _batches(self, epoch: int, done: int) -> Iterator[tuple[int, list[Batch]]]:
        """Numbers of steps from the beginning of the run, and what each learns from."""
        training, augment = self.config.training, self.config.augment
        mosaic = epoch < training.epochs * (1 - augment.mosaic_off)
        each = self.feed.batches(epoch, self.steps * training.accumulate, done * training.accumulate, mosaic)
        for number in range(epoch * self.steps + done, (epoch + 1) * self.steps):
            yield number, [next(each) for _ in range(training.accumulate)]

    def _keep(self, place: Place, step: int, sums: Sums, began_s: float) -> None:
        """In the middle of an epoch."""
        if self.team.first:
            seconds = self._now_s() - began_s
            keep(self.folder, self.learner, place.model_copy(update={"step": step, "sums": sums.parts, "seconds": seconds}))
            self._kept_s = self._now_s()

    def _finished(self, place: Place, sums: Sums, began_s: float) -> Place | None:
        """An epoch is over: judged, the best kept, written down."""
        self.learner.agree()
        epoch, step = place.epoch + 1, (place.epoch + 1) * self.steps
        training = self.config.training
        judged = epoch % training.validate_every == 0 or epoch == training.epochs
        best, waited, scores = place.best, place.waited, None
        if self.team.first and judged:
            self._tell(step, f"epoch {epoch} of {training.epochs}: looking at the val pictures")
            scores = self._scored()
        if self.team.any(self.team.first and judged and scores is None):
            self._keep(place, step, sums, began_s)  # and is judged when it goes on
            return None
        if scores is not None:
            found = Best(epoch=epoch, ap50=_number(scores.overall["ap50"]), ap=_number(scores.overall["ap"]))
            waited += 1
            if best is None or _rank(found) > _rank(best):
                best, waited = found, 0
                more = found.model_dump(mode="json")
                write_network(self.folder.best, self.learner.average, self.about, more)
        ended = self.team.any(training.patience is not None and waited >= training.patience)
        place = Place(epoch=epoch, step=step, best=best, waited=waited, ended=ended)
        if self.team.first:
            place = place.model_copy(update={"line": self._line(place, sums, scores, began_s)})
            self._written(place)
        return place

    def _scored(self) -> Scores | None:
        """None: somebody wants it to end."""

        def looked(_: int) -> None:
            if self.told.stopped():
                raise _Ended

        try:
            return self.score(looked)
        except _Ended:
            return None

    def _line(self, place: Place, sums: Sums, scores: Scores | None, began_s: float) -> EpochLine:
        return EpochLine(
            epoch=place.epoch,
            epochs=self.config.training.epochs,
            step=place.step,
            loss=sums.means(),
            rate=self.config.training.rate * self.learner.rate(place.step - 1),
            ap=_number(scores.overall["ap"]) if scores else None,
            ap50=_number(scores.overall["ap50"]) if scores else None,
            classes={name: _number(figures["ap50"]) for name, figures in scores.classes.items()} if scores else {},
            seconds=self._now_s() - began_s,
            left_s=0.0 if place.ended else self._left_s(place.step),
            t=utc_from_ns(self.clock.wall_ns()),
        )

    def _written(self, place: Place) -> None:
        """The checkpoint first: a line that is missing is in it, a line too many would be a lie."""
        keep(self.folder, self.learner, place)
        self._kept_s = self._now_s()
        assert place.line is not None and self._curves is not None  # noqa: S101  for the type checker: the first process has both
        self.folder.append(place.line)
        self._curves.add(place.line)
        self.on_epoch(place.line)
        line = place.line
        figures = "" if line.ap50 is None else f", AP50 {line.ap50:.3f}, AP {line.ap or 0:.3f}"
        self._tell(place.step, f"epoch {line.epoch} of {line.epochs}: loss {line.loss.get('total') or 0:.3f}{figures}")

    def _say(self, epoch: int, step: int, sums: Sums) -> None:
        if self.team.first and self._now_s() - self._said_s >= SOON_S:
            loss = sums.means()["total"] or 0
            self._tell(
                step,
                f"epoch {epoch + 1} of {self.config.training.epochs}: step {step - epoch * self.steps} of {self.steps}, loss {loss:.3f}",
            )

    def _tell(self, step: int, said: str) -> None:
        self._said_s = self._now_s()
        left = self._left_s(step)
        self.told.progress(step / (self.config.training.epochs * self.steps), f"{said}, {words(left)} left" if left else said)

    def _now_s(self) -> float:
        return self.clock.mono_ns() / 1e9

    def _left_s(self, step: int) -> float:
        """By what a step took until now, validation and all."""
        done = step - self._first
        remaining = self.config.training.epochs * self.steps - step
        return (self._now_s() - self._began_s) / done * remaining if done else 0.0


def words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _rank(best: Best) -> tuple[float, float]:
    return best.ap50 if best.ap50 is not None else -1.0, best.ap if best.ap is not None else -1.0


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _lost(epoch: int, step: int, losses: dict[str, float]) -> str:
    parts = ", ".join(f"{name} {value}" for name, value in losses.items())
    return (
        f"training: the loss is no number any more in epoch {epoch + 1}, step {step + 1} ({parts}); begin again with a lower training.rate"
    )
