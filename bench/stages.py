"""Stages: CPU time of a frame on the whole way against the sum of its stages, each run alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bench import bundles, footage
from bench.config import loaded
from bench.legs import CLOCK, CORES, Leg, arguments, measure, plain
from bench.report import Figure, report
from device.capture.decoder import Decoder
from device.measuring import Rounds, Speed, Stopwatch, decoding, inference, read_packets, whole_way
from device.pipeline.packets import Packet
from vision.bundle import read_bundle
from vision.detector import confidence_floors, open_detector
from vision.heads.head import open_head
from vision.prepare import Prepare
from vision.types import Frame

SIDE = 320  # where everything but the network weighs most
AT_ONCE = 24  # decoded pictures held, about 75 MB
ALONE = ("decode", "prepare", "network", "head")


def main() -> None:
    given = arguments(str(__doc__), rounds=6, seconds=4)
    packets = read_packets(footage.street(), CLOCK)
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
        speeds = measure(legs(Path(folder), packets), given.rounds, given.seconds)
    total = sum(speeds[name].cpu_ms for name in ALONE)
    figures = [
        *(Figure(f"{SIDE}: {name} alone", speeds[name].cpu_ms, "CPU ms a frame") for name in ALONE),
        Figure(f"{SIDE}: whole way", speeds["whole"].cpu_ms, "CPU ms a frame"),
        Figure(f"{SIDE}: whole way against the sum of its stages", speeds["whole"].cpu_ms / total, "", "<= 1.10"),
    ]
    report("stages", figures, rounds=given.rounds, seconds=given.seconds, real_footage=footage.real(), legs=plain(speeds))


def legs(folder: Path, packets: list[Packet]) -> dict[str, Leg]:
    bundle = bundles.square(folder, SIDE)
    config, engine, manifest = loaded(folder / "run", bundle), open_detector(bundle).engine, read_bundle(bundle).manifest
    prepare = Prepare(manifest.input)
    head = open_head(manifest.head, confidence_floors(manifest, None, {}, None), manifest.iou)
    tensor, _ = prepare(pictures(packets)[0].planes)
    answers = engine.run(tensor)
    return {
        "decode": lambda s: decoding(packets, s, CLOCK),
        "prepare": lambda s: preparing(packets, lambda frame: prepare(frame.planes), s),
        "network": lambda s: inference(engine, tensor, s, CLOCK, CORES),
        "head": lambda s: heads(lambda: head(answers, (SIDE, SIDE)), s),
        "whole": lambda s: whole_way(config, Rounds(packets), s, CLOCK).speed,
    }


def pictures(packets: Sequence[Packet]) -> list[Frame]:
    decoder = Decoder(packets[0].stream)
    frames = [frame for packet in packets[:AT_ONCE] for frame in decoder.decode(packet)]
    return frames + decoder.flush()


def preparing(packets: Sequence[Packet], prepare: Callable[[Frame], tuple[NDArray[Any], object]], seconds: float) -> Speed:
    """Each picture once, for it keeps what was made of it; decoding is not counted."""
    frames, took_s, cpu_s = 0, 0.0, 0.0
    while took_s < seconds / 4:
        ready = pictures(packets)
        watch = Stopwatch(CLOCK)
        for frame in ready:
            prepare(frame)
        speed = watch.speed(len(ready))
        frames, took_s, cpu_s = frames + speed.frames, took_s + speed.seconds, cpu_s + speed.cpu_s
    return Speed(frames, took_s, cpu_s)


def heads(read: Callable[[], object], seconds: float) -> Speed:
    watch, runs = Stopwatch(CLOCK), 0
    while watch.seconds() < seconds / 4:
        read()
        runs += 1
    return watch.speed(runs)


if __name__ == "__main__":
    main()
