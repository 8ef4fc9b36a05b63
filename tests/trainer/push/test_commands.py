"""push and rollout, as typed; the two services as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from contracts.topics import ROOT
from tests.device.publish.mosquitto import Listener, broker_in, needs_mosquitto
from tests.trainer import models
from tests.trainer.push.yards import TARGETS_WORDS, Yard, believed, entered, released
from trainer.accounts.audit import Audit
from trainer.main import main
from trainer.registry.registry import Registry
from trainer.store.database import Database

Typed = Any


@pytest.fixture
def typed(yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """What a command answers with --json."""
    monkeypatch.setenv("VEDETTE_TRAINER_HOME", str(yard.home.path))
    monkeypatch.setenv("VEDETTE_KEY_PASSPHRASE", TARGETS_WORDS)

    def go(*words: str, code: int = 0) -> Any:
        assert main([*words, "--json"]) == code
        out, err = capsys.readouterr()
        return err if code else json.loads(out)

    return go


@contextmanager
def service(yard: Yard, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Ends with code 0 when it is asked to."""
    environment = {**os.environ, "VEDETTE_TRAINER_HOME": str(yard.home.path), "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen([sys.executable, "-m", "trainer.main", *words], env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_released_listed_rolled_out_and_decided(yard: Yard, typed: Typed) -> None:
    believed(yard.home)
    database = Database(yard.home.store)
    entered(yard, Registry(database, yard.home), "2.0.0")
    database.close()
    target = typed("push", "release", "white-box@2.0.0")["released"][0]["target"]
    assert [each["target"] for each in typed("push", "ls")["released"]] == [target]
    started = typed("rollout", "start", "r1", "--model", "white-box@2.0.0", "--canary", "yard-1", "--device", "yard-2", "--approve")
    assert (started[0]["state"], started[0]["boxes"]) == ("running", 2)
    assert typed("rollout", "pause", "r1")[0]["state"] == "paused"
    assert typed("rollout", "resume", "r1")[0]["state"] == "running"
    assert "is running" in typed("rollout", "approve", "r1", code=1)
    assert [each["device"] for each in typed("rollout", "show", "r1")[0]["each"]] == ["yard-1", "yard-2"]
    assert typed("rollout", "stop", "r1", "--why", "blind")[0]["why"] == "stopped by command line: blind"
    assert [each["name"] for each in typed("rollout", "ls")] == ["r1"]
    (yard.home.configs / "cohorts.yaml").write_text("yards: {boxes: [yard-3, yard-4, yard-5], canaries: [yard-5]}\n")
    typed("rollout", "start", "r2", "--model", "white-box@2.0.0", "--cohort", "yards")
    assert next(each["device"] for each in typed("rollout", "show", "r2")[0]["each"]) == "yard-5"
    assert typed("rollout", "stop", "r2", "--why", "seen")[0]["boxes"] == 3
    assert typed("push", "withdraw", target)["released"] == []


def test_a_model_made_elsewhere_goes_out_with_a_reason_that_is_kept(yard: Yard, typed: Typed, tmp_path: Path) -> None:
    network, picture, made = tmp_path / "mine.onnx", tmp_path / "yard.png", tmp_path / "mine.vdb"
    network.write_bytes(models.constant([models.yolo_v8()]).SerializeToString())
    cv2.imwrite(str(picture), np.zeros((64, 96, 3), np.uint8))
    (tmp_path / "labels.txt").write_text("car\nperson\ndog\n")
    asked = ("models", "import", str(network), "--labels", str(tmp_path / "labels.txt"), "--golden", str(picture), "--out", str(made))
    assert "three numbers" in typed(*asked, "--version", "2", code=1)
    digest = typed(*asked, "--name", "white-box", "--version", "2.1.0")["digest"]
    typed("models", "add", str(made))
    typed("keys", "make", "bea")
    typed("bundle", "sign", digest, "--key", "bea")
    assert "no gate judged it" in typed("push", "release", "white-box@2.1.0", code=1)
    said = typed("push", "release", "white-box@2.1.0", "--unjudged", "of a friend; looked at by hand")
    assert [each["version"] for each in said["released"]] == ["2.1.0"]
    database = Database(yard.home.store)
    deed = Audit(database, yard.clock).page()[0]
    database.close()
    assert deed.action == "push release"
    assert "of a friend; looked at by hand" in str(deed)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "boxes@9.9.9", "--device", "yard-1"), "is not released"),
        (("--model", "white-box@2.0.0"), "has no box"),
        (("--model", "white-box@2.0.0", "--device", "Yard 1"), "use 3 to 40"),
        (("--model", "white-box@2.0.0", "--device", "yard-1", "--steps", "50,10"), "rise to 100"),
        (("--model", "white-box@2.0.0", "--device", "yard-1", "--steps", "ten"), "rollout start: steps"),
        (("--model", "white-box@2.0.0", "--device", "yard-1", "--success", "2"), "rollout start: success"),
    ],
)
def test_what_cannot_be_started_says_why(yard: Yard, typed: Typed, words: tuple[str, ...], said: str) -> None:
    released(yard)
    assert said in typed("rollout", "start", "r1", *words, code=1)


def test_the_server_as_a_process(yard: Yard) -> None:
    with service(yard, "push", "serve", "--port", "0") as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        answer = httpx.get(f"{address}/metadata/timestamp.json", timeout=30)
        assert answer.content == (yard.place.metadata / "timestamp.json").read_bytes()


@pytest.mark.broker
@needs_mosquitto
def test_what_brings_assignments_to_the_broker_as_a_process(yard: Yard, typed: Typed, tmp_path: Path) -> None:
    released(yard)
    typed("rollout", "start", "r1", "--model", "white-box@2.0.0", "--canary", "yard-1")
    (tmp_path / "broker").mkdir()
    with (
        broker_in(tmp_path / "broker") as broker,
        service(yard, "rollout", "run", "--host", broker.host, "--port", str(broker.port), "--json") as process,
    ):
        heard = Listener(broker, f"{ROOT}/+/dn/desired")
        assert heard.wait(lambda messages: messages, 60)[0].topic == f"{ROOT}/yard-1/dn/desired"
        heard.close()
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["assignments"] == 1
        assert process.wait(30) == 0  # while Python takes itself down a second signal would be its end
