"""Evaluate as a job: a bundle of the home on a part of one of its data sets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trainer.jobs.kinds import Given, Result
from trainer.jobs.told import Told
from trainer.jobs.works.arguments import Digest, Name
from vision.strict import Strict


class Arguments(Strict):
    bundle: Digest
    set: Name
    split: Name | None = Field(default=None, description="of the home's splits/; null: the sides the set itself names")
    side: Literal["train", "val", "test", ""] = Field(default="val", description="empty: all of it")
    utc_offset_h: float = Field(default=0.0, ge=-14, le=14, description="hours that the boxes' clocks are ahead of UTC")


def work(arguments: Arguments, given: Given, told: Told) -> Result:
    from trainer.jobs.works.judged import bundle_path, judged, ticking
    from trainer.judge.answers_file import contestant
    from trainer.judge.hotcoco_evaluator import evaluator
    from trainer.judge.report import evaluate

    bundle = bundle_path(given.home, arguments.bundle)
    told.progress(0, "reading the data set")
    asked = judged(given.home, arguments.set, arguments.split, arguments.side, arguments.utc_offset_h)
    saved = asked.answers(bundle, ticking(told, "pictures", len(asked.items), 0.05, 0.9))
    told.progress(0.96, "counting")
    found = evaluate(asked.ground, contestant(saved, asked.ground), evaluator(), arguments.side)
    return {"bundle": saved.model, "evaluation": found.model_dump(mode="json")}
