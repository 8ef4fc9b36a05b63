"""Words: what drifted, since when and where, as a person says it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from trainer.drift.measures import OF_MODEL, Kind, Measure

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MOST_NAMED = 5
UP_DOWN: dict[Kind, tuple[str, str]] = {
    "confidence": ("the model is surer of {label}", "the model is less sure of {label}"),
    "size": ("{label} is larger in the picture", "{label} is smaller in the picture"),
    "count": ("more of {label} is seen", "less of {label} is seen"),
    "brightness": ("pictures are brighter", "pictures are darker"),
    "sharpness": ("pictures are sharper", "pictures are less sharp"),
}
SAME = 0.02  # of a mean: by less nobody says more or less
OTHERWISE: dict[Kind, str] = {
    "confidence": "confidence of {label} is spread otherwise", "size": "sizes of {label} are spread otherwise",
    "count": "{label} comes in other numbers", "brightness": "brightness varies otherwise", "sharpness": "sharpness varies otherwise",
    "picture": "the picture looks otherwise: its light, the place, or where the camera points",
}  # fmt: skip
FORMATS: dict[Kind, str] = {"confidence": ".2f", "size": ".1%", "count": ".2f", "brightness": ".0%", "sharpness": ".1f"}


def changed(measure: Measure, before: float | None, after: float | None) -> str:
    """`the model is less sure of person (0.81 before, now 0.64)`."""
    label = measure.label or "everything"
    if before is None or after is None or measure.kind not in UP_DOWN:
        return OTHERWISE[measure.kind].format(label=label)
    up, down = UP_DOWN[measure.kind]
    same = abs(after - before) <= SAME * max(abs(before), abs(after))
    said = OTHERWISE[measure.kind] if same else up if after > before else down
    how = FORMATS[measure.kind]
    return said.format(label=label) + ("" if same else f" ({before:{how}} before, now {after:{how}})")


def named(measure: Measure) -> str:
    """`confidence of person`."""
    of = {"count": "number", "picture": "look of the picture"}.get(measure.kind, measure.kind)
    return f"{of} of {measure.label}" if measure.label else of if measure.kind != "count" else "number of boxes"


def is_of_model(measure: Measure) -> bool:
    """Else it is a matter of the camera and its light."""
    return measure.kind in OF_MODEL


def hour_text(hour: int) -> str:
    return f"{EPOCH + timedelta(hours=hour):%Y-%m-%d %H:00} UTC"


def listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
