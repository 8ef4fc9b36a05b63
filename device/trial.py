"""Trial: this box's configuration, measured on one video."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from contracts.errors import ConfigError, HardwareError
from device.bundles import find_bundle, opener, workers
from device.capture.decoder import Decoder
from device.capture.file import FileSource
from device.capture.scene import render
from device.clock import Clock
from device.config import Loaded
from device.measuring import Rounds, Speed, Way, decoding, inference, read_packets, whole_way
from vision.bundle import read_bundle
from vision.prepare import Prepare
from vision.types import Frame

WIDTH, HEIGHT, FPS, SECONDS, PEOPLE = 1920, 1080, 30, 3, 4
NOISE = 3.0  # levels, standard deviation: without it pictures cost a decoder nothing
EVERY_PICTURE = 120.0  # samples a second: more than most videos have
MOST_PACKETS = 600


class Trial:
    """The motion gate is left out: what it saves depends on what the camera sees. A camera's zones are those of the first."""

    def __init__(self, loaded: Loaded, path: Path, clock: Clock) -> None:
        settings, self._clock, self._path = loaded.settings, clock, path
        self._camera = next(iter(settings.cameras), "bench")
        stages = {name: plug for name, plug in loaded.stages.items() if not hasattr(plug[0], "moved")}
        named = next((options.bundle for _, options in stages.values() if hasattr(options, "bundle")), None)
        if named is None:
            raise ConfigError("pipeline: no stage has a model, there is nothing to measure; add `detect: {use: detect, bundle: ...}`")
        self._loaded = replace(loaded, stages=stages)
        self._packets = read_packets(path, clock, MOST_PACKETS)
        if not self._packets:
            raise HardwareError(f"--file {path}: holds no pictures; choose another recording")
        self.stream = self._packets[0].stream
        self.cores = len(os.sched_getaffinity(0))
        self.workers = workers(settings)
        self.detection_fps = settings.detection_fps
        self._detector = opener(settings)(named, None)
        bundle = read_bundle(find_bundle(named, settings))
        self.name, self.digest = bundle.manifest.name, bundle.digest
        self.fingerprint = self._detector.engine.fingerprint
        self._tensor, fit = Prepare(bundle.manifest.input)(self._first().planes)
        self.input_shape = (fit.height, fit.width)

    def _first(self) -> Frame:
        decoder = Decoder(self.stream)
        for packet in self._packets:
            if frames := decoder.decode(packet):
                return frames[0]
        if frames := decoder.flush():
            return frames[0]
        raise HardwareError(f"--file {self._path}: no picture of it can be decoded; choose another recording")

    def decode(self, seconds: float) -> Speed:
        return decoding(self._packets, seconds, self._clock)

    def network(self, seconds: float) -> Speed:
        """As many runs at a time as there are on the whole way."""
        return inference(self._detector.engine, self._tensor, seconds, self._clock, self.workers)

    def whole(self, seconds: float, on_progress: Callable[[float], None] = lambda _s: None) -> Way:
        """Every picture of the video, as fast as they can be looked at."""
        return whole_way(self._sampled(EVERY_PICTURE), Rounds(self._packets, self._camera), seconds, self._clock, on_progress)

    def live(self, seconds: float, on_progress: Callable[[float], None] = lambda _s: None) -> Way:
        """At the video's own speed, as often as is configured."""
        source = FileSource(self._camera, FileSource.Options(path=self._path, pace="realtime", loop=True), self._clock)
        return whole_way(self._sampled(self.detection_fps), source, seconds, self._clock, on_progress)

    def _sampled(self, fps: float) -> Loaded:
        settings = self._loaded.settings
        cameras = {name: camera.model_copy(update={"detection_fps": fps}) for name, camera in settings.cameras.items()}
        return replace(self._loaded, settings=settings.model_copy(update={"detection_fps": fps, "cameras": cameras}))


def rendered(path: Path, on_progress: Callable[[float], None] = lambda _share: None) -> Path:
    """A street in which people walk, with a camera's noise, as H.264."""
    random = np.random.default_rng(1)
    noise = random.normal(0, NOISE, (HEIGHT + 64, WIDTH + 64, 1)).round().astype(np.int16)
    with av.open(str(path), "w", format="matroska") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = WIDTH, HEIGHT, "yuv420p", FPS
        stream.time_base = stream.codec_context.time_base = Fraction(1, FPS)
        for number in range(SECONDS * FPS):
            y, x = random.integers(0, 64, 2)  # the same noise from another place is another noise
            picture = render(number, number / FPS, WIDTH, HEIGHT, PEOPLE) + noise[y : y + HEIGHT, x : x + WIDTH]
            frame = av.VideoFrame.from_ndarray(picture.clip(0, 255).astype(np.uint8), format="bgr24")
            frame.pts = number
            out.mux(stream.encode(frame))
            on_progress((number + 1) / (SECONDS * FPS))
        out.mux(stream.encode(None))
    return path
