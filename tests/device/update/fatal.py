"""A site's own stage that can be told to end the box at its start, and not when it is only checked."""

from __future__ import annotations

import os
import sys

from pydantic import Field

from device.pipeline.context import Context
from device.pipeline.strict import Strict
from vision.types import Scene


class Fatal:
    class Options(Strict):
        fatal: bool = Field(default=False, description="end the process that runs it")

    def __init__(self, options: Options, context: Context) -> None:
        if options.fatal and "run" in sys.argv:
            os._exit(9)

    def __call__(self, scene: Scene) -> Scene | None:
        return scene
