"""A box that is slowed for its heat says so; a fan that runs is no fault."""

from __future__ import annotations

from pathlib import Path

from device.wear.heat import Heat, Warmth


def put(sys: Path, path: str, text: str) -> Path:
    place = sys / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text + "\n")
    return place


def test_zones_are_by_name_and_a_sensor_that_says_nonsense_does_not_count(tmp_path: Path) -> None:
    zones = [("cpu-thermal", "41500"), ("gpu-thermal", "72250"), ("gpu-thermal", "60000"), ("tj-thermal", "nonsense"), ("aux", "999000")]
    for number, (kind, reading) in enumerate(zones):
        put(tmp_path, f"class/thermal/thermal_zone{number}/type", kind)
        put(tmp_path, f"class/thermal/thermal_zone{number}/temp", reading)
    warmth = Heat(tmp_path).look()
    assert warmth == Warmth({"cpu-thermal": 41.5, "gpu-thermal": 72.25}, ())
    assert warmth.hottest_c == 72.25
    assert Heat(tmp_path / "gone").look() == Warmth({}, ())


def test_a_jetson_that_is_slowed_is_told_from_a_fan_that_runs(tmp_path: Path) -> None:
    for number, (kind, state) in enumerate((("pwm-fan", "3"), ("gpu-throttle-alert", "1"), ("cpu-throttle-alert", "0"))):
        put(tmp_path, f"class/thermal/cooling_device{number}/type", kind)
        put(tmp_path, f"class/thermal/cooling_device{number}/cur_state", state)
    assert Heat(tmp_path).look().throttled == ("gpu-throttle-alert",)


def test_a_counter_that_rose_since_the_last_look_is_slowed_now(tmp_path: Path) -> None:
    current = put(tmp_path, "class/hwmon/hwmon3/oc2_event_cnt", "7")
    heat = Heat(tmp_path)
    assert heat.look().throttled == (), "what was before is no news"
    current.write_text("9\n")
    assert heat.look().throttled == ("oc2",)
    assert heat.look().throttled == ()
