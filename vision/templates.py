"""Templates: pictures of what a screen shows, looked for in every frame: no model, no training, one picture is enough."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from contracts.errors import ConfigError
from vision.boxes import suppress
from vision.likeness import Pattern, Plane, likeness, pattern, peaks
from vision.picture_size import picture_size
from vision.strict import Strict
from vision.types import Detections, Image, Planes

MAX_BYTES = 16 << 20  # of a picture's file
MAX_PIXELS = 4096 * 2304
LEAST_SIDE, LEAST_AREA = 4, 48  # pixels of a part at the width that is worked at: less could be anything
SCREEN_WIDTH = 96  # screens are compared this small: what is written on them hardly counts, where things are does
OVERLAP = 0.3  # of two finds of one name that share more, the better stays


def _region(region: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = region
    if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
        raise ValueError("is left, top, right, bottom as fractions from 0 to 1, left before right and top before bottom")
    return region


Region = Annotated[tuple[float, float, float, float], AfterValidator(_region)]
Scale = Annotated[float, Field(ge=0.25, le=4)]
Grow = Annotated[float, Field(ge=0, le=200)]
WHOLE = (0.0, 0.0, 1.0, 1.0)


class TemplateOptions(Strict):
    """One thing to look for: its pictures, where it can be, and how alike is alike enough."""

    pictures: tuple[str, ...] = Field(
        min_length=1, max_length=16, description="PNG or JPEG files, beside the profile; what is transparent does not count"
    )
    look: Literal["part", "screen"] = Field(
        default="part", description="part: it is somewhere in the region; screen: the region as a whole looks like it"
    )
    region: Region = Field(default=WHOLE, description="where to look: left, top, right, bottom in 0..1 of the picture")
    threshold: float = Field(default=0.8, gt=0, le=1, description="likeness from which it counts: 1 is the same, 0 is noise")
    scales: tuple[Scale, ...] = Field(default=(1.0,), min_length=1, max_length=16, description="sizes to look for, of the picture's own")
    channels: Literal["gray", "color"] = Field(default="gray", description="color: shape and colours must be alike")
    most: int = Field(default=1, ge=1, le=64, description="at most so many in one frame, the most alike")
    least_contrast: float = Field(default=0.2, ge=0, le=1, description="a place with less of the picture's contrast is not like it")
    grow: tuple[Grow, Grow, Grow, Grow] = Field(
        default=(0, 0, 0, 0), description="the box is larger than the find: left, right in its widths, top, bottom in its heights"
    )


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """One picture at one size, ready. `color`: its colours must be alike too. `screen`: width and height that the region is brought to."""

    pattern: Pattern
    color: Pattern | None
    screen: tuple[int, int] | None


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    name: str
    options: TemplateOptions
    crop: tuple[int, int, int, int]  # the region in pixels of the picture that is worked on
    wanted: tuple[Wanted, ...]


class Templates:
    """Every frame is brought to `width` pixels in the shape of `screen`, the screenshots that the pictures were cut from, so a
    picture fits whatever size the video has. What is found depends on the frame alone. Threads may share one."""

    def __init__(
        self,
        options: Mapping[str, TemplateOptions],
        read: Callable[[str], bytes],
        *,
        width: int = 640,
        screen: tuple[int, int] = (1920, 1080),
    ) -> None:
        self._size = (width, max(1, round(screen[1] * width / screen[0])))
        self._scale = width / screen[0]
        digest = hashlib.sha256()
        self._templates = tuple(self._prepare(name, each, read, digest.update) for name, each in options.items())
        self.labels = tuple(options)
        self.digest = f"sha256:{digest.hexdigest()}"  # of the pictures, in the order of their use

    def find(self, planes: Planes) -> Detections:
        """Boxes in pixels of the picture; `class_id` is the place of the name in `labels`."""
        width, height = self._size
        picture = planes.rgb(width, height)
        gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]
        rows = [(*box, alike, number) for number, each in enumerate(self._templates) for box, alike in _found(each, gray, picture)]
        table = np.array(rows, np.float64).reshape(-1, 6)
        xyxy = table[:, :4] * (np.array([planes.width, planes.height] * 2) / (width, height, width, height))
        xyxy = np.clip(xyxy, 0, [planes.width, planes.height] * 2)
        return Detections(xyxy.astype(np.float32), table[:, 4].astype(np.float32), table[:, 5].astype(np.int32))

    def _prepare(self, name: str, options: TemplateOptions, read: Callable[[str], bytes], digest: Callable[[bytes], None]) -> Template:
        width, height = self._size
        x1, y1, x2, y2 = options.region
        crop = (int(x1 * width), int(y1 * height), max(1, round(x2 * width)), max(1, round(y2 * height)))
        wanted = []
        for path in options.pictures:
            data = read(path)
            digest(hashlib.sha256(data).digest())
            picture, alpha = _decoded(data, f"template {name}: {path}")
            wanted += [_wanted(picture, alpha, self._scale * scale, crop, options, f"template {name}: {path}") for scale in options.scales]
        return Template(name, options, crop, tuple(wanted))


def _found(template: Template, gray: Image, picture: Image) -> Iterator[tuple[tuple[float, float, float, float], float]]:
    """Box and likeness of each find, the best first."""
    options = template.options
    left, top, right, bottom = template.crop
    rows = []
    for wanted in template.wanted:
        alike = likeness(_as_plane(gray[top:bottom, left:right], wanted.screen), wanted.pattern, options.least_contrast)
        if wanted.color:  # colours alone would find every patch of that colour: the shape must be alike as well
            colors = likeness(_as_plane(picture[top:bottom, left:right], wanted.screen), wanted.color, options.least_contrast)
            alike = np.minimum(alike, colors)
        height, width = wanted.pattern.height, wanted.pattern.width
        for row, column, value in peaks(alike, options.threshold, options.most, (height // 2, width // 2)):
            box = template.crop if wanted.screen else (left + column, top + row, left + column + width, top + row + height)
            rows.append((*box, round(value, 4)))
    if not rows:
        return
    table = np.array(rows, np.float32)
    order = np.argsort(-table[:, 4], kind="stable")
    kept = suppress(Detections(table[order, :4], table[order, 4], np.zeros(len(rows), np.int32)), OVERLAP)
    for xyxy, value in zip(kept.xyxy[: options.most].tolist(), kept.confidence.tolist(), strict=False):
        yield _grown(xyxy, options.grow), round(value, 4)


def _as_plane(part: Image, size: tuple[int, int] | None) -> Plane:
    small = part if size is None else cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small.reshape(*small.shape[:2], -1), np.float32)


def _grown(xyxy: list[float], grow: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = xyxy
    left, top, right, bottom = grow
    width, height = x2 - x1, y2 - y1
    return x1 - left * width, y1 - top * height, x2 + right * width, y2 + bottom * height


def _decoded(data: bytes, what: str) -> tuple[Image, NDArray[np.float32] | None]:
    """RGB, and how much each pixel counts where some do not."""
    size = picture_size(data)
    if len(data) > MAX_BYTES or (size and size[0] * size[1] > MAX_PIXELS):
        raise ConfigError(f"{what}: is larger than any screenshot ({MAX_BYTES >> 20} MB, {MAX_PIXELS} pixels); cut out what is meant")
    picture = None
    if size:
        try:
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:  # OpenCV raises for some of what is broken, and answers None for the rest
            picture = None
    if picture is None or picture.dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        raise ConfigError(f"{what}: is no PNG or JPEG that can be read; save it again, 8 bits a colour")
    if picture.dtype == np.uint16:
        picture = (picture // 256).astype(np.uint8)
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    alpha: NDArray[np.float32] | None = None
    if picture.shape[2] == 4 and picture[..., 3].min() < 255:
        alpha = np.asarray(picture[..., 3] / 255, np.float32)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture[..., :3]), cv2.COLOR_BGR2RGB), np.uint8), alpha


def _wanted(
    picture: Image, alpha: NDArray[np.float32] | None, scale: float, crop: tuple[int, int, int, int], options: TemplateOptions, what: str
) -> Wanted:
    """The picture at the size at which it is looked for, as a pattern."""
    room = crop[2] - crop[0], crop[3] - crop[1]
    screen = None
    if options.look == "screen":
        width = min(room[0], SCREEN_WIDTH)
        screen = size = width, max(1, round(room[1] * width / room[0]))
    else:
        size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
        _check_size(size, room, what)
    shrinks = size[0] <= picture.shape[1] and size[1] <= picture.shape[0]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(picture, size, interpolation=interpolation), np.uint8)
    mask = None if alpha is None else _inner(np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32))
    gray = pattern(_as_plane(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8), None), mask)
    if gray is None:
        raise ConfigError(f"{what}: is of one colour, which could be anything; cut out something with edges")
    color = pattern(_as_plane(small, None), mask) if options.channels == "color" else None
    return Wanted(gray, color, screen)


def _inner(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is half transparent shows as much of what lies behind: it counts far less than half."""
    return np.asarray((alpha / max(float(alpha.max()), 1e-6)) ** 6, np.float32)


def _check_size(size: tuple[int, int], room: tuple[int, int], what: str) -> None:
    if min(size) < LEAST_SIDE or size[0] * size[1] < LEAST_AREA:
        raise ConfigError(f"{what}: is {size[0]}x{size[1]} pixels where frames are compared; cut out more of it, or raise match.width")
    if size[0] > room[0] or size[1] > room[1]:
        fits = f"is {size[0]}x{size[1]} pixels where frames are compared, and its region {room[0]}x{room[1]}"
        raise ConfigError(f"{what}: {fits}; widen the region, or correct match.screen")
