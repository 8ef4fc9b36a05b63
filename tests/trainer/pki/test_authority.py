"""The fleet's authority signs, remembers and revokes; OpenSSL agrees with it."""

from __future__ import annotations

import json
import stat
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from contracts.errors import ConfigError
from trainer.main import main
from trainer.pki.authority import Authority, make_authority

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path / "pki", "Test fleet", 3650, NOW, None)


def openssl(*words: str) -> str:
    return subprocess.run(["openssl", *words], capture_output=True, text=True, check=False, timeout=30).stdout


def test_openssl_believes_what_was_signed(authority: Authority) -> None:
    place = authority.sign("broker", "broker", ["broker.example", "192.0.2.7", "2001:db8::7"], 825, NOW, None)
    at = str(int(NOW.timestamp()))
    files = ("-CAfile", str(place / "ca.pem"), str(place / "broker.pem"))
    checked = openssl("verify", "-attime", at, "-x509_strict", "-purpose", "sslserver", *files)
    assert checked.strip().endswith("broker.pem: OK")
    text = openssl("x509", "-in", str(place / "broker.pem"), "-noout", "-text")
    assert "DNS:broker.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7" in text


def test_a_box_is_no_server_and_signs_nobody(authority: Authority) -> None:
    place = authority.sign("box-01", "box", [], 825, NOW, None)
    at = str(int(NOW.timestamp()))
    as_server = openssl("verify", "-attime", at, "-purpose", "sslserver", "-CAfile", str(place / "ca.pem"), str(place / "box-01.pem"))
    assert "OK" not in as_server
    assert "CA:FALSE" in openssl("x509", "-in", str(place / "box-01.pem"), "-noout", "-text")


def test_keys_are_for_their_owner_alone(authority: Authority) -> None:
    place = authority.sign("box-01", "box", [], 825, NOW, None)
    assert stat.S_IMODE((place / "box-01.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((authority.folder / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(authority.folder.stat().st_mode) == stat.S_IMODE(place.stat().st_mode) == 0o700


def test_a_sealed_key_signs_for_who_knows_its_passphrase(tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "pki", "Test fleet", 3650, NOW, b"open sesame")
    assert b"ENCRYPTED" in (tmp_path / "pki" / "ca.key").read_bytes()
    authority.sign("box-01", "box", [], 10, NOW, b"open sesame")
    for wrong in (None, b"close sesame"):
        with pytest.raises(ConfigError, match="does not open"):
            authority.sign("box-02", "box", [], 10, NOW, wrong)
    assert [each.name for each in authority.issued()] == ["box-01"]


def test_what_is_revoked_is_in_the_list_and_the_book(authority: Authority) -> None:
    authority.sign("box-01", "box", [], 825, NOW, None)
    authority.sign("box-01", "box", [], 825, NOW, None)
    authority.sign("box-02", "box", [], 825, NOW, None)
    assert authority.revoke("box-01", "stolen", NOW + timedelta(days=1), None) == 2
    text = openssl("crl", "-in", str(authority.folder / "revoked.pem"), "-noout", "-text")
    gone = [each for each in authority.issued() if each.revoked]
    assert [each.why for each in gone] == ["stolen", "stolen"]
    assert all(f"{int(each.serial, 16):X}" in text.replace(":", "") for each in gone)
    with pytest.raises(ConfigError, match="has no certificate that counts"):
        authority.revoke("box-01", "again", NOW, None)


@pytest.mark.parametrize(
    ("name", "kind", "hosts", "words"),
    [
        ("../../etc", "box", [], "is no possible name"),
        ("Box-01", "box", [], "is no possible name"),
        ("fleet", "box", [], "is no possible name"),
        ("box-01\n", "box", [], "is no possible name"),
        ("trainer", "box", [], "may command them all"),
        ("trainer-2", "box", [], "may command them all"),
        ("homeassistant", "box", [], "may command them all"),
        ("node-red", "box", [], "may command them all"),
        ("broker", "box", [], "may command them all"),
        ("box-01", "client", [], "the broker knows homeassistant and node-red"),
        ("box-01", "trainer", [], "must begin with `trainer`"),
        ("broker", "broker", [], "with --host"),
        ("push-server", "server", [], "with --host"),
        ("broker", "broker", ["a b"], "is no name or address"),
        ("broker", "broker", ["*"], "is no name or address"),
    ],
)  # fmt: skip
def test_names_that_would_be_somebody_else_are_refused(
    authority: Authority, name: str, kind: str, hosts: list[str], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        authority.sign(name, kind, hosts, 825, NOW, None)  # type: ignore[arg-type]
    assert authority.issued() == []


def test_nothing_outlives_the_authority(authority: Authority) -> None:
    with pytest.raises(ConfigError, match="would outlive the authority, which ends 2036"):
        authority.sign("box-01", "box", [], 4000, NOW, None)


def test_an_authority_is_never_replaced(authority: Authority) -> None:
    with pytest.raises(ConfigError, match="has an authority already"):
        make_authority(authority.folder, "Another", 10, NOW, None)


def test_a_book_that_is_torn_stops_signing(authority: Authority) -> None:
    authority.sign("box-01", "box", [], 825, NOW, None)
    (authority.folder / "issued.json").write_text("[{")
    with pytest.raises(ConfigError, match="bring back its copy"):
        authority.sign("box-02", "box", [], 825, NOW, None)


def test_a_key_of_another_authority_is_noticed(authority: Authority, tmp_path: Path) -> None:
    other = make_authority(tmp_path / "other", "Other", 10, NOW, None)
    (authority.folder / "ca.key").write_bytes((other.folder / "ca.key").read_bytes())
    with pytest.raises(ConfigError, match="is not the key of"):
        authority.sign("box-01", "box", [], 5, NOW, None)


def test_the_commands_make_a_fleet(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    place = ["--dir", str(tmp_path / "pki")]
    monkeypatch.setenv("VEDETTE_PKI_PASSPHRASE", "open sesame")
    assert main(["pki", "init", *place]) == 0
    assert main(["pki", "broker", *place, "--host", "localhost"]) == 0
    assert main(["pki", "box", "box-01", "box-02", *place, "--days", "30"]) == 0
    assert main(["pki", "trainer", *place]) == 0
    assert main(["pki", "server", *place, "--host", "trainer.example"]) == 0
    assert (tmp_path / "pki" / "issued" / "push-server" / "push-server.pem").is_file()
    capsys.readouterr()
    assert main(["pki", "ls", *place]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.endswith("SOON")] == ["box-01", "box-02"]
    assert main(["pki", "renew", *place, "--within", "60"]) == 0
    capsys.readouterr()
    assert main(["pki", "ls", "--json", *place]) == 0
    names = [each["name"] for each in json.loads(capsys.readouterr().out)]
    assert names == ["broker", "box-01", "box-02", "trainer", "push-server", "box-01", "box-02"], "only what ends soon was renewed"
    assert main(["pki", "revoke", "box-02", "--why", "sold", *place]) == 0
    assert main(["pki", "ls", *place]) == 0
    assert "revoked: sold" in capsys.readouterr().out
    monkeypatch.setenv("VEDETTE_PKI_PASSPHRASE", "wrong one")
    assert main(["pki", "box", "box-03", *place]) == 1
    assert "does not open" in capsys.readouterr().err


def test_a_passphrase_that_is_typed_differently_seals_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["open sesame", "open sesamy"])
    monkeypatch.delenv("VEDETTE_PKI_PASSPHRASE", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda question: next(typed))
    assert main(["pki", "init", "--dir", str(tmp_path / "pki")]) == 1
    assert not (tmp_path / "pki").exists()
