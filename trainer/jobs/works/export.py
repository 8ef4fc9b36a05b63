"""Export as a job: the files that boxes run, of a run of the home."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trainer.jobs.kinds import Given, Result
from trainer.jobs.told import Told
from trainer.jobs.works.arguments import Name
from vision.strict import Strict

Kind = Annotated[str, Field(pattern="^(onnx|int8|fp16|tflite)$")]


class Arguments(Strict):
    run: Name
    kinds: tuple[Kind, ...] = Field(default=("onnx",), max_length=4, description="of onnx, int8, fp16, tflite; onnx is always made")
    exporter: Literal["auto", "torchscript", "dynamo"] = "auto"


def work(arguments: Arguments, given: Given, told: Told) -> Result:
    from trainer.home import named
    from trainer.ship.exporting import export_detector
    from trainer.ship.options import ShipOptions

    options = ShipOptions(exporter=arguments.exporter)
    made = export_detector(named(given.home.runs, arguments.run), arguments.kinds, given.home, told, options)
    files = [file.model_dump(mode="json", include={"kind", "state", "why", "size", "figures", "ap_loss"}) for file in made.files]
    return {"run": arguments.run, "files": files, "notes": list(made.notes)[:20]}
