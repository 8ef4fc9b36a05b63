"""Probes: what is named is tried for real, and whatever goes wrong becomes a finding with a mend."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import yaml

from device import probes
from device.clock import ClockState, SystemClock
from device.config import Loaded, load
from device.tried import Tried, key_of
from tests.clocks import HandClock
from tests.device.publish.mosquitto import broker_in, free_port, needs_mosquitto
from tests.vision.bundles import white_box_bundle
from tests.vision.test_tryout import SPEC, endless
from tests.vision.text.models import bright_bundle, map_bundle
from vision.bundle import read_bundle

ROOT = Path(__file__).parents[2]
SITE = "tests.device.site"
CLOCK = SystemClock()


def box(folder: Path, **settings: Any) -> Loaded:
    white_box_bundle(folder / "models" / "white", name="white", labels=["person"]) if not (folder / "models").exists() else None
    merged = {"device_id": "box-01", "data": str(folder / "data"), "model": {"folders": [str(folder / "models")]}, **settings}
    merged["pipeline"] = {"detect": {"bundle": "white"}, **settings.get("pipeline", {})}
    path = folder / "device.yaml"
    path.write_text(yaml.safe_dump(merged, sort_keys=False))
    return load(path)


def cameras(**uses: str) -> dict[str, Any]:
    return {name: {"use": f"{SITE}:{use}"} for name, use in uses.items()}


def test_every_camera_is_tried_whatever_the_others_do(tmp_path: Path) -> None:
    named = {
        **cameras(silent="Silent", stuck="Stuck", buggy="Buggy", refusing="Refusing", unplugged="Unplugged"),
        "good": {"use": "pattern", "width": 320, "height": 240, "pace": "realtime"},
        "missing": {"use": "v4l2", "path": "/dev/video-none"},
    }
    found = {f.what.removeprefix("camera "): f for f in probes.cameras(box(tmp_path, cameras=named), CLOCK, 3)}
    assert list(found) == list(named)
    assert {name: f.level for name, f in found.items() if f.level != "error"} == {"good": "ok"}
    assert "320x240" in found["good"].text
    assert (found["silent"].text, found["silent"].mend[:11]) == ("no picture within 3 s", "see that it")
    assert "hangs: it gave no answer in 3 s" in found["stuck"].text and "unplug it" in found["stuck"].mend
    assert found["buggy"].text == "its source failed: ZeroDivisionError: frames per nothing"
    assert (found["refusing"].text, found["refusing"].mend) == ("its own model is broken", "send it in")
    assert (found["unplugged"].text, found["unplugged"].mend) == ("no such device", "plug it in")
    assert "/dev/video-none" in found["missing"].text and found["missing"].mend


def test_no_camera_at_all_is_an_error_only_where_there_is_no_page_to_add_one_on(tmp_path: Path) -> None:
    assert [f.level for f in probes.cameras(box(tmp_path), CLOCK, 1)] == ["warning"]
    assert [f.level for f in probes.cameras(box(tmp_path, page=None), CLOCK, 1)] == ["error"]


def test_a_bundle_is_opened_and_its_golden_pictures_answered(tmp_path: Path) -> None:
    (found,) = probes.bundles(box(tmp_path))
    assert (found.what, found.level) == ("bundle white", "ok") and "white 1.0.0 for detect" in found.text


def test_an_engine_that_is_not_here_is_a_finding(tmp_path: Path) -> None:
    (found,) = probes.bundles(box(tmp_path, model={"engine": "tensorrt", "folders": [str(tmp_path / "models")]}))
    assert found.level == "error" and "TensorRT" in found.text and found.mend


def test_a_model_that_never_answers_does_not_hang_the_check(tmp_path: Path) -> None:
    white_box_bundle(tmp_path / "models" / "white", endless(), name="white", labels=["person"], input=SPEC)
    (found,) = probes.bundles(box(tmp_path, model={"folders": [str(tmp_path / "models")], "trial_s": 2}))
    assert found.level == "error" and "gives no answer within 2 s" in found.text and "model.trial_s" in found.mend


def test_the_bundles_that_read_text_are_tried_too(tmp_path: Path) -> None:
    bright_bundle(tmp_path / "models" / "bright")
    map_bundle(tmp_path / "models" / "map")
    white_box_bundle(tmp_path / "models" / "white", name="white", labels=["person"])
    text = {"use": "read_text", "reader": "bright", "finder": "map", "regions": {"a": {"mode": "lines"}}}
    found = probes.bundles(box(tmp_path, pipeline={"text": text}))
    assert [(each.what, each.level) for each in found if each.what != "bundle white"] == [("bundle bright", "ok"), ("bundle map", "ok")]


def test_a_bundle_that_passed_the_check_is_not_tried_again_at_the_start(tmp_path: Path) -> None:
    loaded = box(tmp_path)
    loaded.settings.data.mkdir()
    assert probes.bundles(loaded)[0].level == "ok"
    assert key_of(read_bundle(tmp_path / "models" / "white"), loaded.settings.model) in Tried(loaded.settings.data)


def test_a_bundle_that_is_missing_or_broken_is_a_finding(tmp_path: Path) -> None:
    (missing,) = probes.bundles(box(tmp_path, pipeline={"detect": {"bundle": "whyte"}}))
    assert missing.text == "not on this box" or "not on this box" in missing.text
    assert "white" in missing.text + missing.mend
    loaded = box(tmp_path)
    model = tmp_path / "models" / "white" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    (broken,) = probes.bundles(loaded)
    assert broken.level == "error" and broken.mend


@needs_mosquitto
@pytest.mark.broker
def test_a_broker_that_lets_the_box_in_is_well_and_one_that_does_not_is_said(tmp_path: Path) -> None:
    for extra, level, word in (((), "ok", "takes this box"), (("allow_anonymous false",), "error", "refuses")):
        folder = tmp_path / level
        folder.mkdir()
        with broker_in(folder, *extra) as broker:
            found = probes.broker(box(tmp_path, mqtt={"host": "127.0.0.1", "port": broker.port}).settings, CLOCK)
        assert found.level == level and word in found.text


def test_no_broker_a_mute_one_and_a_certificate_that_is_missing_are_said(tmp_path: Path) -> None:
    assert probes.broker(box(tmp_path).settings, CLOCK).level == "note"
    nobody = probes.broker(box(tmp_path, mqtt={"host": "127.0.0.1", "port": free_port()}).settings, CLOCK)
    assert nobody.level == "error" and "no broker at 127.0.0.1" in nobody.text and "start it" in nobody.mend
    with socket.create_server(("127.0.0.1", 0)) as mute:
        options = {"host": "127.0.0.1", "port": mute.getsockname()[1], "connect_timeout_s": 0.5}
        assert probes.broker(box(tmp_path, mqtt=options).settings, CLOCK).level == "error"
    file = probes.broker(box(tmp_path, mqtt={"tls": "on", "ca": str(tmp_path / "no.pem")}).settings, CLOCK)
    assert "no.pem is not a file" in file.text and "put the PEM file there" in file.mend


def test_a_data_folder_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    found = probes.data(box(tmp_path).settings)
    assert found.level in {"ok", "warning"} and not (tmp_path / "data").exists()
    (tmp_path / "data").mkdir()
    assert probes.data(box(tmp_path).settings).level in {"ok", "warning"}
    assert list((tmp_path / "data").iterdir()) == []


def test_a_data_folder_that_takes_nothing_is_an_error_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for data, mend in (("/proc/self", "correct the name"), (tmp_path / "file", "name another folder")):
        found = probes.data(box(tmp_path, data=str(data)).settings)
        assert found.level == "error" and str(data) in found.text and mend in found.mend


AS_NOBODY = """
import os, sys
from pathlib import Path
from device.config import Settings
from device.probes import data
settings = Settings(data=Path(sys.argv[1]))
os.setuid(65534)
print(data(settings))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_folder_this_user_may_not_make_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for folder in (tmp_path / "data", tmp_path / "there", Path("/etc/vedette-data")):
        command = [sys.executable, "-c", AS_NOBODY, str(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert f"ERROR   data: {folder}: " in done.stdout and "give the service's user the folder" in done.stdout


class Clocked(HandClock):
    def __init__(self, state: ClockState) -> None:
        super().__init__(said=state)


def test_a_clock_nobody_sets_is_a_warning() -> None:
    states: tuple[ClockState, ...] = ("ntp", "rtc", "unsynced")
    assert [probes.clock_state(Clocked(state)).level for state in states] == ["ok", "warning", "warning"]


def test_memory_is_what_the_kernel_would_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert probes.memory().level in {"ok", "warning"}
    monkeypatch.setattr(probes, "MEMINFO", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text("MemTotal: 8000000 kB\nMemFree: 10 kB\nMemAvailable:  900000 kB\n")
    assert probes.memory() == probes.Finding("memory", "ok", "878 MB available")
    (tmp_path / "meminfo").write_text("MemAvailable:  90000 kB\n")
    assert probes.memory().level == "warning"


def test_data_that_every_user_can_read_are_a_warning_with_the_command_that_mends_it(tmp_path: Path) -> None:
    settings = box(tmp_path, data=str(tmp_path / "my data")).settings
    assert probes.privacy(settings) == []
    settings.data.mkdir()
    settings.data.chmod(0o755)
    (found,) = probes.privacy(settings)
    assert (found.level, found.mend) == ("warning", f"chmod -R o-rwx '{settings.data}'") and "mode 755" in found.text
    subprocess.run(["/bin/sh", "-c", found.mend], check=True)
    assert probes.privacy(settings) == []


def test_a_camera_whose_clips_no_browser_plays_is_noted_with_the_choice(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "film.avi"), "w") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for _ in range(5):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        out.mux(stream.encode())
    (found,) = probes.cameras(box(tmp_path, cameras={"desk": {"use": "file", "path": str(tmp_path / "film.avi")}}), CLOCK, 10)
    assert found.level == "note" and "mjpeg 64x48: no browser plays clips of that" in found.text
    assert "`pixels: h264`" in found.mend and "yuyv422" in found.mend
