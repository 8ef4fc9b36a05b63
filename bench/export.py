"""Export: the same film with and without training data, clips in both: frames a second, and what the pictures add to the disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bench import bundles, footage
from bench.config import write_config
from bench.legs import CLOCK, arguments
from bench.report import Figure, report
from device.capture.file import FileSource
from device.config import load
from device.measuring import Stopwatch
from device.replaying import replay

EVENTS: dict[str, Any] = {"enabled": True, "events": ["first", "best", "last"], "every_s": 10, "uncertain_probability": 0.02}


def main() -> None:
    given = arguments(str(__doc__), rounds=3, seconds=0)  # a leg is the film: three minutes, an event a second
    speeds: dict[str, list[float]] = {"off": [], "on": []}
    sizes = {"clips": 0, "dataset": 0, "pictures": 0}
    with tempfile.TemporaryDirectory(prefix="vedette-bench-", dir=footage.KEPT) as folder:
        for number in range(given.rounds):
            for name, speeds_of in speeds.items():
                fps = one(Path(folder) / f"{name}-{number}", name == "on", sizes)
                print(f"  {number + 1}/{given.rounds} {name}: {fps:.1f} frames/s", flush=True)
                speeds_of.append(fps)
    ratio = best(speeds["on"]) / best(speeds["off"])
    figures = [
        Figure("frames a second with training data, times without", ratio, "", ">= 0.98"),
        Figure("training data against the clips of the same minutes", sizes["dataset"] / max(1, sizes["clips"]), "", "<= 0.25"),
        Figure("pictures kept of three minutes", sizes["pictures"], ""),
    ]
    report("export", figures, rounds=given.rounds, real_footage=footage.real(), fps=speeds, bytes=sizes)


def one(folder: Path, export: bool, sizes: dict[str, int]) -> float:
    """Frames analysed a second; of a run with export what is on the disk afterwards."""
    folder.mkdir()
    bundle = bundles.lamp(folder, 320)
    made = write_config(folder, bundle, gate=False, detection_fps=10, pictures=None, **({"export": EVENTS} if export else {}))
    source = FileSource("street", FileSource.Options(path=footage.lamp()), CLOCK)
    watch = Stopwatch(CLOCK)
    done = replay(load(made), source, folder / "out", CLOCK, keep=True)
    fps = done.analysed / watch.seconds()
    if export:
        sizes["clips"] = below(folder / "out" / "clips")
        sizes["dataset"] = below(folder / "out" / "dataset")
        sizes["pictures"] = len(list((folder / "out" / "dataset" / "images").iterdir()))
    return fps


def below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def best(speeds: list[float]) -> float:
    """Of a machine that others use too, the least disturbed."""
    return max(speeds)


if __name__ == "__main__":
    main()
