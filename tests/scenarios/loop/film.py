"""Film: a pan along a shelf as H.264 in Matroska, and the truth about each of its pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from tests.scenarios.loop.shelf import HEIGHT, WIDTH, Box, World, shelf

FPS = 4
KEY = 4  # pictures between key frames
Boxes = list[tuple[str, Box]]


@dataclass(frozen=True, slots=True)
class Film:
    path: Path
    truth: dict[int, Boxes]  # by media time, milliseconds


def film(path: Path, seed: int, world: World, seconds: float) -> Film:
    """Drawn and encoded; the truth lies beside it as JSON."""
    options = {"preset": "veryfast", "crf": "18", "x264-params": f"keyint={KEY}:scenecut=0:bframes=0"}
    shown, truth = shelf(seed, world), {}
    with av.open(str(path), "w", format="matroska") as out:
        out.metadata["creation_time"] = "2026-03-04T18:30:00Z"
        stream = out.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.thread_count = WIDTH, HEIGHT, "yuv420p", 1
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(round(seconds * FPS)):
            ms = number * 1000 // FPS
            picture, truth[ms] = shown.at(ms / 1000)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = ms, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    path.with_suffix(".json").write_text(json.dumps({str(ms): boxes for ms, boxes in truth.items()}) + "\n")
    return Film(path, truth)
