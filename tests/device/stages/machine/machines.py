"""Random machines without faults, and random films of signals for them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SIGNALS = ("alpha", "beta", "gamma", "alpha.end")
TEXTS = ("x", "y", "z")


@st.composite
def machines(draw: st.DrawFn) -> dict[str, Any]:
    """A ring through all states, so that each is reached and left; further ways, guards, timeouts and events on top."""
    names = [f"s{n}" for n in range(draw(st.integers(1, 5)))]
    states: dict[str, Any] = {name: draw(_states(number, name)) for number, name in enumerate(names)}
    ways: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    if len(names) > 1:
        for here, there in zip(names, [*names[1:], names[0]], strict=True):
            on = draw(st.sampled_from(SIGNALS))
            ways[here, on, None] = {"from": [here], "on": on, "to": there}
    else:
        states["s0"]["final"] = True
    extra = st.tuples(st.sampled_from(names), st.sampled_from(SIGNALS), st.sampled_from((None, *TEXTS)))
    for here, on, text in draw(st.lists(extra, max_size=8)):
        to = draw(st.sampled_from(names))
        if (here, on, text) not in ways and (len(names) > 1 or to == here):
            guard = {"when": {"field": [text]}} if text else {}
            ways[here, on, text] = {"from": [here], "on": on, "to": to, **guard, "keep": draw(st.sampled_from(([], ["field"], ["more"])))}
    emits = {}
    for here, on in draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(SIGNALS)), max_size=3, unique=True)):
        fields = draw(st.sampled_from((None, [], ["field"])))
        emits[here, on] = {"in": [here], "on": on, "event": "seen", **({} if fields is None else {"fields": fields})}
    taken = {(here, on) for here, on, _ in ways} | set(emits)
    for name, state in states.items():
        state["ignore"] = [on for on in SIGNALS if (name, on) not in taken and draw(st.booleans())]
    return {"initial": "s0", "states": states, "transitions": list(ways.values()), "emit": list(emits.values())}


@st.composite
def _states(draw: st.DrawFn, number: int, name: str) -> dict[str, Any]:
    """Timeouts lead to earlier states only: no ring of them."""
    state: dict[str, Any] = {}
    if draw(st.booleans()):
        state["enter"] = f"in_{name}"
    if draw(st.booleans()):
        state["exit"] = f"out_{name}"
    if number and draw(st.booleans()):
        state["timeout"] = {"after": f"{draw(st.sampled_from((1, 3, 10, 25)))} ms", "to": f"s{draw(st.integers(0, number - 1))}"}
    return state


signal = st.tuples(
    st.sampled_from((*SIGNALS, "delta")),
    st.integers(0, 15),  # how long before its frame it began, milliseconds
    st.fixed_dictionaries({}, optional={"field": st.sampled_from(TEXTS), "more": st.sampled_from(TEXTS)}),
)
films = st.lists(st.tuples(st.integers(0, 30), st.lists(signal, max_size=3)), max_size=20)  # milliseconds since the frame before, signals
