"""The last minutes as numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from device.web.trends import Trends
from tests.clocks import HandClock
from tests.device.web.demo import Demo


def values(series: dict[str, object], group: str, name: str) -> list[float | None]:
    found = [s["values"] for s in series["series"] if (s["group"], s["name"]) == (group, name)]  # type: ignore[attr-defined]
    assert len(found) == 1
    return list(found[0])


def test_rates_are_per_second_and_drops_have_their_reason(tmp_path: Path) -> None:
    clock = HandClock()
    desk = replace(Demo(tmp_path).desk, clock=clock)
    trends = Trends(desk)
    trends.sample()
    clock.advance(2)
    desk.tally.count("street", "analysed", by=20)
    desk.tally.count("street", "dropped", "newer frame", 5)
    desk.tally.count("street", "dropped", "disk", 1)
    trends.sample()
    series = trends.series()
    assert values(series, "fps", "analysed") == [None, 10.0]
    assert values(series, "drops", "newer frame") == [None, 2.5]
    assert values(series, "drops", "disk") == [None, 0.5]


def test_the_age_of_the_newest_frame_grows_while_none_comes(tmp_path: Path) -> None:
    clock = HandClock()
    desk = replace(Demo(tmp_path).desk, clock=clock)
    desk.tally.gauge("street", "last_frame_mono_ns", clock.mono_ns())
    trends = Trends(desk)
    for _ in range(3):
        clock.advance(1.5)
        trends.sample()
    assert values(trends.series(), "age", "newest frame") == [1500.0, 3000.0, 4500.0]


def test_a_page_asks_only_for_what_it_has_not_and_memory_is_bounded(tmp_path: Path) -> None:
    clock = HandClock()
    trends = Trends(replace(Demo(tmp_path).desk, clock=clock), kept=4)
    for _ in range(7):
        clock.advance(2)
        trends.sample()
    times = trends.series()["t_ms"]
    assert len(times) == 4
    assert trends.series(after_ms=times[2])["t_ms"] == times[3:]


def test_a_clock_that_is_set_back_does_not_stop_the_plots(tmp_path: Path) -> None:
    clock = HandClock()
    trends = Trends(replace(Demo(tmp_path).desk, clock=clock))
    clock.wall_ns = lambda: 400 * 86_400_000_000_000  # type: ignore[method-assign]
    trends.sample()
    clock.wall_ns = lambda: 35 * 86_400_000_000_000  # type: ignore[method-assign]
    trends.sample()
    assert trends.series(after_ms=400 * 86_400_000)["t_ms"] == [35 * 86_400_000]


def test_percentiles_of_each_stage_are_series(tmp_path: Path) -> None:
    desk = replace(Demo(tmp_path).desk, clock=HandClock())
    for ms in range(1, 101):
        desk.tally.took("street", "detect", ms * 1_000_000)
    trends = Trends(desk)
    trends.sample()
    assert [values(trends.series(), "stage", f"detect p{q}") for q in (50, 95, 99)] == [[50.0], [95.0], [99.0]]
