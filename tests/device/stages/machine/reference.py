"""A plain interpreter of a declared machine, written from the guide and not from the code: lists, loops, no cleverness."""

from __future__ import annotations

from typing import Any

UNIT = {"ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
Told = tuple[str, int, dict[str, Any]]


class Reference:
    """`told` collects (kind, media time, data)."""

    def __init__(self, declared: dict[str, Any]) -> None:
        self.declared, self.told = declared, list[Told]()
        self.state, self.since, self.kept = declared["initial"], 0, dict[str, Any]()

    def begin(self, pts: int) -> None:
        self.since = pts
        self._tell_enter("start", {})

    def time(self, pts: int) -> None:
        while True:
            timeout = self.declared["states"][self.state].get("timeout")
            if not timeout:
                return
            number, unit = timeout["after"].split()
            due = self.since + int(number) * UNIT[unit]
            if due > pts:
                return
            self._move(timeout["to"], due, "timeout", {}, {})

    def signal(self, name: str, at: int, data: dict[str, Any]) -> None:
        at = max(at, self.since)
        told = False
        for emit in self.declared.get("emit", []):
            if self.state in emit["in"] and emit["on"] == name and self._fits(emit, data):
                fields = emit.get("fields")
                picked = data if fields is None else {key: data[key] for key in fields if key in data}
                self.told.append((emit["event"], at, {**self.kept, **picked, "state": self.state}))
                told = True
        ways = [way for way in self.declared["transitions"] if self.state in way["from"] and way["on"] == name]
        guarded = [way for way in ways if way.get("when") and self._fits(way, data)]
        otherwise = [way for way in ways if not way.get("when")]
        assert len(guarded) <= 1, "two guarded ways at once"
        assert len(otherwise) <= 1, "two plain ways at once"
        for way in (guarded or otherwise)[:1]:
            self._move(way["to"], at, name, data, {key: data[key] for key in way.get("keep", []) if key in data})
            return
        known = any(way["on"] == name for way in self.declared["transitions"])
        if known and not told and name not in self.declared["states"][self.state].get("ignore", []):
            reason = "guard" if ways else "no transition"
            self.told.append(("transition_refused", at, {"state": self.state, "on": name, "reason": reason, "count": 1}))

    def close(self, pts: int, reason: str) -> None:
        kind = self.declared["states"][self.state].get("exit")
        if kind:
            lasted = (pts - self.since) // 10**6
            self.told.append((kind, pts, {**self.kept, "state": self.state, "lasted_ms": lasted, "reason": reason}))

    def _fits(self, rule: dict[str, Any], data: dict[str, Any]) -> bool:
        return all(key in data and str(data[key]) in texts for key, texts in rule.get("when", {}).items())

    def _move(self, to: str, at: int, on: str, data: dict[str, Any], keep: dict[str, Any]) -> None:
        self.kept.update(keep)
        left = self.declared["states"][self.state].get("exit")
        if left:
            lasted = (at - self.since) // 10**6
            self.told.append((left, at, {**self.kept, **data, "state": self.state, "lasted_ms": lasted, "to": to, "on": on}))
        self.told.append(("state_changed", at, {"from": self.state, "to": to, "on": on}))
        self.state, self.since = to, at
        if to == self.declared["initial"]:
            self.kept = {}
        self._tell_enter(on, data)

    def _tell_enter(self, on: str, data: dict[str, Any]) -> None:
        kind = self.declared["states"][self.state].get("enter")
        if kind:
            self.told.append((kind, self.since, {**self.kept, **data, "state": self.state, "on": on}))
