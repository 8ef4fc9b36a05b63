"""Match: what a screen shows is found by pictures of it, without a model."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from contracts.bundle import Label
from contracts.errors import ConfigError
from device.pipeline.context import Context
from device.pipeline.strict import Strict
from vision.rows import with_rows
from vision.templates import MAX_BYTES, TemplateOptions, Templates
from vision.types import Scene

SOURCE = "template_match"  # in a row's column `source`: what training data says of where a box is from
Side = Annotated[int, Field(ge=64, le=8192)]


class Match:
    """A row for each find, labelled with its template's name. The same frame gives the same rows: nothing is remembered."""

    frame_only: Literal[True] = True

    class Options(Strict):
        """What to look for, and how large frames are when they are looked at."""

        templates: dict[Label, TemplateOptions] = Field(min_length=1, max_length=256, description="name -> what to look for")
        width: int = Field(default=640, ge=64, le=1920, description="width that frames are brought to, pixels; half costs a quarter")
        screen: tuple[Side, Side] = Field(default=(1920, 1080), description="size of the screenshots that the pictures were cut from")

    def __init__(self, options: Options, context: Context) -> None:
        self._folders = context.folders
        self._templates = Templates(options.templates, self._read, width=options.width, screen=options.screen)

    @property
    def fingerprint(self) -> Mapping[str, str]:
        return {"templates": self._templates.digest}

    def __call__(self, scene: Scene) -> Scene:
        found = self._templates.find(scene.frame.planes)
        labels = [self._templates.labels[number] for number in found.class_id]
        return with_rows(scene, labels, found.xyxy, found.confidence, {"source": np.full(len(found), SOURCE, object)})

    def _read(self, path: str) -> bytes:
        """From the first folder that has it: the profile's, then that of device.yaml."""
        if not self._folders:
            return _bytes(Path(path))
        there = [whole for folder in self._folders if (whole := folder / path).exists()]
        if there:
            return _bytes(there[0])
        raise ConfigError(f"match: {path} is not there; put it into {_either(self._folders)}, or correct match.templates")


def _either(folders: Sequence[Path]) -> str:
    return " or ".join(dict.fromkeys(str(folder) for folder in folders))


def _bytes(path: Path) -> bytes:
    """A plain file, and one byte more than may be, so that its reader sees that it is too large."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would be waited for
        with os.fdopen(number, "rb") as file:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise ConfigError(f"match: {path} is no plain file; give the path of a PNG or JPEG")
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(f"match: {path} cannot be read: {getattr(error, 'strerror', None) or error}; correct match.templates") from error
