"""A stage that takes its time, as a model does, and writes down which unit it is asked about."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Literal

from device.pipeline.context import Context
from device.pipeline.strict import Strict
from vision.types import Scene


class Lingers:
    frame_only: Literal[True] = True

    class Options(Strict):
        seconds: float

    def __init__(self, options: Options, context: Context) -> None:
        self._seconds = options.seconds

    def __call__(self, scene: Scene) -> Scene:
        threading.Event().wait(self._seconds)
        log = os.environ.get("BATCH_CALLS")
        if log and scene.frame.seq % 25 == 0:  # each unit has one such picture: its key frame
            with Path(log).open("ab", 0) as calls:
                calls.write(f"{scene.frame.seq}\n".encode())
        return scene
