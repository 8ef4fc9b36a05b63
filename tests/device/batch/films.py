"""What the batch's tests share: films of every awkward kind, small profiles, one pass beside many units."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import av
import yaml

from contracts.event import Event, event_id
from contracts.wire import utc_from_ns
from device.batch.batching import batch
from device.batch.films import Asked, Film
from device.batch.local import LocalRunner
from device.batch.recipe import Recipe, recipe_of
from device.batch.runner import Result, Runner
from device.batch.units import Unit
from device.batch.work import forget, look
from device.capture.file import FileSource
from device.capture.scene import read_number
from device.clock import SystemClock
from device.config import Loaded, load
from device.pipeline.context import Context
from device.pipeline.protocols import EndOfStream
from device.pipeline.strict import Strict
from device.replaying import replay
from tests.device.capture.fakes import even, film
from vision.types import Scene

CLOCK = SystemClock()
SITE = "tests.device.batch.films"
FFMPEG = ["ffmpeg", "-loglevel", "error", "-y", "-fflags", "+bitexact", "-flags", "+bitexact"]


class Reads:
    """Looks at one frame only: the number burnt into it and a checksum of all its pixels."""

    frame_only: Literal[True] = True

    class Options(Strict):
        pass

    def __init__(self, options: Options, context: Context) -> None:
        pass

    def __call__(self, scene: Scene) -> Scene:
        picture = scene.frame.planes.bgr()
        seen = {"number": read_number(scene.frame.planes.luma(10_000)), "sum": int(picture.astype("u8").sum())}
        return Scene(scene.frame, scene.detections, scene.labels, {**scene.features, "read": seen}, scene.events, scene.model)


class Doubles:
    """Looks at one frame only, and needs what the stage before it has read."""

    frame_only: Literal[True] = True

    class Options(Strict):
        words: dict[str, int]

    def __init__(self, options: Options, context: Context) -> None:
        self._words = options.words

    @property
    def fingerprint(self) -> Mapping[str, str]:
        return {"words": " ".join(self._words)}

    def __call__(self, scene: Scene) -> Scene:
        seen = {**scene.features["read"], "first": next(iter(self._words)), "twice": 2 * (scene.features["read"]["number"] or 0)}
        return Scene(scene.frame, scene.detections, scene.labels, {**scene.features, "read": seen}, scene.events, scene.model)


class Tells:
    """Has a memory: each frame is an event that says what was read in it and in how manieth frame."""

    class Options(Strict):
        pass

    def __init__(self, options: Options, context: Context) -> None:
        self._context, self._count = context, 0
        self._last: Event | None = None

    def __call__(self, scene: Scene) -> Scene:
        frame, self._count = scene.frame, self._count + 1
        at = utc_from_ns(frame.wall_ns)
        event = Event(
            id=event_id(self._context.cameras[frame.camera].identity(), "seen", frame.pts_ns), life="new", kind="seen", camera=frame.camera,
            confidence=1, start=at, t=at, start_pts_ns=frame.pts_ns, pts_ns=frame.pts_ns, frame_number=frame.seq,
            frame_size=(frame.planes.width, frame.planes.height), data={**scene.features["read"], "count": self._count},
        )  # fmt: skip
        self._last = event
        return Scene(frame, scene.detections, scene.labels, scene.features, (*scene.events, event), scene.model)

    def finish(self, end: EndOfStream) -> tuple[Event, ...]:
        if self._last is None:
            return ()
        return (self._last.model_copy(update={"life": "end", "end": self._last.t, "data": {"end": end.pts_ns, "count": self._count}}),)


def profile(folder: Path, fps: float = 10, gate: dict[str, Any] | None = None, masks: Sequence[Any] = (), **stages: Any) -> Loaded:
    """Reads and Tells, with or without the gate of the street. `masks`: of the recordings' camera."""
    folder.mkdir(parents=True, exist_ok=True)
    motion = {"motion": {"use": "motion_gate", **gate}} if gate is not None else {}
    pipeline = {**motion, "read": {"use": f"{SITE}:Reads"}, **stages, "tell": {"use": f"{SITE}:Tells"}}
    (folder / "batch.yaml").write_text(yaml.safe_dump({"detection_fps": fps, "pipeline": pipeline}, sort_keys=False))
    (folder / "device.yaml").write_text(
        yaml.safe_dump(
            {
                "device_id": "box-01",
                "profile": str(folder / "batch.yaml"),
                "data": str(folder / "data"),
                **({"export": {"masks": {"file": [*masks]}}} if masks else {}),
            }
        )
    )
    return load(folder / "device.yaml")


class InOrder:
    """A Runner in this process, which can hand units back in another order; counts what it was given."""

    def __init__(self, recipe: str, backwards: bool = False) -> None:
        self._recipe, self._backwards = recipe, backwards
        self.units: list[Unit] = []

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Result]]:
        given = list(units)
        for unit in reversed(given) if self._backwards else given:
            self.units.append(unit)
            yield unit, look(self._recipe, unit.to_json())

    def close(self) -> None:
        forget()


def films_of(paths: Sequence[Path], recipe: Recipe, asked: Asked) -> list[Film]:
    return [Film(FileSource("file", FileSource.Options(path=path), CLOCK), path.stem, recipe, asked, CLOCK) for path in paths]


def batched(loaded: Loaded, path: Path, out: Path, segment_s: float, workers: int = 0, runner: Runner | None = None) -> Film:
    """0 workers: in this process."""
    recipe = recipe_of(loaded, "file", CLOCK)
    asked = Asked(out, segment_s=segment_s)
    (film,) = films_of([path], recipe, asked)
    runner = runner or (LocalRunner(recipe.text(), workers) if workers else InOrder(recipe.text(), backwards=True))
    batch([film], asked, runner, CLOCK)
    assert not film.failed, film.failed
    return film


def one_pass(loaded: Loaded, path: Path, out: Path) -> list[bytes]:
    """The messages of a replay, without the log's header."""
    done = replay(loaded, FileSource("file", FileSource.Options(path=path), CLOCK), out, CLOCK)
    return done.log.read_bytes().splitlines()[1:]


def messages(film: Film) -> list[bytes]:
    return (film.folder / "events.jsonl").read_bytes().splitlines()[1:]


def without_time(path: Path) -> bytes:
    """The file but for `processed_at`."""
    content = path.read_bytes()
    first = json.loads(content.partition(b"\n")[0])
    processed = first.get("processed_at") or first["metadata"]["processed_at"]
    return content.replace(processed.encode(), b"")


KINDS = ("closed", "bframes", "open", "vfr", "late", "one_key", "audio", "avi", "avi_bframes", "no_cues", "mjpeg", "hevc", "turned")
KINDS += ("msmpeg4",)


def awkward(folder: Path, kind: str) -> Path:
    """A film of some seconds that is awkward to divide; each picture has its number in it."""
    ordinary = even(110)
    if kind == "closed":
        return film(folder / "closed.mp4", ordinary, gop=25)
    if kind == "bframes":
        return film(folder / "bframes.mkv", ordinary, gop=20, bframes=3)
    if kind == "vfr":
        slow, fast = range(2400, 5000, 170), range(5000, 7100, 17)
        return film(folder / "vfr.mkv", [*even(60), *slow, *fast])
    if kind == "one_key":
        return film(folder / "one.mkv", ordinary, gop=100_000, bframes=2)
    if kind == "avi":
        return film(folder / "plain.avi", ordinary)
    if kind == "avi_bframes":
        return film(folder / "late.avi", ordinary, bframes=2)
    if kind == "hevc":
        return film(folder / "hevc.mp4", even(100), codec="libx265", bframes=2, gop=20)
    if kind == "mjpeg":
        return film(folder / "each.avi", even(60), codec="mjpeg", pix_fmt="yuvj420p")
    return _remade(folder, kind, film(folder / f"{kind}-raw.mkv", ordinary, gop=25, bframes=2))


def _remade(folder: Path, kind: str, raw: Path) -> Path:
    """By FFmpeg's own program."""
    x264 = ["-c:v", "libx264", "-preset", "veryfast", "-threads", "1"]
    words: dict[str, tuple[list[str], list[str], str]] = {
        "open": ([], [*x264, "-x264-params", "open-gop=1:keyint=25:min-keyint=25:scenecut=0:bframes=3:b-adapt=0"], ".mkv"),
        "late": ([], ["-c", "copy", "-output_ts_offset", "3725.5", "-muxdelay", "0"], ".mkv"),
        "audio": (["-f", "lavfi", "-i", "sine=440:d=4.4"], [*x264, "-g", "30", "-c:a", "aac"], ".mp4"),
        "msmpeg4": ([], ["-c:v", "msmpeg4", "-g", "25", "-q:v", "3"], ".avi"),
        "no_cues": ([], ["-c", "copy", "-f", "matroska", "-live", "1"], ".mkv"),
    }
    if kind == "turned":
        return _turned(raw, folder / "turned.mp4")
    before, after, ending = words[kind]
    path = folder / f"{kind}{ending}"
    subprocess.run([*FFMPEG, "-i", str(raw), *before, *after, str(path)], check=True, timeout=60)
    return path


def _turned(raw: Path, path: Path) -> Path:
    with av.open(str(raw)) as reader, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(reader.streams.video[0])
        stream.set_display_rotation(-90)
        for packet in reader.demux(reader.streams.video[0]):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return path
