"""A rendered street: two figures that walk, encoded as real H.264, for tests that need a moving picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import av
import cv2
import numpy as np

from device.pipeline.packets import Packet, StreamInfo
from vision.types import Image

WIDTH, HEIGHT, FPS, SECONDS = 640, 360, 25, 8
COUNT = FPS * SECONDS
STEP_NS = 1_000_000_000 // FPS


@dataclass(frozen=True)
class Figure:
    track: int
    row: int
    tall: int
    shade: tuple[int, int, int]
    phase: float

    def box(self, index: int) -> tuple[float, float, float, float]:
        """Walks to and fro once in SECONDS; x1, y1, x2, y2."""
        along = 0.5 - 0.5 * math.cos(2 * math.pi * (index / COUNT + self.phase))
        x, wide = 40 + along * (WIDTH - 130), self.tall * 0.38
        y = self.row + 4 * math.sin(index / 3)
        return (x, y, x + wide, y + self.tall)


FIGURES = (Figure(1, 170, 120, (60, 90, 190), 0.0), Figure(2, 130, 84, (150, 120, 60), 0.35))


def picture(index: int, tint: int = 0) -> Image:
    """A pavement, walls, and whoever walks; the frame number is burnt in."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    sky = np.linspace(150, 105, 150, dtype=np.uint8)[:, None, None]
    image[:150] = np.concatenate([sky + 10, sky, sky - 25 + tint], axis=2)
    image[150:] = (np.linspace(72, 118, HEIGHT - 150)[:, None, None] * np.array([0.96, 1.0, 1.02])).astype(np.uint8)
    for left in range(0, WIDTH, 128):
        cv2.rectangle(image, (left + 12, 30), (left + 104, 138), (92 + tint, 84, 96), -1)
        cv2.rectangle(image, (left + 36, 52), (left + 80, 96), (136, 128, 108), -1)
    cv2.line(image, (0, 300), (WIDTH, 262), (168, 170, 172), 2)
    for figure in FIGURES:
        x1, y1, x2, y2 = (round(v) for v in figure.box(index))
        centre, head = (x1 + x2) // 2, figure.tall // 7
        cv2.ellipse(image, (centre, y2), ((x2 - x1) // 2, 7), 0, 0, 360, (58, 60, 62), -1)
        cv2.rectangle(image, (x1 + 8, y1 + 2 * head), (x2 - 8, y2 - figure.tall // 3), figure.shade, -1)
        swing = round(8 * math.sin(index / 2))
        for side in (-1, 1):
            cv2.line(image, (centre, y2 - figure.tall // 3), (centre + side * swing, y2), (40, 36, 34), 9)
        cv2.circle(image, (centre, y1 + head), head, (140, 165, 205), -1)
    cv2.putText(image, f"{index:04d}", (12, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (245, 245, 245), 1, cv2.LINE_AA)
    return image


@lru_cache(maxsize=4)
def encoded(tint: int = 0, b_frames: int = 0) -> tuple[bytes, tuple[tuple[bytes, bool, int, int], ...]]:
    """Extradata, then for each picture its bytes, key flag, PTS and DTS in frames."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    codec.framerate, codec.time_base = Fraction(FPS), Fraction(1, FPS)
    codec.options = {"preset": "ultrafast", "g": str(FPS), "bf": str(b_frames), "threads": "1", "x264-params": "scenecut=0:open-gop=0"}
    codec.flags |= av.codec.context.Flags.global_header
    codec.open()
    made = []
    for index in range(COUNT):
        frame = av.VideoFrame.from_ndarray(picture(index, tint), format="bgr24")
        frame.pts, frame.time_base = index, Fraction(1, FPS)
        made += codec.encode(frame)
    made += codec.encode(None)
    return bytes(codec.extradata or b""), tuple((bytes(p), p.is_keyframe, int(p.pts or 0), int(p.dts or 0)) for p in made)


def packets(camera: str, start_mono_ns: int, start_wall_ns: int, tint: int = 0, b_frames: int = 0, rounds: int = 1) -> list[Packet]:
    """The street over and over, in decoding order; media time goes on growing."""
    extradata, pictures = encoded(tint, b_frames)
    info = StreamInfo(camera, "h264", WIDTH, HEIGHT, extradata, rate=Fraction(FPS))
    out = []
    for turn in range(rounds):
        for n, (data, key, pts, dts) in enumerate(pictures):
            at = (turn * COUNT + n) * STEP_NS
            shift = turn * COUNT
            times = (shift + pts) * STEP_NS, (shift + dts) * STEP_NS, STEP_NS
            out.append(Packet(info, shift + n, *times, key, data, start_mono_ns + at, start_wall_ns + at))
    return out
