"""Folders of pictures: order, formats, broken ones, identity."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import pytest

from contracts.errors import ConfigError, HardwareError
from device.capture.decoder import Decoder
from device.capture.folder import FolderSource, natural
from device.pipeline.packets import Packet
from tests.device.capture.fakes import CLOCK, MS, SECOND, picture


def source(path: Path, **options: object) -> FolderSource:
    return FolderSource("shelf", FolderSource.Options(path=path, **options), CLOCK)  # type: ignore[arg-type]


def put(path: Path, number: int, size: tuple[int, int] = (320, 180)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture(number, 0, False, size))


def shown(packets: list[Packet]) -> list[int | None]:
    from device.capture.scene import read_number

    return [read_number(f.planes.bgr()) for p in packets for f in [Decoder(p.stream).still(p)] if f is not None]


def test_pictures_of_every_format_come_in_natural_order(tmp_path: Path) -> None:
    for n, name in enumerate(["a1.png", "a2.jpg", "a10.bmp", "b/1.webp", "b/2.JPEG"]):
        put(tmp_path / name, n)
    packets = list(source(tmp_path, fps=2).packets())
    assert shown(packets) == [0, 1, 2, 3, 4]
    assert [p.pts_ns for p in packets] == [n * 500 * MS for n in range(5)]
    assert all(p.key for p in packets)
    assert {p.stream.codec for p in packets} == {"png", "mjpeg", "bmp", "webp"}
    assert [p.stream.epoch for p in packets] == sorted(p.stream.epoch for p in packets)


def test_pictures_of_one_kind_are_one_stream(tmp_path: Path) -> None:
    for n in range(4):
        put(tmp_path / f"{n}.png", n)
    put(tmp_path / "4.png", 4, (640, 360))
    streams = [p.stream for p in source(tmp_path).packets()]
    assert len(set(streams)) == 2
    assert (streams[4].width, streams[4].epoch) == (640, 1)


def test_broken_pictures_are_left_out_and_counted(tmp_path: Path) -> None:
    for n in range(5):
        put(tmp_path / f"{n}.{'jpg' if n % 2 else 'png'}", n)
    for name in ("1.jpg", "2.png"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    (tmp_path / "5.jpg").write_text("not a picture")
    (tmp_path / "6.png").write_bytes(b"")
    one = source(tmp_path)
    packets = list(one.packets())
    assert shown(packets) == [0, 3, 4]
    assert [p.seq for p in packets] == [0, 1, 2]
    assert one.broken == 4


def test_the_start_is_that_of_the_first_file(tmp_path: Path) -> None:
    put(tmp_path / "1.png", 1)
    os.utime(tmp_path / "1.png", ns=(0, 1_600_000_000 * SECOND))
    assert next(iter(source(tmp_path).packets())).wall_ns == 1_600_000_000 * SECOND


def test_identity_follows_names_and_contents(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.png", 1)
    put(tmp_path / "b" / "1.png", 1)
    assert source(tmp_path / "a").identity == source(tmp_path / "b").identity
    put(tmp_path / "b" / "1.png", 2)
    assert source(tmp_path / "a").identity != source(tmp_path / "b").identity


def test_an_empty_or_missing_folder_is_said_with_a_mend(tmp_path: Path) -> None:
    with pytest.raises(HardwareError, match="holds no jpg, png, bmp or webp"):
        list(source(tmp_path).packets())
    with pytest.raises(ConfigError, match=r"correct cameras\.shelf\.path"):
        list(source(tmp_path / "nowhere").packets())


def test_two_comes_before_ten() -> None:
    assert sorted(["10.jpg", "2.jpg", "a2b10", "a2b9", "1"], key=natural) == ["1", "2.jpg", "10.jpg", "a2b9", "a2b10"]
