"""Film: a story as H.264 in Matroska whose pictures come as unevenly as a console's do, and beside it what is true of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av

from tests.scenarios.game import art, screens
from tests.scenarios.game import story as stories
from tests.scenarios.game.art import HEIGHT, WIDTH, font
from tests.scenarios.game.screens import Screens
from tests.scenarios.game.story import picture_times, story
from tests.scenarios.game.truth import Fact, Truth, truth

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache" / "game"
BEGAN = "2026-03-04T18:30:00Z"
KEY_MS = 2000  # between key frames, at most


def film(
    seconds: float = 120,
    seed: int = 1,
    width: int = WIDTH,
    fps: float = 24.0,
    folder: Path = CACHE,
    progress: Callable[[float], None] = lambda _: None,
) -> tuple[Path, Truth]:
    """Made once and kept: the name says of what. The truth lies beside it as JSON."""
    height = round(HEIGHT * width / WIDTH / 2) * 2
    told = story(seed, seconds)
    times = picture_times(told, fps)
    known = truth(told, times, (width, height))
    name = f"game-{seconds:g}s-seed{seed}-{width}x{height}-{fps:g}fps"
    path = folder / f"{name}-{drawn_by()}.mkv"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{name}-*"):  # drawn by other code
            old.unlink()
        part = path.with_suffix(".part.mkv")
        _encode(Screens(told, width, height), times, part, (width, height), progress)
        path.with_suffix(".json").write_text(json.dumps(known.document(), indent=1) + "\n")
        part.rename(path)
    return path, known


def drawn_by() -> str:
    """Other code or other fonts draw another film."""
    sources = [Path(module.__file__ or "").read_bytes() for module in (art, screens, stories)]
    fonts = ",".join(Path(font(n)).name for n in range(len(art.FONTS)))
    return hashlib.sha256(b"".join(sources) + fonts.encode()).hexdigest()[:8]


def _encode(drawing: Screens, times: list[int], path: Path, size: tuple[int, int], progress: Callable[[float], None]) -> None:
    """As recorders are set up: fast, a key frame every two seconds, no B frames; times in milliseconds."""
    options = {"preset": "ultrafast", "crf": "21", "x264-params": "keyint=9999:scenecut=0:bframes=0"}
    with av.open(str(path), "w", format="matroska") as out:
        out.metadata["creation_time"] = BEGAN
        stream = out.add_stream("libx264", rate=60, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.thread_count = *size, "yuv420p", 1  # one thread: the same bytes everywhere
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        key_at = 0
        for number, ms in enumerate(times):
            frame = av.VideoFrame.from_ndarray(drawing.at(ms), format="bgr24")
            frame.pts, frame.time_base = ms, Fraction(1, 1000)
            frame.pict_type = av.video.frame.PictureType.I if ms >= key_at else av.video.frame.PictureType.NONE
            if ms >= key_at:
                key_at = ms + KEY_MS
            out.mux(stream.encode(frame))
            if number % 200 == 0:
                progress(ms / times[-1])
        out.mux(stream.encode(None))


def read(path: Path) -> Truth:
    """The truth that lies beside a film."""
    said = json.loads(path.with_suffix(".json").read_text())
    facts = tuple(Fact(**each) for each in said["facts"])
    return Truth(said["seed"], tuple(said["size"]), said["pictures"], said["end_pts_ns"], facts)
