"""Names and words from outside that talk to a terminal: what the owner sees of them is letters."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from dataset.commands.shared import tell
from dataset.findings import Findings
from device import main
from device.findings import Finding
from device.record.layout import manifest_of
from tests.device.record.stored import make, path_of
from trainer.main import main as trainer

EVIL = "\x1b]0;yours\x07\x1b[2J\x9b31m"


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


def harmless(said: tuple[str, str]) -> bool:
    return any("x1b" in text for text in said) and not any(set(text) & {"\x1b", "\x9b", "\x07"} for text in said)


@pytest.mark.parametrize("command", [["ls"], ["show", "{id}"], ["check"]])
def test_a_camera_of_a_foreign_disk_does_not_talk_to_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    (tmp_path / "device.yaml").write_text("device_id: box-1\ndata: data\ncameras: {left: {use: pattern}}\n")
    monkeypatch.chdir(tmp_path)
    clip = make(tmp_path / "data", "a")
    manifest = manifest_of(path_of(tmp_path / "data", clip))
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "camera": EVIL}))
    (manifest.parent / f"{EVIL}.txt").touch()
    main.main(["--log", "ERROR", "clips", *(word.format(id=clip.id) for word in command)])
    assert harmless(capsys.readouterr())


def test_findings_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert harmless((str(Finding(EVIL, "error", EVIL, EVIL)), ""))
    findings = Findings()
    findings.skip("box", EVIL, EVIL)
    tell(findings)
    assert harmless(capsys.readouterr())


class Evil(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()
        self.wfile.write(json.dumps({"detail": EVIL}).encode())  # as a box says it; what others say is not shown at all

    def log_message(self, *_: object) -> None:
        return None


def test_a_box_that_refuses_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = HTTPServer(("127.0.0.1", 0), Evil)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        assert trainer(["fetch", f"http://127.0.0.1:{server.server_port}", "--into", str(tmp_path / "set")]) == 1
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert harmless(capsys.readouterr())
