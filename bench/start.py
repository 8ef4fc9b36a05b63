"""Start and memory: from the start of the process to the first event at a subscriber, and what is resident with one camera live."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from bench import bundles, footage
from bench.box import Box, Subscriber, broker, free_port
from bench.config import write_config
from bench.legs import arguments
from bench.report import Figure, report

SIDE = 640


def main() -> None:
    given = arguments(str(__doc__), rounds=5, seconds=30)
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder = Path(name)
        bundle = bundles.lamp(folder, SIDE)
        with broker(folder) as port:
            pairs = [pair(folder / f"start-{n}", bundle, port) for n in range(given.rounds + 1)][1:]  # the first reads the disk
            trials, starts = [first for first, _ in pairs], [second for _, second in pairs]
            seconds = statistics.median(starts)
            print(
                f"  starts: {', '.join(f'{each:.2f}' for each in starts)} s; with a bundle never tried: {statistics.median(trials):.2f} s"
            )
            resident, peak = remembered(folder / "memory", bundle, port, given.seconds)
    figures = [
        Figure("start of the appliance to the first detection, at the subscriber", seconds, "s", "<= 2"),
        Figure("the same with a bundle that this box has never tried", statistics.median(trials), "s"),
        Figure("resident memory, one 1080p camera live", resident, "MB", "<= 300"),
        Figure("at its highest", peak, "MB"),
    ]
    report("start", figures, starts=[round(each, 3) for each in starts], side=SIDE, real_footage=footage.real())


def config(folder: Path, bundle: Path, port: int) -> Path:
    folder.mkdir()
    camera = {"use": "file", "path": str(footage.lamp()), "pace": "realtime", "loop": True}
    stages = {"detect": {"classes": ["class-0"]}, "confirm": {"sightings": 1}}
    page, mqtt = {"port": free_port()}, {"host": "127.0.0.1", "port": port}
    return write_config(folder, bundle, gate=True, detection_fps=10, stages=stages, cameras={"yard": camera}, page=page, mqtt=mqtt)


def pair(folder: Path, bundle: Path, port: int) -> tuple[float, float]:
    """The first start with a bundle, which tries it in a process of its own, and the next."""
    device_yaml = config(folder, bundle, port)
    return started(device_yaml, port), started(device_yaml, port)


def started(device_yaml: Path, port: int) -> float:
    """Everything in it: interpreter, imports, model, camera, page, broker, decoding, the network, journal, the way to a subscriber."""
    subscriber = Subscriber(port)
    try:
        with Box(device_yaml) as box:
            return subscriber.wait(1, 60)[0][0] - box.began
    finally:
        subscriber.close()


def remembered(folder: Path, bundle: Path, port: int, seconds: float) -> tuple[float, float]:
    """After so many seconds with page and broker, ten looks a second."""
    with Box(config(folder, bundle, port)) as box:
        box.until(lambda: box.ask("/api/v1/health"))
        samples = []
        for _ in range(10):
            time.sleep(seconds / 10)
            samples.append(box.memory_mb())
        return statistics.median(samples[5:]), box.memory_mb("VmHWM")


if __name__ == "__main__":
    main()
