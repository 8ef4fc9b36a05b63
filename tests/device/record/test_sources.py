"""Whatever a camera sends is in the clip, picture by picture: H.264, HEVC and MJPEG copied, raw pictures encoded once."""

import subprocess
from pathlib import Path

import pytest

from device.capture.encoder import HARDWARE, SOFTWARE, choose
from device.capture.file import FileSource
from tests.device.capture.fakes import CLOCK
from tests.device.record.fakes import Bench
from tests.device.record.footage import decoded, numbers
from tests.device.record.test_sound import START, moved
from tests.scenarios.films import numbered

PICTURES = 75


def sent(film: Path, codec: str) -> Path:
    """The film as a camera of this kind gives it."""
    if codec in {"h264", "hevc", "mjpeg"}:
        return numbered(film, codec, seconds=PICTURES / 25)
    source, raw = numbered(film, seconds=PICTURES / 25), film.with_suffix(".nut")
    words = ["-i", str(source), "-c:v", "rawvideo", "-pix_fmt", codec, str(raw)]
    subprocess.run(["ffmpeg", "-loglevel", "error", "-y", *words], check=True, timeout=60)
    return raw


@pytest.mark.parametrize(
    ("codec", "kept"),
    [("h264", "h264"), ("hevc", "hevc"), ("mjpeg", "mjpeg"), ("yuyv422", "h264"), ("nv12", "h264"), ("gray", "h264"), ("bgr24", "h264")],
)
def test_every_picture_is_kept_and_decodes(tmp_path: Path, codec: str, kept: str) -> None:
    source = FileSource("left", FileSource.Options(path=sent(tmp_path / "film.mkv", codec), start=START), CLOCK)
    bench = Bench(tmp_path / "data", when={"continuous": True}, segment_s=2)
    bench.play(moved(source.packets()))
    clips = bench.stop()
    assert [clip.frames for clip in clips] == [50, 25]
    assert {clip.codec for clip in clips} == {kept}
    assert [number for video in bench.videos() for number in numbers(decoded(video))] == list(range(PICTURES))


def test_the_encoder_is_one_that_encoded_a_picture_here() -> None:
    assert choose() in {*HARDWARE, SOFTWARE}
