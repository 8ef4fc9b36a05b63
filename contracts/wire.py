"""The base of everything that is written to a wire or a disk: frozen, UTC, unknown keys ignored by the reader."""

from datetime import datetime, timedelta, timezone
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", allow_inf_nan=False)


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time needs its zone, e.g. 2026-11-22T03:36:26.123456Z")
    try:
        return value.astimezone(timezone.utc)
    except OverflowError as error:  # the first and the last day there is, in a zone that leads out of it
        raise ValueError("is a time that UTC does not have") from error


def utc_text(value: datetime) -> str:
    """`2026-11-22T03:36:26.123456Z`: always six decimals, so that equal times are equal bytes."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Utc = Annotated[datetime, AfterValidator(_aware), PlainSerializer(utc_text, return_type=str, when_used="json")]


def utc_from_ns(wall_ns: int) -> datetime:
    """A wall clock in nanoseconds since 1970 as a UTC datetime, exact to the microsecond (floats would round)."""
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=wall_ns // 1000)
