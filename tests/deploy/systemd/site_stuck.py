"""A site's own stage that hangs when it is told to: as long as a file is there it waits for one that never comes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from device.pipeline.strict import Strict
from vision.types import Scene


class Stuck:
    class Options(Strict):
        when: Path = Path("/var/lib/vedette/stuck")

    def __init__(self, options: Options, context: Any) -> None:
        self._when = options.when

    def __call__(self, scene: Scene) -> Scene | None:
        if self._when.exists():
            self._when.unlink()  # once: the process that comes after it must do better
            threading.Event().wait()
        return scene
