"""Drift: what counting costs the analysis thread, against the time of the frame itself; and its worker, for each frame."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from bench import bundles, footage
from bench.legs import CLOCK, arguments
from bench.report import Figure, report
from device.capture.decoder import Decoder
from device.drift.gathering import Gathering
from device.drift.options import DriftOptions
from device.measuring import read_packets
from device.pipeline.tally import Tally
from vision.detector import open_detector
from vision.types import Detections, Frame, Scene

BOXES = 8
BATCH = 300  # scenes between two rounds of the worker: one second of ten cameras


def main() -> None:
    given = arguments(str(__doc__), rounds=7, seconds=1)
    packets = read_packets(footage.street(), CLOCK)
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
        detector = open_detector(bundles.square(Path(folder), 320))
        decoder = Decoder(packets[0].stream)
        frames = [frame for packet in packets[:24] for frame in decoder.decode(packet)]
        frame_us = min(took_us(lambda frame=frame: detector.detect(frame.planes)) for frame in frames)  # type: ignore[misc]
        gathering = Gathering(Path(folder) / "drift.sqlite", DriftOptions(), CLOCK, Tally(), "bench", lambda _hour: None)
        scenes = [seen(frame, detector.digest) for frame in frames]
        rounds = [one(gathering, scenes) for _ in range(given.rounds)]
    put_us, worker_us = (min(each) for each in zip(*rounds, strict=True))
    figures = [
        Figure("a frame in the detector alone, 320", frame_us, "us"),
        Figure("counting a frame, on the analysis thread", put_us, "us", "<= 10"),
        Figure("counting a frame against the frame", put_us / frame_us, "", "<= 0.002"),
        Figure(f"adding up a frame with {BOXES} boxes, in the worker", worker_us, "us"),
    ]
    report("drift", figures, rounds=given.rounds, real_footage=footage.real(), boxes=BOXES)


def one(gathering: Gathering, scenes: list[Scene]) -> tuple[float, float]:
    """Microseconds a frame: handing over, adding up."""
    given = [scenes[n % len(scenes)] for n in range(BATCH)]

    def put() -> None:
        for scene in given:
            gathering.looks.put(scene)

    return took_us(put) / BATCH, took_us(gathering.step) / BATCH


def took_us(work) -> float:  # type: ignore[no-untyped-def]
    before = CLOCK.mono_ns()
    work()
    return (CLOCK.mono_ns() - before) / 1000


def seen(frame: Frame, model: str) -> Scene:
    rng = np.random.default_rng(frame.seq)
    corners = np.sort(rng.uniform(0, 500, (BOXES, 2, 2)), axis=1).reshape(BOXES, 4).astype(np.float32)
    ids = rng.integers(0, 2, BOXES).astype(np.int32)
    return Scene(frame, Detections(corners, rng.uniform(size=BOXES).astype(np.float32), ids), ("person", "car"), model=model)


if __name__ == "__main__":
    main()
