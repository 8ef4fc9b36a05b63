"""`vedette bench`: figures of this box in words and as JSON, on a recording or a rendered street; nothing here is timed."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest

from device.main import main
from device.trial import HEIGHT, WIDTH, rendered
from tests.scenarios.stage import config, film


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film") / "film.mkv", [(0.0, 1.5)], 2.0)


@pytest.fixture
def device_yaml(tmp_path: Path, street: Path) -> str:
    return str(config(tmp_path, {"use": "file", "path": str(street)}))


def bench(*arguments: str) -> int:
    return main(["--log", "ERROR", "bench", *arguments])


def test_json_has_every_figure(street: Path, device_yaml: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--config", device_yaml, "--file", str(street), "--seconds", "0.3", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["video"] == {"codec": "h264", "width": 320, "height": 240}
    assert found["model"]["name"] == "white"
    assert found["model"]["at_once"] == 2
    for part in ("decode", "network", "whole", "live"):
        assert found[part]["frames"] > 0
        assert found[part]["fps"] > 0
    assert found["whole"]["limit_fps"] > 0
    assert found["live"]["detection_fps"] == 10
    assert found["live"]["stages"]["capture_to_result"]["p50_ms"] > 0
    assert found["whole"]["stages"].keys() >= {"decode", "inference", "track", "confirm"}


def test_in_words(street: Path, device_yaml: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--config", device_yaml, "--file", str(street), "--seconds", "0.3") == 0
    said = capsys.readouterr().out
    for words in ("h264 320x240", "model white", "decoding alone", "the network alone", "the whole way", "As if live"):
        assert words in said


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--seconds", "0"), 2, "must be more than 0"),
        (("--file", "nowhere.mkv"), 2, "nowhere.mkv does not exist"),
        (("--file", __file__), 4, "is not a video"),
    ],
)
def test_what_cannot_be_measured_is_said(
    arguments: tuple[str, ...], code: int, words: str, device_yaml: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("--config", device_yaml, "--seconds", "0.1", *arguments) == code
    assert words in capsys.readouterr().err


def test_the_rendered_street_is_a_1080p_video_with_a_camera_noise(tmp_path: Path) -> None:
    shares: list[float] = []
    path = rendered(tmp_path / "street.mkv", shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)][:2]
    assert pictures[0].shape == (HEIGHT, WIDTH)
    assert (pictures[0] != pictures[1]).mean() > 0.2
