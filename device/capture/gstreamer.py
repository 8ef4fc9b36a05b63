"""A GStreamer pipeline as a camera: whatever gst-launch-1.0 can run, encoded or raw.

A CSI camera on a Jetson, encoded by the hardware:
    nvarguscamerasrc sensor-id=0 ! video/x-raw(memory:NVMM),width=1920,height=1080,framerate=30/1
      ! nvv4l2h264enc insert-sps-pps=1 idrinterval=30 maxperf-enable=1 ! h264parse
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import av
from av.container import InputContainer
from pydantic import Field, field_validator

from contracts.errors import HardwareError
from device.capture.live import LiveReader
from device.clock import Clock
from device.pipeline.contexts import ANY_TEXT, PROBE
from device.pipeline.packets import Outlines, Packet
from device.pipeline.strict import Strict
from device.scrub import scrub

PROGRAM = "gst-launch-1.0"
PROMPT = {"probesize": "500000", **PROBE}  # bytes looked at before the first picture comes
TAIL = ("!", "matroskamux", "streamable=true", "!", "fdsink", "fd=1")


class GstreamerSource:
    class Options(Strict):
        """The pipeline that gives the pictures."""

        pipeline: str = Field(description="elements as for gst-launch-1.0, up to one video stream: no sink, no muxer")
        silence_s: float = Field(10.0, gt=0, le=14, description="seconds without a picture until the pipeline counts as hung")

        @field_validator("pipeline")
        @classmethod
        def _has_words(cls, pipeline: str) -> str:
            words = shlex.split(pipeline)
            if not words or words[-1] == "!" or any(word.endswith("sink") for word in words):
                raise ValueError("is elements joined by !, without a sink at its end")
            if option := next((word for word in words if word.startswith("-")), ""):
                raise ValueError(f"is elements joined by !, without options of the program: take out {option[:40]}")
            return pipeline

    live = True

    def __init__(self, camera: str, options: Options, clock: Clock) -> None:
        self.camera, self._options = camera, options
        self._program: subprocess.Popen[bytes] | None = None
        self._said: deque[str] = deque(maxlen=8)  # the last lines it complained with
        self._reader = LiveReader(camera, clock, self._open, self._explain, options.silence_s)
        self.identity, self.lost = self._reader.session, self._reader.lost

    def packets(self) -> Iterator[Packet]:
        try:
            yield from self._reader.packets()
        except HardwareError as error:
            raise HardwareError(f"{error}{self._complaint()}") from None
        finally:
            self._kill()

    def hide(self, outlines: Outlines) -> None:
        """From the next connection on."""
        self._reader.hides = outlines

    def close(self) -> None:
        self._reader.close()
        self._kill()

    def _kill(self) -> None:
        program = self._program
        if program is not None:
            program.kill()  # its pipe ends, and the thread that reads it lets go of everything

    @contextmanager
    def _open(self) -> Iterator[InputContainer]:
        if shutil.which(PROGRAM) is None:
            raise HardwareError(f"camera {self.camera}: {PROGRAM} is not installed; install gstreamer1.0-tools")
        self._said.clear()
        command = [PROGRAM, "-q", *shlex.split(self._options.pipeline), *TAIL]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as program:
            self._program = program
            listener = threading.Thread(target=self._listen, args=(program.stderr,), name=f"{self.camera} complaints", daemon=True)
            listener.start()
            try:
                with av.open(program.stdout, "r", format="matroska", options=PROMPT, **ANY_TEXT) as container:
                    yield container
            finally:
                program.kill()
                listener.join()

    def _listen(self, complaints: IO[bytes]) -> None:
        for line in complaints:
            self._said.append(scrub(line.decode(errors="replace").strip()))

    def _complaint(self) -> str:
        errors = [line for line in self._said if "ERROR" in line or "rror" in line] or list(self._said)
        return f" ({errors[0][:300]})" if errors else ""

    def _explain(self, error: OSError | av.error.FFmpegError) -> HardwareError:
        tried = scrub(self._options.pipeline)
        return HardwareError(f"camera {self.camera}: the pipeline gave no video; try it: {PROGRAM} -v {tried} ! fakesink")
