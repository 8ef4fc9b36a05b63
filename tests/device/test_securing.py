"""Which page is HTTPS, by whose certificate, and where its fingerprint is said."""

from __future__ import annotations

import argparse
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from device.clock import SystemClock
from device.commands import setup_code
from device.config import load
from device.securing import names, page_server
from device.setup.code import SetupCode
from device.web.certificate import FILE, fingerprint, read
from device.web.options import Options
from tests.device.setup.newbox import device_yaml
from tests.device.web.demo import Demo

PASSWORD = "correct horse 9"


def address(folder: Path, page: dict[str, Any]) -> str:
    loaded = load(device_yaml(folder, page={"port": 0, **page}))
    server = page_server(Demo(folder).desk, loaded, SystemClock())
    server.start()
    scheme = server.address.partition(":")[0]
    server._let_go()
    return scheme


@pytest.mark.parametrize(
    ("page", "scheme"),
    [
        ({"host": "127.0.0.1"}, "http"),
        ({"host": "0.0.0.0", "password": PASSWORD}, "https"),
        ({"host": "0.0.0.0", "password": PASSWORD, "tls": "off"}, "http"),
        ({}, "https"),  # nobody owns it yet: it listens to its network
    ],
)
def test_who_is_reached_from_elsewhere_speaks_https_unless_told_not_to(tmp_path: Path, page: dict[str, Any], scheme: str) -> None:
    assert address(tmp_path, page) == scheme
    assert (tmp_path / "data" / FILE).exists() == (scheme == "https")


def test_it_is_named_by_host_and_addresses() -> None:
    said = set(names(Options(host="0.0.0.0", password=PASSWORD, allowed_hosts=("cam.example",))))
    assert {socket.gethostname(), "localhost", "cam.example", "127.0.0.1"} <= said and "0.0.0.0" not in said
    assert any(name.endswith(".local") for name in said)
    assert "192.0.2.9" in names(Options(host="192.0.2.9", password=PASSWORD))


def test_its_fingerprint_is_said_with_the_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address(tmp_path, {})
    data, args = tmp_path / "data", argparse.Namespace(config=tmp_path / "device.yaml", profile=None, changes=[], json=False)
    code = SetupCode(data).made()
    known = read(data)
    assert known is not None and setup_code.run(args) == 0
    assert capsys.readouterr().out.splitlines() == [code, f"the page's certificate, SHA-256: {known.fingerprint}"]
    args.json = True
    setup_code.run(args)
    assert json.loads(capsys.readouterr().out) == {"code": code, "fingerprint": fingerprint(data)}
