"""Secrets come as files that systemd lays into a folder of the service."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import ConfigError
from device.config import load
from device.credentials import LARGEST, read_credentials
from device.problems import BadConfig

GOOD = "cameras:\n  yard: {use: pattern}\nmqtt: {host: broker}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "credentials"
    place.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(place))
    (tmp_path / "device.yaml").write_text(GOOD)
    return place


def password(folder: Path) -> str | None:
    mqtt = load(folder.parent / "device.yaml").settings.mqtt
    assert mqtt is not None
    return mqtt.password.get_secret_value() if mqtt.password else None


def test_a_credential_counts_like_a_variable_of_its_name(folder: Path) -> None:
    (folder / "VEDETTE_MQTT__PASSWORD").write_text("open sesame\n")
    assert password(folder) == "open sesame"


def test_a_variable_beats_a_credential(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "VEDETTE_MQTT__PASSWORD").write_text("from the file")
    monkeypatch.setenv("VEDETTE_MQTT__PASSWORD", "from the variable")
    assert password(folder) == "from the variable"


def test_credentials_of_other_programs_are_not_ours(folder: Path) -> None:
    (folder / "smtp-password").write_bytes(b"\xff\x00")
    assert password(folder) is None


def test_a_misspelt_credential_is_named_and_its_secret_is_not_shown(folder: Path) -> None:
    (folder / "VEDETTE_MQQT__KEY").write_text("hunter2hunter2")
    with pytest.raises(BadConfig) as refused:
        load(folder.parent / "device.yaml")
    assert "credential: VEDETTE_MQQT__KEY" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_value_that_is_wrong_is_said_to_come_from_the_credential(folder: Path) -> None:
    (folder / "VEDETTE_MQTT__PORT").write_text("many")
    with pytest.raises(BadConfig, match="credential VEDETTE_MQTT__PORT"):
        load(folder.parent / "device.yaml")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b"x" * (LARGEST + 1)])
def test_what_is_no_text_or_too_long_is_refused_by_name(folder: Path, content: bytes) -> None:
    (folder / "VEDETTE_MQTT__PASSWORD").write_bytes(content)
    with pytest.raises(ConfigError, match="credential VEDETTE_MQTT__PASSWORD: ") as refused:
        load(folder.parent / "device.yaml")
    assert "xxx" not in str(refused.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="LoadCredential="):
        read_credentials("VEDETTE_", {"CREDENTIALS_DIRECTORY": str(tmp_path / "gone")})


def test_without_systemd_there_are_none() -> None:
    assert read_credentials("VEDETTE_", {}) == {}
