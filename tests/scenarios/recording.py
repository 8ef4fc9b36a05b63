"""A camera and a recorder as the appliance has them, without anything that looks at the pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contracts.clip import Clip
from device.capture.camera import Capture
from device.clock import SystemClock
from device.pipeline.board import Board
from device.pipeline.crew import Crew
from device.pipeline.protocols import Hearing, Source
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally
from device.record.options import RecordOptions
from device.record.recorder import Recorder

CLOCK = SystemClock()


class Recorded:
    def __init__(self, data: Path, sources: dict[str, Source], **options: Any) -> None:
        self.data, self.tally, self.board, self.crew = data, Tally(), Board(), Crew(CLOCK)
        self.clips: list[Clip] = []
        self.rings = {name: PacketRing(15) for name in sources}
        chosen = RecordOptions.model_validate({"reserve_mb": 0, "when": {"continuous": True}, "segment_s": 2, **options})
        for name, source in sources.items():
            if isinstance(source, Hearing) and chosen.audio_of(name):
                source.hear()
            capture = Capture(source, self.rings[name], board=self.board, tally=self.tally, clock=CLOCK, chance=lambda: 0.0)
            self.crew.add(f"capture {name}", capture.run)
            self.crew.on_stop(capture.stop)
        self.recorder = Recorder(
            self.rings, data, chosen, clock=CLOCK, tally=self.tally, board=self.board, device="box-1", on_clip=self.clips.append
        )
        self.crew.add("record", self.recorder.run)
        self.crew.on_stop(self.recorder.close)

    def packets(self, camera: str = "yard") -> int:
        return self.tally.get(camera, "packets")

    def until(self, true: Callable[[], Any], timeout_s: float = 40) -> None:
        deadline = time.monotonic() + timeout_s
        while not true():
            assert self.crew.crash is None, self.crew.crash
            assert time.monotonic() < deadline, f"it did not happen: {self.board.cameras()} {self.board.parts()}"
            self.crew.wait(0.05)

    def videos(self) -> list[Path]:
        return sorted(path for path in self.data.rglob("*") if path.suffix in {".mp4", ".mkv"})


@contextmanager
def recording(data: Path, sources: dict[str, Source], **options: Any) -> Iterator[Recorded]:
    recorded = Recorded(data, sources, **options)
    recorded.crew.start()
    try:
        yield recorded
    finally:
        recorded.crew.stop(30)
        assert recorded.crew.crash is None
