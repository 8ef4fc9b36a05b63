"""MotionGate: does anything move? Asked of a small grey picture, a tenth of a millisecond a look."""

from __future__ import annotations

from pydantic import Field

from contracts.errors import ConfigError
from device.pipeline.context import Context
from device.pipeline.strict import Strict
from device.pipeline.zone import Polygon
from device.stages.backdrop import Backdrop
from vision.types import Frame


class MotionGate:
    """A Gate. Each camera has a backdrop that follows slow change; what stands out from it by more than the noise of that very place,
    in a patch and not in single cells, is motion. A change of light (lightning, a cloud, infrared on or off) makes a new backdrop and
    is counted, not taken for motion; a change of most of the picture that is not light is motion if it lasts for two looks.
    The first look at a camera is motion: what stands there already is looked at once.

    Each camera's looks come from one thread; different cameras may be looked at by different threads.
    """

    class Options(Strict):
        """How small a motion opens the gate, and how an idle camera is watched."""

        hold_ms: int = Field(default=8000, ge=0, description="stays open that long after the last motion; above confirm's max_gap_ms")
        watch_interval_ms: int = Field(default=1000, ge=0, description="idle: look at a key frame at most this often")
        max_wait_ms: int = Field(default=5000, ge=0, description="key frames further apart than this are not enough: decode everything")
        min_area: float = Field(default=0.001, gt=0, le=1, description="smallest part of the picture, without masks, that must move")
        min_contrast: float = Field(default=8.0, gt=0, le=255, description="levels of 255 a patch must differ by, where there is no noise")
        width_px: int = Field(default=320, ge=32, le=1920, description="columns of the grey picture")
        masks: dict[str, tuple[Polygon, ...]] = Field(
            default_factory=dict, description="camera -> areas, corners in 0..1, in which motion does not count: a clock, a road, a tree"
        )

    def __init__(self, options: Options, context: Context) -> None:
        self._options, self._tally = options, context.tally
        self._backdrops: dict[str, Backdrop] = {}
        self.hold_ns = options.hold_ms * 1_000_000
        self.watch_interval_ns = options.watch_interval_ms * 1_000_000
        self.max_wait_ns = options.max_wait_ms * 1_000_000
        unknown = next((camera for camera, outlines in options.masks.items() if outlines and camera not in context.cameras), None)
        if unknown is not None:
            names = ", ".join(sorted(context.cameras)) or "none"
            raise ConfigError(f"motion_gate: masks name a camera {unknown!r}; the cameras are: {names}; correct or remove it")

    def moved(self, frame: Frame) -> bool:
        luma = frame.planes.luma(self._options.width_px)
        backdrop = self._backdrops.get(frame.camera)
        if backdrop is None or backdrop.luma_shape != luma.shape:
            options = self._options
            backdrop = Backdrop(luma.shape, options.masks.get(frame.camera, ()), options.min_area, options.min_contrast)
            self._backdrops[frame.camera] = backdrop
        seen = backdrop.look(luma, frame.pts_ns)
        self._tally.count(frame.camera, "gate_looks", seen)
        return seen in {"first", "motion"}
