"""Heat: how hot each part of the box is, and whether it is being slowed for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

COLDEST, HOTTEST = -60, 200  # degrees; a sensor beyond says nonsense
# Cooling devices that slow something down. A fan is one too, and may run.
SLOWING = re.compile(r"throttle-alert|hot-surface-alert|cpufreq|devfreq|^Processor$|gpu.*cooling", re.IGNORECASE)
COUNTERS = (
    "class/hwmon/hwmon*/oc*_event_cnt",  # Jetson: too much current, so the clocks go down
    "devices/system/cpu/cpu0/thermal_throttle/package_throttle_count",  # x86
    "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
)


@dataclass(frozen=True, slots=True)
class Warmth:
    temperatures_c: dict[str, float]
    throttled: tuple[str, ...]  # by what, now

    @property
    def hottest_c(self) -> float | None:
        return max(self.temperatures_c.values(), default=None)


@dataclass
class Heat:
    """`look` every few seconds; a counter that rose since the last look counts as slowed now."""

    sys: Path = Path("/sys")
    _before: dict[Path, int] = field(default_factory=dict)

    def look(self) -> Warmth:
        return Warmth(self._temperatures(), tuple(sorted({*self._slowing(), *self._rose()})))

    def _temperatures(self) -> dict[str, float]:
        """By the zone's own name; of two with one name the hotter."""
        found: dict[str, float] = {}
        for zone in sorted(self.sys.glob("class/thermal/thermal_zone*")):
            reading, name = _number(zone / "temp"), _text(zone / "type") or zone.name
            if reading is not None and COLDEST < reading / 1000 < HOTTEST:
                found[name] = max(reading / 1000, found.get(name, COLDEST))
        return found

    def _slowing(self) -> list[str]:
        devices = self.sys.glob("class/thermal/cooling_device*")
        kinds = ((_text(device / "type"), _number(device / "cur_state")) for device in devices)
        return [kind for kind, state in kinds if state and SLOWING.search(kind)]

    def _rose(self) -> list[str]:
        found = []
        for path in (path for pattern in COUNTERS for path in self.sys.glob(pattern)):
            now = _number(path)
            if now is None:
                continue
            if now > self._before.get(path, now):
                found.append(path.name.removesuffix("_count").removesuffix("_event_cnt"))
            self._before[path] = now
        return found


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # a sensor that sleeps answers with an error
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()[:60]
    except (OSError, ValueError):
        return ""
