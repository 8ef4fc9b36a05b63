"""What is wrong with a declared machine: names nobody declared, states nobody reaches, states nobody leaves, two ways at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from device.pipeline.faults import Fault
from device.stages.machine.declaration import Declaration, Emit, Guard, Transition

CHANGED, REFUSED = "state_changed", "transition_refused"
Way = tuple[str, str]  # from a state to a state


def faults(machine: Declaration, kinds: frozenset[str] | None = None) -> list[Fault]:
    """All of them, in the order of the declaration; `kinds` as in `Examined`."""
    unnamed = [*_states(machine), *_own_words(machine), *_signals(machine, kinds)]
    if unnamed:  # what can be reached is not known before the names are right
        return unnamed
    return [*_reached(machine), *_ends(machine), *_idling(machine), *_two_ways(machine), *_twice(machine)]


def _states(machine: Declaration) -> Iterator[Fault]:
    known = machine.states
    named: list[tuple[tuple[str | int, ...], str]] = [(("initial",), machine.initial)]
    named += [(("states", name, "timeout", "to"), state.timeout.to) for name, state in known.items() if state.timeout]
    for n, way in enumerate(machine.transitions):
        named += [*((("transitions", n, "from"), name) for name in way.from_), (("transitions", n, "to"), way.to)]
    named += [(("emit", n, "in"), name) for n, emit in enumerate(machine.emit) for name in emit.in_]
    for loc, name in named:
        if name not in known:
            yield Fault(loc, repr(name), "is no state of this machine", _meant(name, known) or "declare it under `states`")


def _own_words(machine: Declaration) -> Iterator[Fault]:
    told: list[tuple[tuple[str | int, ...], str | None]] = []
    for name, state in machine.states.items():
        told += [(("states", name, "enter"), state.enter), (("states", name, "exit"), state.exit)]
    told += [(("emit", n, "event"), emit.event) for n, emit in enumerate(machine.emit)]
    for loc, word in told:
        if word in {CHANGED, REFUSED}:
            yield Fault(loc, repr(word), "is told by every machine by itself", "choose another word")
    for name, state in machine.states.items():
        taken = {way.on for way in machine.transitions if name in way.from_} | {emit.on for emit in machine.emit if name in emit.in_}
        for n, signal in enumerate(state.ignore):
            if signal in taken:
                yield Fault(("states", name, "ignore", n), repr(signal), "is ignored here and acted on here", "keep one of the two")


def _signals(machine: Declaration, kinds: frozenset[str] | None) -> Iterator[Fault]:
    """A signal that no stage before gives can never come: most often it is misspelt."""
    if kinds is None:
        return
    used: list[tuple[tuple[str | int, ...], str]] = [(("transitions", n, "on"), way.on) for n, way in enumerate(machine.transitions)]
    used += [(("emit", n, "on"), emit.on) for n, emit in enumerate(machine.emit)]
    for name, state in machine.states.items():
        used += [(("states", name, "ignore", n), signal) for n, signal in enumerate(state.ignore)]
    for loc, signal in used:
        kind = signal.removesuffix(".end")
        if kind not in kinds:
            given = f"the kinds are: {', '.join(sorted(kinds))}" if kinds else "put `steady` or another stage that gives some before it"
            yield Fault(loc, repr(signal), "no stage before this one gives events of that kind", _meant(kind, kinds) or given)


def _reached(machine: Declaration) -> Iterator[Fault]:
    ways = _ways(machine)
    reached, waiting = {machine.initial}, [machine.initial]
    while waiting:
        here = waiting.pop()
        fresh = {end for begin, end in ways if begin == here} - reached
        reached |= fresh
        waiting += fresh
    for name in machine.states:
        if name not in reached:
            mend = f"add a transition to it, or remove it; {machine.initial} is where it begins"
            yield Fault(("states", name), "", "cannot be reached", mend)


def _ends(machine: Declaration) -> Iterator[Fault]:
    leaving = {begin for begin, end in _ways(machine) if begin != end}
    for name, state in machine.states.items():
        if name not in leaving and not state.final:
            yield Fault(("states", name), "", "is a dead end: nothing leads on from it", "add a transition or a timeout, or `final: true`")
        if name in leaving and state.final:
            yield Fault(("states", name, "final"), "True", "is not final: something leads on from it", "remove `final`, or what leads on")


def _idling(machine: Declaration) -> Iterator[Fault]:
    """A ring of timeouts alone would go round for ever with nothing seen; an hour without a picture would be millions of events."""
    after = {name: state.timeout.to for name, state in machine.states.items() if state.timeout}
    for name in after:
        way = [name]
        while way[-1] in after and after[way[-1]] not in way:
            way.append(after[way[-1]])
        if after.get(way[-1]) == name:
            ring = " > ".join([*way, name])
            what = f"goes round by timeouts alone, with nothing seen: {ring}"
            yield Fault(("states", name, "timeout"), "", what, "let one of them lead elsewhere")


def _two_ways(machine: Declaration) -> Iterator[Fault]:
    """At most one way may be open for a signal, or which one is taken would be chance."""
    numbered: list[tuple[int, Transition]] = list(enumerate(machine.transitions))
    for (first, one), (second, other) in combinations(numbered, 2):
        both = [name for name in one.from_ if name in other.from_]
        if both and one.on == other.on and _overlap(one.when, other.when):
            what = f"from {', '.join(both)} on {one.on} there is transitions.{first} too, and both can hold"
            yield Fault(("transitions", second), "", what, "give them `when` with one field and different texts, or keep one")


def _twice(machine: Declaration) -> Iterator[Fault]:
    numbered: list[tuple[int, Emit]] = list(enumerate(machine.emit))
    for (first, one), (second, other) in combinations(numbered, 2):
        same = set(one.in_) & set(other.in_) and (one.on, one.event) == (other.on, other.event)
        if same and (_overlap(one.when, other.when) or not (one.when and other.when)):
            yield Fault(("emit", second), "", f"tells the same as emit.{first}", "keep one of the two, or give them `when` that exclude")


def _overlap(one: Guard, other: Guard) -> bool:
    """Both can hold for one signal. One with and one without a guard do not compete: the guarded goes first."""
    if bool(one) != bool(other):
        return False
    return not any(field in other and not set(one[field]) & set(other[field]) for field in one)


def _ways(machine: Declaration) -> set[Way]:
    ways = {(name, state.timeout.to) for name, state in machine.states.items() if state.timeout}
    return ways | {(name, way.to) for way in machine.transitions for name in way.from_}


def _meant(word: str, known: Mapping[str, object] | Iterable[str]) -> str:
    names: Sequence[str] = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    return f"did you mean `{close[0]}`?" if close else ""
