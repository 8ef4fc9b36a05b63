"""Sightings: what the stages that look at one frame found in a unit, one line a frame; the same unit gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.errors import ConfigError, StorageError
from contracts.files import storage
from device.batch.exact import back, plain
from vision.types import Detections, Frame, Image, Scene

FORMAT = 1


@dataclass(frozen=True, slots=True)
class SizedPlanes:
    """The picture of a scene whose pixels were looked at elsewhere: its size is known, the rest is gone."""

    width: int
    height: int

    def luma(self, max_width: int) -> Image:
        raise ConfigError(
            "a stage behind those with a memory looks at the picture; move it before them, and say `frame_only` in its class if its "
            "answer depends on the frame alone"
        )

    def rgb(self, width: int, height: int) -> Image:
        return self.luma(width)

    def bgr(self) -> Image:
        return self.luma(self.width)


@dataclass(slots=True)
class Sheet:
    """A sightings file as it grows: frames, and at the end what became of all samples of the unit."""

    unit: str
    lines: list[bytes] = field(default_factory=list)

    def add(self, scene: Scene) -> None:
        """A frame and what was found in it, in order of presentation."""
        self.lines.append(_line(_of(scene)))

    def whole(self, counts: Mapping[str, int]) -> bytes:
        """Without the last line it is torn, and not used."""
        first, last = {"format": FORMAT, "unit": self.unit}, {"end": True, "frames": len(self.lines), "counts": dict(counts)}
        return b"".join([_line(first), *self.lines, _line(last)])


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _of(scene: Scene) -> dict[str, Any]:
    frame, found = scene.frame, scene.detections
    if scene.events:
        raise ConfigError(f"a stage that looks at one frame only told an event ({scene.events[0].kind}); events come from stages behind it")
    return {
        "seq": frame.seq,
        "pts_ns": frame.pts_ns,
        "size": [frame.planes.width, frame.planes.height],
        "status": found.status,
        "labels": list(scene.labels),
        "model": scene.model,
        "xyxy": plain(found.xyxy),
        "confidence": plain(found.confidence),
        "class_id": plain(found.class_id),
        "data": {name: plain(column) for name, column in found.data.items()},
        "features": {name: plain(value) for name, value in scene.features.items()},
    }


def check_whole(content: bytes, unit: str) -> dict[str, int]:
    """The counts of a sightings file. StorageError when it is torn, or another unit's."""
    first, _, _ = content.partition(b"\n")
    last = content.rstrip(b"\n").rpartition(b"\n")[2]
    try:
        head, tail = json.loads(first), json.loads(last)
        if head["format"] == FORMAT and head["unit"] == unit and tail["end"] and content.count(b"\n") == tail["frames"] + 2:
            return {str(name): int(count) for name, count in tail["counts"].items()}
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise StorageError(f"sightings of {unit}: torn or of something else; that part is looked at again")


def scenes(path: Path, camera: str, start_wall_ns: int) -> Iterator[Scene]:
    """The frames of a whole file, line by line."""
    with storage(path), path.open("rb") as file:
        file.readline()
        for content in file:
            try:
                value = json.loads(content)
                if "end" in value:
                    return
                yield _scene(value, camera, start_wall_ns)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise StorageError(f"{path}: damaged ({error}); remove that file and run again") from error


def _scene(value: Mapping[str, Any], camera: str, start_wall_ns: int) -> Scene:
    pts_ns = int(value["pts_ns"])
    frame = Frame(camera, int(value["seq"]), pts_ns, pts_ns, start_wall_ns + pts_ns, SizedPlanes(*value["size"]))
    data = {name: back(column) for name, column in value["data"].items()}
    found = Detections(back(value["xyxy"]), back(value["confidence"]), back(value["class_id"]), data, value["status"])
    features = {name: back(item) for name, item in value["features"].items()}
    return Scene(frame, found, tuple(value["labels"]), features, (), value["model"])
