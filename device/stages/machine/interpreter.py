"""Interpreter: where a machine stands, what has come, and what follows; pure functions of their arguments, in media time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from pydantic import JsonValue

from device.stages.machine.declaration import Declaration, Emit, Guard, State, Transition, said
from device.stages.machine.faults import CHANGED, REFUSED

Data = Mapping[str, JsonValue]
Role = Literal["enter", "exit", "changed", "emit", "refused"]
START, TIMEOUT = "start", "timeout"  # what `on` says where there was no signal


@dataclass(frozen=True, slots=True)
class Standing:
    """The whole memory of a machine: the state, since when in media time, and what it kept of signals before."""

    state: str
    since_ns: int
    kept: Data = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signal:
    name: str
    at_ns: int
    data: Data = field(default_factory=dict)
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """Something to tell, with its own media time."""

    role: Role
    kind: str
    at_ns: int
    data: Data


Result = tuple[Standing, tuple[Effect, ...]]


@dataclass(frozen=True)
class Machine:
    """A declaration without faults, by state and signal."""

    declared: Declaration

    @cached_property
    def ways(self) -> dict[tuple[str, str], list[Transition]]:
        """The guarded ones before the one without."""
        found: dict[tuple[str, str], list[Transition]] = {}
        for way in sorted(self.declared.transitions, key=lambda each: not each.when):
            for name in way.from_:
                found.setdefault((name, way.on), []).append(way)
        return found

    @cached_property
    def emits(self) -> dict[tuple[str, str], list[Emit]]:
        found: dict[tuple[str, str], list[Emit]] = {}
        for emit in self.declared.emit:
            for name in dict.fromkeys(emit.in_):
                found.setdefault((name, emit.on), []).append(emit)
        return found

    @cached_property
    def signals(self) -> frozenset[str]:
        """Those that some transition takes."""
        return frozenset(way.on for way in self.declared.transitions)

    def state(self, name: str) -> State:
        return self.declared.states[name]


def begin(machine: Machine, at_ns: int) -> Result:
    """The first state, which tells its `enter` too."""
    initial = machine.declared.initial
    return Standing(initial, at_ns), tuple(_entered(machine, Standing(initial, at_ns), START, {}))


def pass_time(machine: Machine, now: Standing, to_ns: int) -> Result:
    """Every timeout that is due at `to_ns` or before, each at its own time. A state lasts from its beginning up to, not including, the
    end of its timeout: at that very time the machine is in the next one."""
    effects: list[Effect] = []
    while (timeout := machine.state(now.state).timeout) and now.since_ns + timeout.after_ns <= to_ns:
        now, told = _change(machine, now, timeout.to, now.since_ns + timeout.after_ns, TIMEOUT, {}, now.kept)
        effects += told
    return now, tuple(effects)


def take(machine: Machine, now: Standing, signal: Signal) -> Result:
    """What a signal does. Its time is its own, but never before the state it meets began."""
    at_ns = max(signal.at_ns, now.since_ns)
    here = (now.state, signal.name)
    effects = [_emitted(now, emit, signal, at_ns) for emit in machine.emits.get(here, ()) if holds(emit.when, signal)]
    way = next((way for way in machine.ways.get(here, ()) if holds(way.when, signal)), None)
    if way is not None:
        kept = {**now.kept, **_chosen(signal, way.keep)}
        after, told = _change(machine, now, way.to, at_ns, signal.name, signal.data, kept)
        return after, (*effects, *told)
    if not effects and signal.name in machine.signals and signal.name not in machine.state(now.state).ignore:
        reason = "guard" if here in machine.ways else "no transition"
        effects.append(Effect("refused", REFUSED, at_ns, {"state": now.state, "on": signal.name, "reason": reason}))
    return now, tuple(effects)


def close(machine: Machine, now: Standing, at_ns: int, reason: str) -> tuple[Effect, ...]:
    """The film is over: the state that it ends in ends, too."""
    kind = machine.state(now.state).exit
    at_ns = max(at_ns, now.since_ns)
    return (Effect("exit", kind, at_ns, {**now.kept, **_lasted(now, at_ns), "reason": reason}),) if kind else ()


def holds(guard: Guard, signal: Signal) -> bool:
    """Each field is there, and its text is one of those named."""
    values = {"label": signal.label, **signal.data}
    return all(values.get(name) is not None and said(values[name]) in texts for name, texts in guard.items())


def _change(machine: Machine, now: Standing, to: str, at_ns: int, on: str, data: Data, kept: Data) -> Result:
    """Out, over and in; `kept` ends where the machine begins."""
    left = machine.state(now.state).exit
    effects = [Effect("exit", left, at_ns, {**kept, **data, **_lasted(now, at_ns), "to": to, "on": on})] if left else []
    effects.append(Effect("changed", CHANGED, at_ns, {"from": now.state, "to": to, "on": on}))
    after = Standing(to, at_ns, {} if to == machine.declared.initial else kept)
    return after, (*effects, *_entered(machine, after, on, data))


def _entered(machine: Machine, now: Standing, on: str, data: Data) -> list[Effect]:
    kind = machine.state(now.state).enter
    return [Effect("enter", kind, now.since_ns, {**now.kept, **data, "state": now.state, "on": on})] if kind else []


def _lasted(now: Standing, at_ns: int) -> dict[str, JsonValue]:
    return {"state": now.state, "lasted_ms": (at_ns - now.since_ns) // 1_000_000}


def _emitted(now: Standing, emit: Emit, signal: Signal, at_ns: int) -> Effect:
    own = signal.data if emit.fields is None else _chosen(signal, emit.fields)
    return Effect("emit", emit.event, at_ns, {**now.kept, **own, "state": now.state})


def _chosen(signal: Signal, fields: tuple[str, ...]) -> dict[str, JsonValue]:
    values: dict[str, JsonValue] = {"label": signal.label, **signal.data}
    return {name: values[name] for name in fields if values.get(name) is not None}
