"""Event latency: from capture (a picture is due) to an MQTT subscriber, with the whole appliance live.

A lamp in a 1080p30 video goes on and off each second; each change is an event's `new` or `end`. Beyond inference is measured with a
network that costs nothing, so nothing has to be subtracted; the same on a camera's second stream (640x360), where decoding is next to
nothing too, and the same with a real network's work stand beside it.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import bundles, footage
from bench.box import Box, Subscriber, broker, free_port
from bench.config import write_config
from bench.legs import arguments
from bench.report import Figure, report

SIDE = 320
WARM = 6  # events that are not counted: the first pictures find cold caches and a page that is being set up
GONE_MS = 200  # the lamp is off for half a second
PER_S = 2  # messages: one goes on, one goes off


def main() -> None:
    given = arguments(str(__doc__), rounds=1, seconds=60)
    count = WARM + int(given.seconds * PER_S)
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder = Path(name)
        with broker(folder) as port:
            beyond = late_ms(folder / "alone", bundles.lamp_alone, footage.lamp(), port, count)
            small = late_ms(folder / "small", bundles.lamp_alone, footage.lamp_small(), port, count)
            whole = late_ms(folder / "network", bundles.lamp, footage.lamp(), port, count)
    figures = [
        Figure("capture to subscriber beyond inference, p50", statistics.median(beyond["ms"]), "ms", "<= 5"),
        Figure("capture to subscriber beyond inference, p99", ranked(beyond["ms"], 0.99), "ms", "<= 20"),
        Figure("capture to subscriber beyond inference on a second stream of 640x360, p50", statistics.median(small["ms"]), "ms", "<= 5"),
        Figure("capture to subscriber beyond inference on a second stream of 640x360, p99", ranked(small["ms"], 0.99), "ms", "<= 20"),
        Figure(f"capture to subscriber with a network of 2.6 M weights at {SIDE}, p50", statistics.median(whole["ms"]), "ms"),
        Figure(f"capture to subscriber with a network of 2.6 M weights at {SIDE}, p99", ranked(whole["ms"], 0.99), "ms"),
    ]
    stages = {"beyond_inference": beyond["stages"], "second_stream": small["stages"], "with_network": whole["stages"]}
    report("latency", figures, events=len(beyond["ms"]), stages=stages, real_footage=footage.real())


def late_ms(folder: Path, bundle_of: Callable[[Path, int], Path], film: Path, port: int, count: int) -> dict[str, Any]:
    """Of each message, in milliseconds, and what the box says its stages took."""
    folder.mkdir()
    bundle = bundle_of(folder / "models", SIDE)
    camera = {"use": "file", "path": str(film), "pace": "realtime", "loop": True}
    confirm = {"sightings": 1, "max_gap_ms": GONE_MS}
    stages = {"detect": {"classes": ["class-0"]}, "track": {"max_lost_ms": GONE_MS // 2}, "confirm": confirm}
    page, mqtt = {"port": free_port()}, {"host": "127.0.0.1", "port": port}
    more = {"stages": stages, "cameras": {"yard": camera}, "page": page, "mqtt": mqtt}
    config = write_config(folder, bundle, gate=True, detection_fps=10, **more)
    subscriber = Subscriber(port)
    try:
        with Box(config) as box:
            came = subscriber.wait(count, count / PER_S * 3 + 60)
            health = box.ask("/api/v1/health")
    finally:
        subscriber.close()
    late = [(at - envelope["mono"]) * 1000 for at, envelope in came[WARM:]]
    return {"ms": late, "stages": health["cameras"]["yard"]["stages"] | health["stages"]}


def ranked(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


if __name__ == "__main__":
    main()
