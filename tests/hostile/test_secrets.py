"""Passwords of cameras as owners really write them: in no message, no inventory, no printed configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.errors import HardwareError
from device.capture.gstreamer import GstreamerSource
from device.capture.rtsp import RtspSource
from device.clock import SystemClock
from device.config import load
from device.inventory import info
from tests.device.publish.mosquitto import free_port
from tests.scenarios.stage import run_vedette

WORD = "geh3im"
ADDRESSES = [
    f"rtsp://admin:{WORD}@127.0.0.1:PORT/x",
    f"rtsp://admin:a/{WORD}@127.0.0.1:PORT/x",
    f"rtsp://admin:a@{WORD}@127.0.0.1:PORT/x",
    f"rtsp://127.0.0.1:PORT/user=admin_password={WORD}_channel=1_stream=0.sdp",
    f"rtsp://127.0.0.1:PORT/x?user=admin&pwd={WORD}&channel=1",
    f"rtsp://127.0.0.1:PORT/x?access_token={WORD}",
]
PIPELINES = [
    f'rtspsrc location=rtsp://127.0.0.1/x user-id=admin user-pw="{WORD} two" ! rtph264depay',
    f"rtspsrc location=rtsp://127.0.0.1/x proxy-pw={WORD} ! rtph264depay",
    f"souphttpsrc location=http://a:{WORD}@127.0.0.1/x ! jpegparse",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_camera_that_fails_keeps_its_password_to_itself(address: str) -> None:
    url = address.replace("PORT", str(free_port()))
    source = RtspSource("yard", RtspSource.Options(url=url, open_timeout_s=1, read_timeout_s=1), SystemClock())
    with pytest.raises(HardwareError) as failed:
        next(source.packets())
    assert WORD not in str(failed.value)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_pipeline_that_fails_keeps_its_password_to_itself(pipeline: str) -> None:
    source = GstreamerSource("yard", GstreamerSource.Options(pipeline=pipeline), SystemClock())
    assert WORD not in str(source._explain(OSError("no")))


def cameras() -> dict[str, Any]:
    by_url = {f"u{n}": {"use": "rtsp", "url": url.replace("PORT", "554")} for n, url in enumerate(ADDRESSES)}
    return by_url | {f"p{n}": {"use": "gstreamer", "pipeline": text} for n, text in enumerate(PIPELINES)}


def test_neither_the_inventory_nor_the_printed_configuration_shows_one(tmp_path: Path) -> None:
    path = tmp_path / "device.yaml"
    mqtt = {"host": "127.0.0.1", "username": "box", "password": f"{WORD} mqtt"}
    page = {"password": f"{WORD} page", "token": f"{WORD}-token-of-the-page"}
    path.write_text(yaml.safe_dump({"device_id": "box-01", "cameras": cameras(), "mqtt": mqtt, "page": page}))
    said = info(load(path), {}).model_dump_json()
    assert WORD not in said
    assert "127.0.0.1" in said
    for flags in (("--merged",), ("--merged", "--json"), ()):
        done = run_vedette("check", "--no-probe", "--config", str(path), *flags, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert WORD not in done.stdout + done.stderr


def test_a_broken_configuration_is_explained_without_one(tmp_path: Path) -> None:
    path = tmp_path / "device.yaml"
    broken = {name: {**camera, "colour": f"rtsp://a:{WORD}@b/", "passwrd": WORD} for name, camera in cameras().items()}
    mqtt = {"hots": "x", "password": [WORD], "pasword": WORD, "tokn": WORD, "port": f"mqtt://a:{WORD}@b"}
    for what, said in ({"cameras": broken}, "colour"), ({"mqtt": mqtt}, "hots"), ({"mqtt": f"mqtt://box:{WORD}@b"}, "mqtt"):
        path.write_text(yaml.safe_dump({"device_id": "box-01", **what}))
        done = run_vedette("check", "--no-probe", "--config", str(path), folder=tmp_path)
        assert done.returncode == 2
        assert said in done.stdout + done.stderr
        assert WORD not in done.stdout + done.stderr


def test_init_writes_a_file_that_only_its_owner_reads_and_prints_no_password(tmp_path: Path) -> None:
    path = tmp_path / "device.yaml"
    for _ in range(2):
        given = ("--camera", f"yard=rtsp://admin:{WORD}@10.0.0.5/s", "--broker", "none", "--output", str(path))
        done = run_vedette("init", "--yes", "--json", "--force", *given, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert WORD not in done.stdout + done.stderr
        assert WORD in path.read_text()
    assert {found.stat().st_mode & 0o077 for found in tmp_path.iterdir()} == {0}
