"""Throughput: frames a second from packets to events against the bare network, and against what the machine could do at most.

The limit is cores / (CPU seconds of decoding alone + of the network alone in sessions of one thread, all cores busy). Cores are as many
as the network alone was given in the same run: all of them on a quiet machine, fewer where others work beside us.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from bench import bundles, footage
from bench.config import loaded
from bench.legs import CLOCK, CORES, Leg, arguments, measure, plain
from bench.report import Figure, report
from device.measuring import Rounds, Speed, Stopwatch, decoding, inference, read_packets, whole_way
from device.pipeline.packets import Packet
from vision.detector import open_detector

BARE_GOALS = {640: ">= 0.97", 320: ">= 0.85"}


def main() -> None:
    given = arguments(str(__doc__), rounds=6, seconds=5)
    packets = read_packets(footage.street(), CLOCK)
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
        legs: dict[str, Leg] = {"decode": lambda s: decoding(packets, s, CLOCK)}
        for side in BARE_GOALS:
            legs |= side_legs(Path(folder), side, packets)
        speeds = measure(legs, given.rounds, given.seconds)
    figures = [figure for side in BARE_GOALS for figure in side_figures(side, speeds)]
    report("throughput", figures, rounds=given.rounds, seconds=given.seconds, real_footage=footage.real(), legs=plain(speeds))


def side_legs(folder: Path, side: int, packets: list[Packet]) -> dict[str, Leg]:
    square, shaped = bundles.square(folder, side), bundles.shaped(folder, side)
    tensor = np.random.default_rng(5).integers(0, 255, (1, side, side, 3), np.uint8)
    bare, engine = bare_session((square / "model.onnx").read_bytes()), open_detector(square).engine
    configs = {name: loaded(folder / f"run-{name}-{side}", path) for name, path in (("square", square), ("shaped", shaped))}
    return {
        f"bare {side}": lambda s: bare_loop(bare, tensor, s),
        f"whole {side}": lambda s: whole_way(configs["square"], Rounds(packets), s, CLOCK).speed,
        f"network {side}": lambda s: inference(engine, tensor, s, CLOCK, CORES),
        f"shaped {side}": lambda s: whole_way(configs["shaped"], Rounds(packets), s, CLOCK).speed,
    }


def side_figures(side: int, speeds: dict[str, Speed]) -> list[Figure]:
    bare, whole, network, shaped = (speeds[f"{name} {side}"] for name in ("bare", "whole", "network", "shaped"))
    limit = 1000 * network.cores / (speeds["decode"].cpu_ms + network.cpu_ms)
    return [
        Figure(f"{side}: whole way", whole.fps, "frames/s"),
        Figure(f"{side}: against InferenceSession.run on all cores", whole.fps / bare.fps, "", BARE_GOALS[side]),
        Figure(f"{side}: against the limit of this machine", whole.fps / limit, "", ">= 0.92"),
        Figure(f"{side}: in the picture's own shape, times the square", shaped.fps / whole.fps, "", ">= 1.5"),
    ]


def bare_session(model: bytes) -> ort.InferenceSession:
    """As anybody would: one session, as many threads as cores, everything else as it comes."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = CORES
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def bare_loop(session: ort.InferenceSession, tensor: NDArray[Any], seconds: float) -> Speed:
    session.run(None, {"image": tensor})
    watch, runs = Stopwatch(CLOCK), 0
    while watch.seconds() < seconds:
        session.run(None, {"image": tensor})
        runs += 1
    return watch.speed(runs)


if __name__ == "__main__":
    main()
