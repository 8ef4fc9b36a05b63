"""The videos benches look at: 1080p30 H.264 made of the real street footage, once, and kept in .cache/bench."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from vision.types import Image

ROOT = Path(__file__).resolve().parent.parent
STREET = ROOT / ".cache" / "footage" / "street.mkv"
KEPT = ROOT / ".cache" / "bench"
WIDTH, HEIGHT, FPS, SECONDS = 1920, 1080, 30, 10
TIMES = 18  # long ones last three minutes
GOP_FRAMES = 60  # a key frame every two seconds, the usual setting of a camera
LAMP = (640, 360)  # the upper left of the picture, where `network.model(lamp=True)` looks
NOISE = 3.0  # levels, standard deviation: a camera by day
BIT_RATE = 4_000_000  # what cameras of this size are set to
SMALL = (640, 360)  # the second stream that cameras have beside it, for those who only look
SMALL_BIT_RATE = 512_000
# a camera's encoder has no time to look ahead, so it spends on every picture and not most of it on key frames
CAMERA = "bframes=0:scenecut=0:mbtree=0:rc-lookahead=0:sync-lookahead=0:weightp=0:ipratio=1.1"


def street() -> Path:
    """People in a street, every picture another."""
    return _made("street", _street)


def still() -> Path:
    """One picture of the street and a camera's noise: nothing moves."""
    return _longer(_made("still", lambda: itertools.repeat(next(_street()), FPS * SECONDS)))


def lamp() -> Path:
    """The street, and in it a lamp that is on for half a second of each."""
    return _longer(_made("lamp", _lamp))


def lamp_small() -> Path:
    """The same as a camera's second stream shows it."""
    return _longer(_made("lamp-small", _lamp, SMALL, SMALL_BIT_RATE))


def real() -> bool:
    return STREET.exists()


def _made(name: str, pictures: Callable[[], Iterator[Image]], size: tuple[int, int] = (WIDTH, HEIGHT), bit_rate: int = BIT_RATE) -> Path:
    path = KEPT / f"{name}-{size[1]}p30.mkv"
    if not path.exists():
        print(f"making {path.relative_to(ROOT)}, once", flush=True)
        KEPT.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.mkv")
        _encode(part, pictures(), size, bit_rate)
        part.rename(path)
    return path


def _longer(path: Path) -> Path:
    """The same packets again and again in one file: a camera does not end and begin again every ten seconds."""
    longer = path.with_name(f"long-{path.name}")
    if longer.exists():
        return longer
    part = longer.with_suffix(".part.mkv")
    with av.open(str(path)) as reader, av.open(str(part), "w", format="matroska") as out:
        pictures = reader.streams.video[0]
        stream = out.add_stream_from_template(pictures)
        packets = [packet for packet in reader.demux(pictures) if packet.size]
        data = [(bytes(packet), packet.is_keyframe) for packet in packets]
        for number, (body, key) in enumerate(itertools.chain.from_iterable(itertools.repeat(data, TIMES))):
            copy: av.Packet[Any] = av.Packet(body)
            copy.stream, copy.time_base, copy.pts, copy.dts, copy.is_keyframe = stream, Fraction(1, FPS), number, number, key
            out.mux(copy)
    part.rename(longer)
    return longer


def _encode(path: Path, pictures: Iterator[Image], size: tuple[int, int], bit_rate: int) -> None:
    width, height = size
    random = np.random.default_rng(11)
    noise = random.normal(0, NOISE, (height + 64, width + 64, 1)).round().astype(np.int16)
    with av.open(str(path), "w", format="matroska") as out:
        options = {"preset": "veryfast", "x264-params": CAMERA, "maxrate": f"{bit_rate}", "bufsize": f"{bit_rate}"}
        stream = out.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = width, height, "yuv420p", GOP_FRAMES
        stream.bit_rate = bit_rate
        stream.time_base = stream.codec_context.time_base = Fraction(1, FPS)
        for number, picture in enumerate(pictures):
            y, x = random.integers(0, 64, 2)  # the same noise from another place is another noise
            fitting = picture if picture.shape[:2] == (height, width) else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            noisy = np.clip(fitting + noise[y : y + height, x : x + width], 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(noisy, format="bgr24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _street() -> Iterator[Image]:
    """The footage has 10 pictures a second: two are mixed in between."""
    before: Image | None = None
    count = 0
    for picture in _footage():
        for share in (1 / 3, 2 / 3, 1.0) if before is not None else (1.0,):
            yield picture if before is None else np.asarray(cv2.addWeighted(picture, share, before, 1 - share, 0), np.uint8)
            count += 1
            if count == FPS * SECONDS:
                return
        before = picture


def _footage() -> Iterator[Image]:
    if not real():
        yield from _drawn()
        return
    with av.open(str(STREET)) as container:
        for frame in container.decode(video=0):
            picture = frame.to_ndarray(format="bgr24")[72:504]  # 16:9 of 4:3
            yield np.asarray(cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def _drawn() -> Iterator[Image]:
    """Without the footage: texture that shifts, and blocks that walk through it."""
    random = np.random.default_rng(3)
    ground = cv2.resize(random.integers(40, 200, (135, 240, 3), np.uint8), (WIDTH + 512, HEIGHT), interpolation=cv2.INTER_CUBIC)
    for number in range(FPS * SECONDS):
        picture = np.ascontiguousarray(ground[:, number : number + WIDTH])
        for walker in range(6):
            x, y = (number * (8 + walker) + walker * 300) % WIDTH, 200 + walker * 120
            picture[y : y + 160, x : x + 60] = (30, 60 * walker % 255, 200)
        yield np.asarray(picture, np.uint8)


def _lamp() -> Iterator[Image]:
    width, height = LAMP
    for number, picture in enumerate(_street()):
        lit = picture.copy()
        lit[:height, :width] = 250 if number % FPS < FPS // 2 else 20
        yield lit


def first_picture(path: Path) -> Image:
    with av.open(str(path)) as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="bgr24"), np.uint8)
