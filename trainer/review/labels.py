"""Labels: what a person says of one picture, as it comes over the wire; everything that cannot be so is refused by its name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from contracts.errors import ProtocolError
from contracts.wire import Wire
from dataset.bounds import MOST_LABELS

Pixels = Annotated[float, Field(ge=-1e6, le=1e6)]
Box = tuple[Pixels, Pixels, Pixels, Pixels]
Said = Literal["boxes", "nothing", "unsure", "skip"]
STATES: dict[Said, str] = {"boxes": "done", "nothing": "done", "unsure": "unsure", "skip": "skipped"}
EDGE_PX = 1.0  # so far beyond the picture a box is cut; farther out it is a mistake
MOST_IGNORED = 1000
MOST_CLASSES = 1000
LARGEST_BODY = 4 << 20  # bytes


class Marked(Wire):
    """A box as a person leaves it: drawn, or a model's that was looked at."""

    id: str = Field(default="", max_length=64, description="whatever the page calls it")
    box: Box = Field(description="x, y, width, height in pixels")
    category: str = Field(min_length=1, max_length=128)
    source: Literal["person", "model"] = "person"
    model: str | None = Field(default=None, max_length=200)
    confidence: float | None = Field(default=None, ge=0, le=1)


class Draft(Wire):
    """What is not decided yet."""

    boxes: list[Marked] = Field(default_factory=list, max_length=MOST_LABELS)
    exhaustive_for: list[Annotated[str, Field(min_length=1, max_length=128)]] = Field(default_factory=list, max_length=MOST_CLASSES)
    ignore: list[Box] = Field(default_factory=list, max_length=MOST_IGNORED)
    seconds: float = Field(default=0, ge=0, le=86_400, description="that a person looked at it since the last time")


class Decision(Draft):
    answer: Said


@dataclass(frozen=True)
class Standing:
    """How an item stands: its version, who left it so and when, and what they left."""

    version: int
    by: str
    t_us: int
    draft: Draft | None


D = TypeVar("D", bound=Draft)


def read(kind: type[D], body: bytes) -> D:
    """ProtocolError that names the first thing that is wrong."""
    if len(body) > LARGEST_BODY:
        raise ProtocolError(f"labels of {len(body)} bytes; at most {LARGEST_BODY} are taken")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "labels"
        raise ProtocolError(f"{where}: {first['msg']}") from error
    except RecursionError as error:
        raise ProtocolError("labels: are nested too deep") from error


def check(said: Draft, width: int, height: int, categories: Sequence[str]) -> None:
    """ProtocolError for a box that is not in the picture, and for classes that the data set does not have."""
    known = frozenset(categories)
    for number, each in enumerate(said.boxes, 1):
        where = f"box {number} ({each.category[:40]!r})"
        if each.category not in known:
            raise ProtocolError(f"{where}: is no class of this data set; it has {shown(categories)}")
        check_box(each.box, width, height, where)
    for number, region in enumerate(said.ignore, 1):
        check_box(region, width, height, f"ignore region {number}")
    for name in said.exhaustive_for:
        if name not in known:
            raise ProtocolError(f"exhaustive_for {name[:40]!r}: is no class of this data set; it has {shown(categories)}")
    if isinstance(said, Decision):
        _check_answer(said)


def _check_answer(said: Decision) -> None:
    if said.answer == "nothing" and said.boxes:
        raise ProtocolError(f"answer nothing: came with {len(said.boxes)} boxes; delete them, or answer boxes")
    if said.answer == "boxes" and not said.boxes and not said.exhaustive_for:
        raise ProtocolError("answer boxes: has no box, and says of no class that it is complete; answer nothing, unsure or skip")


def check_box(box: Box, width: int, height: int, where: str) -> None:
    x, y, wide, high = box
    if not all(map(math.isfinite, box)):
        raise ProtocolError(f"{where}: {list(box)} has a value that is not a number")
    if round(wide, 2) <= 0 or round(high, 2) <= 0:
        raise ProtocolError(f"{where}: is {wide:g} wide and {high:g} high; both must be above 0")
    left, top, right, bottom = max(0.0, x), max(0.0, y), min(float(width), x + wide), min(float(height), y + high)
    beyond = x < -EDGE_PX or y < -EDGE_PX or x + wide > width + EDGE_PX or y + high > height + EDGE_PX
    if beyond or round(right, 2) <= round(left, 2) or round(bottom, 2) <= round(top, 2):
        raise ProtocolError(f"{where}: {[round(value, 2) for value in box]} is outside of the picture of {width}x{height}")


def shown(categories: Sequence[str]) -> str:
    names = ", ".join(categories[:20])
    return f"{names}, and {len(categories) - 20} more" if len(categories) > 20 else names or "none"
