"""Batch: video seconds a second with a process a core, against decoding alone and the network alone on the same cores in the same run,
what the second process brings, and the memory of a long recording beside that of a short one."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from fractions import Fraction
from itertools import chain, repeat
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import av
import numpy as np

from bench import bundles, footage
from bench.config import write_config
from bench.legs import CLOCK, CORES, arguments
from bench.report import Figure, report
from device.batch.batching import batch
from device.batch.films import Asked, Film
from device.batch.local import LocalRunner
from device.batch.recipe import recipe_of
from device.capture.file import FileSource
from device.config import load
from device.measuring import Stopwatch, decoding, inference, read_packets
from vision.detector import open_detector

SIDE, SAMPLES = 640, 10  # of the network, a second
TIMES = 12  # the film of ten seconds, so often: the start of the processes, some three seconds, is in the figures
SHORT, LONG = 6, 8  # for memory: so often, and so many times that
SPAWN = get_context("spawn")


def main() -> None:
    given = arguments(str(__doc__), rounds=3, seconds=5)
    with tempfile.TemporaryDirectory(prefix="vedette-bench-", dir=footage.KEPT.parent) as name:
        folder = Path(name)
        bundle = bundles.square(folder, SIDE)
        config = write_config(folder, bundle, gate=False, detection_fps=SAMPLES)
        video = repeated(folder / "film.mkv", TIMES)
        legs: dict[str, list[float]] = {name: [] for name in ("decode", "network", "one", "all")}
        for number in range(given.rounds):
            legs["decode"].append(on_all(alone_decoding, str(video), given.seconds) / footage.FPS)
            legs["network"].append(on_all(alone_inference, str(bundle), given.seconds) / SAMPLES)
            legs["one"].append(speed(config, video, folder / f"one-{number}", 1))
            legs["all"].append(speed(config, video, folder / f"all-{number}", CORES))
            print(f"  {number + 1}/{given.rounds}", {leg: round(values[-1], 2) for leg, values in legs.items()}, flush=True)
        rare = write_config(made(folder / "rare"), bundle, gate=False, detection_fps=1)
        films = {times: repeated(folder / f"{times}.mkv", times) for times in (SHORT, LONG * SHORT)}
        memory = {times: peak_mb(rare, path, folder / f"memory-{times}") for times, path in films.items()}
    facts = {"rounds": given.rounds, "seconds": given.seconds, "real_footage": footage.real(), "legs": legs, "memory_mb": memory}
    report("batch", figures_from(legs, memory), **facts)


def figures_from(legs: dict[str, list[float]], memory: dict[int, tuple[float, float]]) -> list[Figure]:
    decode, network, one, both = (median(legs[name]) for name in ("decode", "network", "one", "all"))
    short, long = memory.values()
    together = 1 / (1 / decode + 1 / network)  # the same cores do both
    return [
        Figure(f"batch, {CORES} processes", both, "video s/s"),
        Figure("batch against the slower of decoding alone and the network alone", both / min(decode, network), "", ">= 0.9"),
        Figure("the most that cores which do both allow there", together / min(decode, network)),
        Figure("batch against both together on the same cores", both / together, "", ">= 0.92"),
        Figure(f"batch, {CORES} processes against one", both / one, "", ">= 1.8"),
        Figure("batch, memory of whoever divides and merges", short[0], "MB"),
        Figure("batch, memory of a worker", short[1], "MB"),
        Figure(f"batch, memory of a recording {LONG} times as long, times", max(long[0] / short[0], long[1] / short[1]), "", "<= 1.1"),
    ]


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def repeated(path: Path, times: int) -> Path:
    """The street again and again: the same packets, each time a group of its own."""
    with av.open(str(footage.street())) as reader, av.open(str(path), "w", format="matroska") as out:
        pictures = reader.streams.video[0]
        stream = out.add_stream_from_template(pictures)
        data = [(bytes(packet), packet.is_keyframe) for packet in reader.demux(pictures) if packet.size]
        for number, (body, key) in enumerate(chain.from_iterable(repeat(data, times))):
            copy: av.Packet[Any] = av.Packet(body)
            copy.stream, copy.time_base, copy.pts, copy.dts, copy.is_keyframe = stream, Fraction(1, footage.FPS), number, number, key
            out.mux(copy)
    return path


def speed(config: Path, video: Path, out: Path, workers: int) -> float:
    """Video seconds a second, from the start of the processes to the document."""
    watch = Stopwatch(CLOCK)
    film = run(config, video, out, workers)
    return film.seconds / watch.seconds()


def run(config: Path, video: Path, out: Path, workers: int) -> Film:
    loaded = load(config)
    recipe, asked = recipe_of(loaded, "street", CLOCK), Asked(out)
    source = FileSource("street", FileSource.Options(path=video), CLOCK)
    film = Film(source, video.stem, recipe, asked, CLOCK, seconds=source.facts()[0] or 0)
    batch([film], asked, LocalRunner(recipe.text(), workers), CLOCK)
    if not film.ready:
        raise SystemExit(film.failed)
    return film


def on_all(work: Any, what: str, seconds: float) -> float:
    """Frames a second of that many processes together, each with a core to itself."""
    with SPAWN.Pool(CORES) as pool:
        return float(sum(pool.starmap(work, [(what, seconds)] * CORES)))


def alone_decoding(video: str, seconds: float) -> float:
    packets = read_packets(Path(video), CLOCK)
    return decoding(packets, seconds, CLOCK, threaded=False).fps


def alone_inference(bundle: str, seconds: float) -> float:
    engine = open_detector(bundle).engine
    return inference(engine, np.random.default_rng(5).integers(0, 255, (1, SIDE, SIDE, 3), np.uint8), seconds, CLOCK).fps


def peak_mb(config: Path, video: Path, out: Path) -> tuple[float, float]:
    """Of a process of its own and of the largest of its workers."""
    words = [sys.executable, "-m", "bench.batch", "--peak", str(config), str(video), str(out)]
    done = subprocess.run(words, cwd=footage.ROOT, check=True, capture_output=True, text=True)
    own, workers = done.stdout.split()[-2:]
    return float(own), float(workers)


def peak(config: str, video: str, out: str) -> None:
    run(Path(config), Path(video), Path(out), CORES)
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    print(*(f"{resource.getrusage(kind).ru_maxrss / 1024:.1f}" for kind in kinds))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        peak(*sys.argv[2:5])
    else:
        main()
