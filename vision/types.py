"""The values that flow: Frame, Detections, Scene; frozen, made once, passed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.event import Event

Image = NDArray[np.uint8]  # HWC
Status = Literal["ok", "timeout", "error"]


class Planes(Protocol):
    """A decoded picture that makes other pictures of itself when asked, each once.

    Width and height are those of the picture as shown, in pixels.
    """

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    def luma(self, max_width: int) -> Image:
        """The Y plane, subsampled to at most `max_width` columns, HW uint8; a view where that is possible."""
        ...

    def rgb(self, width: int, height: int) -> Image:
        """The picture scaled (area) to width x height, RGB HWC uint8."""
        ...

    def bgr(self) -> Image:
        """The whole picture, BGR HWC uint8: for crops and key frames only."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera. `pts_ns` is media time, `mono_ns` and `wall_ns` the time of capture."""

    camera: str
    seq: int
    pts_ns: int
    mono_ns: int
    wall_ns: int
    planes: Planes


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N boxes as columns. `status` other than ok means no answer, which is never "nothing there".

    xyxy: (N, 4) float32 pixels of the source frame; confidence: (N,) float32; class_id: (N,) int32;
    data: further columns of length N (track ids, key points, text).
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]
    data: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    status: Status = "ok"

    def __post_init__(self) -> None:
        n = len(self.xyxy)
        if self.xyxy.shape != (n, 4) or self.confidence.shape != (n,) or self.class_id.shape != (n,):
            shapes = f"xyxy {self.xyxy.shape}, confidence {self.confidence.shape}, class_id {self.class_id.shape}"
            raise ValueError(f"columns disagree: {shapes}")
        for name, column in self.data.items():
            if len(column) != n:
                raise ValueError(f"column {name} has {len(column)} rows, xyxy has {n}")

    def __len__(self) -> int:
        return len(self.xyxy)

    def pick(self, rows: NDArray[Any] | slice) -> Detections:
        """The rows chosen by a mask, indices or a slice; `detections.pick(detections.confidence > 0.5)`."""
        return Detections(
            self.xyxy[rows], self.confidence[rows], self.class_id[rows], {k: v[rows] for k, v in self.data.items()}, self.status
        )

    def with_data(self, **columns: NDArray[Any]) -> Detections:
        return Detections(self.xyxy, self.confidence, self.class_id, {**self.data, **columns}, self.status)

    @staticmethod
    def none(status: Status = "ok") -> Detections:
        """No boxes: with `ok` an empty scene, otherwise no answer."""
        return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32), {}, status)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A frame and what was found in it; stages return a grown copy (`dataclasses.replace`)."""

    frame: Frame
    detections: Detections
    labels: tuple[str, ...] = ()
    features: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    model: str | None = None
