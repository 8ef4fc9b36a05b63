"""Declaration: a state machine as YAML says it; states, what leads from one to another, and what is told on the way."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from device.pipeline.strict import Strict

UNITS_NS = {"ms": 1_000_000, "s": 1_000_000_000, "min": 60_000_000_000, "h": 3_600_000_000_000}
LONGEST_NS = 30 * 24 * UNITS_NS["h"]
DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?) ?(ms|s|min|h)")
WORD = r"^[a-z][a-z0-9_]{0,63}$"


def said(value: Any) -> str:
    """A value of an event's data as text, so that 5 and "5" are the same, and true is `true`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def duration_ns(text: str) -> int:
    """`1500 ms`, `3600 s`, `2.5 min`, `1 h`; exact."""
    found = DURATION.fullmatch(text.strip())
    length = int(Decimal(found[1]) * UNITS_NS[found[2]]) if found else 0
    if not 0 < length <= LONGEST_NS:
        raise ValueError(f"{text!r} is no time from 1 ns to 30 days; write a number and ms, s, min or h, like `90 s`")
    return length


def _duration(text: str) -> str:
    duration_ns(text)
    return text.strip()


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


def _texts(value: Any) -> Any:
    plain = (str, int, float, bool)
    return [said(each) if isinstance(each, plain) else each for each in _listed(value)]


Word = Annotated[str, Field(pattern=WORD)]
SignalWord = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}(\.end)?$")]
Words = Annotated[tuple[Word, ...], BeforeValidator(_listed), Field(min_length=1)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts), Field(min_length=1)]
Guard = dict[str, Texts]
Duration = Annotated[str, AfterValidator(_duration)]
FieldNames = tuple[str, ...]


class Declared(Strict):
    """`from` and `in` are words of Python; in YAML they stand as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


class Timeout(Declared):
    after: Duration = Field(description="media time in the state, like `3600 s`; ms, s, min or h")
    to: Word = Field(description="the state it then goes to")

    @property
    def after_ns(self) -> int:
        return duration_ns(self.after)


class State(Declared):
    """What is told when it begins and ends, and how long it may last."""

    enter: Word | None = Field(default=None, description="kind of the event told when the state begins; null: none")
    exit: Word | None = Field(default=None, description="kind of the event told when it ends; null: none")
    timeout: Timeout | None = Field(default=None, description="where it goes by itself, and after how long")
    ignore: tuple[SignalWord, ...] = Field(default=(), description="signals that are expected here and change nothing")
    final: bool = Field(default=False, description="nothing leads on from here, and that is meant")


class Transition(Declared):
    """`when` compares texts of the signal's data; one without `when` is taken where none with it holds."""

    from_: Words = Field(alias="from", description="states it leads from")
    on: SignalWord = Field(description="the kind of an event; with `.end`, when that event has ended")
    to: Word = Field(description="the state it leads to")
    when: Guard = Field(default_factory=dict, description="field -> text or texts it must have, all of them; also `label`")
    keep: FieldNames = Field(default=(), description="fields of the signal that later events carry too, until the first state again")


class Emit(Declared):
    """An event of its own for a signal in some states; it changes no state."""

    in_: Words = Field(alias="in", description="states in which it is told")
    on: SignalWord = Field(description="the kind of an event; with `.end`, when that event has ended")
    event: Word = Field(description="kind of the event told")
    fields: FieldNames | None = Field(default=None, description="fields of the signal that it carries; null: all")
    when: Guard = Field(default_factory=dict, description="field -> text or texts it must have, all of them; also `label`")


class Declaration(Declared):
    initial: Word = Field(default="", description="the state a camera begins in; needed")
    states: dict[Word, State] = Field(default_factory=dict, description="name -> enter, exit, timeout, ignore, final")
    transitions: tuple[Transition, ...] = Field(default=(), description="from, on, to, when, keep of each")
    emit: tuple[Emit, ...] = Field(default=(), description="in, on, event, fields, when of each")
