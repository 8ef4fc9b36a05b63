"""Filling the queue of pictures worth labelling as a job."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import Field

from trainer.jobs.kinds import Given, Result
from trainer.jobs.told import Told
from trainer.jobs.works.arguments import Name
from vision.strict import Strict


class Arguments(Strict):
    sets: tuple[Name, ...] = Field(default=(), max_length=1000, description="data sets of the home; none: all of them")
    classes: tuple[str, ...] = Field(default=(), max_length=1000, description="what is asked for; none: what the set itself names")
    most: int = Field(default=5000, ge=1, le=1_000_000, description="pictures that wait at a time")


def work(arguments: Arguments, given: Given, told: Told) -> Result:
    from trainer.review.filling import fill

    a = arguments
    filled = fill(given.database, given.home.sets, given.clock, names=a.sets, classes=a.classes, most=a.most, told=told)
    return asdict(filled)
