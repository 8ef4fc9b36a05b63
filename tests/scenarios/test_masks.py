"""What an owner hides is in nothing that leaves the box or stays on it: each output of a real one decoded, its pixels looked at."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import httpx
import numpy as np
import pytest

from device.app import Appliance
from device.clock import SystemClock
from device.config import load
from device.stills import Stills
from device.web.fragments import FragmentStream
from tests.scenarios.stage import HEIGHT, WIDTH, config, film

MASK = [[0, 0], [0.25, 0], [0.25, 1], [0, 1]]
HIDDEN, SHOWN = WIDTH // 4 - 4, WIDTH // 2  # columns: up to the one it is black, from the other on there is a picture
DARK, LIT = 24, 36  # the ground is 40 to 60
WAIT_S = 60


class Masked:
    """A film is played as fast as the box can, with clips, pictures and training data; then the box is asked for more."""

    def __init__(self, folder: Path, **more: object) -> None:
        camera = {"use": "file", "path": str(film(folder / "a.mkv", [(0.5, 2.5)], 4)), **({} if "export" in more else {"masks": [MASK]})}
        export = {"enabled": True, "events": ["first", "best", "last"], "every_s": 1}
        path = config(
            folder, camera, page={"port": 0}, pictures={"show": "frame"}, nearby=None, drift=None,
            record={"pre_roll_ms": 500, "post_roll_ms": 500, "reserve_mb": 0, **dict(more.get("record", {}))},  # type: ignore[call-overload]
            export={**export, **dict(more.get("export", {}))},  # type: ignore[call-overload]
        )  # fmt: skip
        self.data = folder / "data"
        self.box = Appliance(load(path), SystemClock())
        self.box.start()

    def until_kept(self) -> None:
        waiting = threading.Event()
        for _ in range(WAIT_S * 20):
            if self.videos() and not list(self.data.rglob("*.part")) and self.stills():
                return
            assert self.box.crew.crash is None, self.box.crew.crash
            waiting.wait(0.05)
        raise AssertionError(f"no clip: {self.box.board.parts()}")

    def videos(self) -> list[Path]:
        return [path for path in self.data.rglob("*") if path.suffix in {".mp4", ".mkv"}]

    def stills(self) -> list[Path]:
        return [path for path in self.data.rglob("*") if path.suffix in {".jpg", ".png"}]

    def live(self) -> bytes:
        """What a browser gets that begins to watch."""
        ring = self.box.sight.rings["yard"]
        first = ring.oldest()
        assert first is not None
        stream, reader = FragmentStream(first.dts_ns - 10**10), ring.reader(from_pts_ns=first.pts_ns)
        pieces = [piece for packet in reader.take(10_000) if (piece := stream.push(packet))]
        reader.close()
        return b"".join(piece.header + piece.data for piece in pieces)


def pictures_in(video: Path | io.BytesIO) -> Iterator[np.ndarray]:
    with av.open(video if isinstance(video, io.BytesIO) else str(video)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="bgr24")


def decoded(data: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image)


def hides(image: np.ndarray) -> bool:
    assert image.shape == (HEIGHT, WIDTH, 3) and image[:, SHOWN:].mean() > LIT
    return int(image[:, :HIDDEN].max()) <= DARK


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Masked]:
    masked = Masked(tmp_path_factory.mktemp("encoded"))
    masked.until_kept()
    yield masked
    masked.box.stop()


def test_every_clip_and_every_picture_on_the_disk_hides_it(encoded: Masked) -> None:
    Stills(encoded.box.sight.rings, encoded.data, encoded.box.tally).snapshot({})
    shown = [image for path in encoded.videos() for image in pictures_in(path)]
    assert len(shown) > 50 and all(hides(image) for image in shown)
    places = {path.relative_to(encoded.data).parts[0] for path in encoded.stills()}
    assert places >= {"dataset", "snapshots"} and len(encoded.stills()) > 3, places
    for path in encoded.stills():
        assert hides(decoded(path.read_bytes())), path
    assert max(int(image[:, SHOWN:].max()) for image in shown) > 200, "the visitor is there beside it"


def test_live_and_asked_for_over_the_page_it_is_hidden_too(encoded: Masked) -> None:
    shown = list(pictures_in(io.BytesIO(encoded.live())))
    assert len(shown) > 50 and all(hides(image) for image in shown)
    assert encoded.box.page is not None
    assert hides(decoded(httpx.get(f"{encoded.box.page.address}/api/v1/snapshot/yard.jpg", timeout=WAIT_S).content))


def test_where_the_owner_prefers_copies_only_clips_show_it_and_the_box_says_so(tmp_path: Path) -> None:
    masked = Masked(tmp_path, record={"masked": "copy"}, export={"masks": {"yard": [MASK]}})  # as configurations had it before
    try:
        masked.until_kept()
        assert not any(hides(image) for path in masked.videos() for image in pictures_in(path))
        Stills(masked.box.sight.rings, masked.data, masked.box.tally).snapshot({})
        assert all(hides(decoded(path.read_bytes())) for path in masked.stills())
        assert masked.live() == b"", "a browser gets pictures painted by the box, not these packets"
        assert masked.box.page is not None
        assert hides(decoded(httpx.get(f"{masked.box.page.address}/api/v1/snapshot/yard.jpg", timeout=WAIT_S).content))
        said = masked.box.health.step().parts["masks"]
        assert said.state == "ok" and said.reason == "clips of yard show what its masks hide: record.masked is copy"
    finally:
        masked.box.stop()
