"""The broker that is typed: tried at a real one, its files kept by what is in them, secrets for the same broker only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from contracts.errors import ConfigError
from device.clock import SystemClock
from device.publish.mqtt import Options
from device.setup.broker import FOLDER, options_of, shown, sweep, tried
from device.web.setup_owner import BrokerGiven
from tests.device.publish.mosquitto import Broker, needs_mosquitto

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
KEY = "-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----"


def given(**more: object) -> BrokerGiven:
    return BrokerGiven.model_validate({"host": "broker.example", "port": 8883, "tls": "on", "username": "joe", **more})


def kept(said: dict[str, object]) -> Options:
    return Options.model_validate({key: value for key, value in said.items() if value is not None})


def test_files_are_kept_private_and_what_is_not_used_goes(tmp_path: Path) -> None:
    said = options_of(given(ca=SecretStr(PEM), cert=SecretStr(PEM), key=SecretStr(KEY), password=SecretStr("pw-123456")), None, tmp_path)
    files = {name: Path(str(said[name])) for name in ("ca", "cert", "key")}
    assert all(path.parent == tmp_path / FOLDER and path.stat().st_mode & 0o077 == 0 for path in files.values())
    options_of(given(ca=SecretStr(PEM + "2")), None, tmp_path)  # a try of another
    assert files["ca"].read_text().strip() == PEM, "one that is in force is not written over"
    sweep(tmp_path, kept(said))
    assert sorted((tmp_path / FOLDER).iterdir()) == sorted(files.values())
    sweep(tmp_path, None)
    assert not list((tmp_path / FOLDER).iterdir())


def test_what_is_kept_is_for_the_same_broker_only(tmp_path: Path) -> None:
    first = kept(options_of(given(ca=SecretStr(PEM), password=SecretStr("pw-123456")), None, tmp_path))
    same = options_of(given(), first, tmp_path)
    assert same["password"] == "pw-123456" and same["ca"] == str(first.ca)
    for other in (given(host="other.example"), given(port=1884)):
        said = options_of(other, first, tmp_path)
        assert said["password"] is None and said["ca"] is None
    assert options_of(given(username="ann"), first, tmp_path)["password"] is None
    assert options_of(given(tls="off"), first, tmp_path)["password"] is None, "it was typed for TLS, and is not sent in clear"
    assert "pw-123456" not in str(shown(first)) and (shown(first) or {})["has_password"]


def test_half_a_pair_and_what_is_no_pem_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="belong together"):
        options_of(given(cert=SecretStr(PEM)), None, tmp_path)
    with pytest.raises(ConfigError, match="the ca is not a PEM file"):
        options_of(given(ca=SecretStr("/etc/passwd")), None, tmp_path)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@needs_mosquitto
@pytest.mark.broker
def test_a_broker_is_tried_by_connecting(tmp_path: Path, mosquitto: Broker) -> None:
    there = options_of(given(host="127.0.0.1", port=mosquitto.port, tls="off"), None, tmp_path)
    assert tried(there, "new-box", SystemClock()).ok
    secure = options_of(given(host="127.0.0.1", port=mosquitto.port, tls="on"), None, tmp_path)
    answer = tried(secure, "new-box", SystemClock())
    assert not answer.ok and str(mosquitto.port) in answer.text and answer.mend
