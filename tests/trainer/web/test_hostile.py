"""Who sends too much, too slowly or nonsense: is cut off, and the page goes on."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.errors import ConfigError, StorageError
from tests.trainer.web.pages import PASSWORD, Running, parts_in
from trainer.web.options import Options
from trainer.web.server import PageServer

WAIT_S = 20


def raw(page: Running, data: bytes) -> bytes:
    """What comes back until the other end closes."""
    host, port = page.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), WAIT_S) as connection:
        connection.settimeout(WAIT_S)
        connection.sendall(data)
        found = b""
        while piece := connection.recv(65536):
            found += piece
        return found


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", "", 411), ("POST", "Content-Length: 99999999\r\n", 413), ("POST", "Content-Length: 70000\r\n", 413),
        ("POST", "Transfer-Encoding: chunked\r\n", 411),
    ],
)  # fmt: skip
def test_a_body_without_end_is_refused_before_it_is_read(page: Running, method: str, headers: str, status: int) -> None:
    asked = f"{method} /login HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}\r\n"
    assert raw(page, asked.encode()).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_body_that_never_comes_is_not_waited_for(tmp_path: Path) -> None:
    page = Running(parts_in(tmp_path), body_s=0.3)
    asked = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\nConnection: close\r\n\r\nname="
    assert raw(page, asked).startswith(b"HTTP/1.1 408 ")
    page.close()
    page.parts.database.close()


def test_a_reader_who_takes_nothing_is_cut_off(tmp_path: Path) -> None:
    page = Running(parts_in(tmp_path), write_s=0.3)
    path = page.parts.home.runs / "01K5QZ3V0000000000000000RR"
    path.mkdir()
    (path / "report.html").write_bytes(b"x" * (64 << 20))
    vera = page.login("vera")
    host, port = page.base.removeprefix("http://").split(":")
    cookie = "; ".join(f"{name}={value}" for name, value in vera.cookies.items())
    with socket.create_connection((host, int(port)), WAIT_S) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asked = f"GET /runs/{path.name}/report HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n"
        connection.sendall(asked.encode())
        connection.settimeout(WAIT_S)
        threading.Event().wait(1.5)  # what a reader does who reads nothing
        with pytest.raises(OSError):
            while connection.recv(1 << 20):
                pass
            raise ConnectionResetError
    assert page.nobody.get("/healthz").status_code == 200
    page.close()
    page.parts.database.close()


@pytest.mark.parametrize(
    "data",
    [b"\x00\xff\xfe\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00"],
)
def test_nonsense_is_answered_or_cut_and_the_page_goes_on(page: Running, data: bytes) -> None:
    host, port = page.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), WAIT_S) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(WAIT_S)
        try:
            while connection.recv(65536):
                pass
        except ConnectionResetError:
            pass
    assert page.nobody.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {"name": "a\0b", "password": "x"}, {"name": "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "password": "x"},
        {"name": "x" * 60_000, "password": "y"}, {"name": "' OR 1=1 --", "password": "x"}, {},
    ],
)  # fmt: skip
def test_strange_names_and_passwords_are_no_fault_of_the_page(page: Running, form: dict[str, str]) -> None:
    assert page.nobody.post("/login", data=form).status_code in {401, 411, 413}


@pytest.mark.parametrize("body", [b"[", b"[" * 50_000, b'{"name": "\\ud800", "password": "x"}', b"null", b'{"name": 1}', b"\xff"])
def test_json_that_is_none_is_refused(page: Running, body: bytes) -> None:
    answer = page.nobody.post("/api/v1/session", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 401, 422}


def test_cookies_that_are_none_are_nobody(page: Running) -> None:
    for cookie in ("x", "x" * 300, "x" * 4000, "\\..", '"'):
        answer = httpx.get(f"{page.base}/jobs", headers={"cookie": f"vedette_trainer_session={cookie}", "accept": "text/html"})
        assert answer.status_code == 303


def test_connections_that_ask_nothing_do_not_keep_others_out(tmp_path: Path) -> None:
    page = Running(parts_in(tmp_path), max_connections=8)
    host, port = page.base.removeprefix("http://").split(":")
    idle = [socket.create_connection((host, int(port)), WAIT_S) for _ in range(40)]
    try:
        assert page.nobody.get("/healthz").status_code == 200
    finally:
        for each in idle:
            each.close()
    page.close()
    page.parts.database.close()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"host": "0.0.0.0"}, "can be reached by others"), ({"host": "::"}, "can be reached by others"),
        ({"tls_cert": "x.pem"}, "belong together"),
    ],
)  # fmt: skip
def test_passwords_do_not_travel_in_the_clear(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Options(**given)
    assert Options(host="0.0.0.0", behind_proxy="127.0.0.1").host == "0.0.0.0"


def test_a_certificate_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    parts = parts_in(tmp_path)
    (tmp_path / "c.pem").write_text("no certificate")
    server = PageServer(parts, Options(port=0, tls_cert=tmp_path / "c.pem", tls_key=tmp_path / "c.pem"))
    with pytest.raises(ConfigError, match="cannot be used"):
        server.start()
    parts.database.close()


def test_over_https_the_cookie_is_secure(tmp_path: Path) -> None:
    trust = certificate(tmp_path)
    page = Running(parts_in(tmp_path), tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem")
    assert page.base.startswith("https://")
    with httpx.Client(base_url=page.base, verify=trust) as client:
        answer = client.post("/api/v1/session", json={"name": "vera", "password": PASSWORD})
        assert "secure" in answer.headers["set-cookie"].lower()
        assert answer.headers["strict-transport-security"]
    page.close()
    page.parts.database.close()


def test_who_never_agrees_on_tls_is_cut_off_and_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.door.HANDSHAKE_S", 0.2)
    monkeypatch.setattr("trainer.web.server.HANDSHAKE_S", 0.2)
    trust = certificate(tmp_path)
    page = Running(parts_in(tmp_path), tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem")
    host, port = page.base.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port)), WAIT_S) as silent, socket.create_connection((host, int(port)), WAIT_S) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        for each in (silent, plain):
            each.settimeout(WAIT_S)
            while each.recv(4096):
                pass
    until = time.monotonic() + WAIT_S
    while page.server._door._since and time.monotonic() < until:
        threading.Event().wait(0.05)
    assert not page.server._door._since
    with httpx.Client(base_url=page.base, verify=trust) as client:
        assert client.get("/healthz").status_code == 200
    page.close()
    page.parts.database.close()


def test_nobody_hears_where_the_store_lies_and_who_is_known_does(page: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StorageError("store postgresql://keeper@db.example/vedette: is away")

    vera = page.login("vera")
    monkeypatch.setattr(page.parts.accounts.users, "count", away)
    monkeypatch.setattr(page.parts.accounts, "enter", away)
    for answer in (page.nobody.get("/healthz"), page.nobody.post("/login", data={"name": "vera", "password": "x"})):
        assert (answer.status_code, "keeper" in answer.text, answer.headers["retry-after"]) == (503, False, "5")
    assert "keeper" in vera.get("/healthz").text
    monkeypatch.setattr(page.parts.accounts.logins, "person", away)
    assert "keeper" not in vera.get("/devices").text


def test_half_a_character_in_the_settings_of_a_job_is_refused(page: Running) -> None:
    ada = page.login("ada")
    for settings in (b'{"a": "\\ud800"}', b'{"a": [{"b": "\\udfff"}]}'):
        body = b'{"kind": "train", "arguments": {"settings": ' + settings + b"}}"
        answer = ada.post("/api/v1/jobs", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, "half of a character" in answer.text) == (422, True)


def test_behind_a_proxy_guesses_are_counted_by_who_really_asks(tmp_path: Path) -> None:
    page = Running(parts_in(tmp_path), behind_proxy="127.0.0.1")
    for _ in range(6):
        page.nobody.post("/login", data={"name": "vera", "password": "no"}, headers={"x-forwarded-for": "192.0.2.9"})
    asked = {"name": "vera", "password": PASSWORD}
    assert page.nobody.post("/login", data=asked, headers={"x-forwarded-for": "192.0.2.9"}).status_code == 429
    answer = page.nobody.post("/login", data=asked, headers={"x-forwarded-for": "192.0.2.10", "x-forwarded-proto": "https"})
    assert answer.status_code == 303
    assert "secure" in answer.headers["set-cookie"].lower()
    assert page.parts.accounts.audit.page()[0].address == "192.0.2.10"
    page.close()
    page.parts.database.close()


def test_without_a_proxy_nobody_says_where_he_comes_from(page: Running) -> None:
    page.nobody.post("/login", data={"name": "vera", "password": "no"}, headers={"x-forwarded-for": "192.0.2.9"})
    assert page.parts.accounts.audit.page()[0].address == "127.0.0.1"


def certificate(folder: Path) -> ssl.SSLContext:
    """A key and a certificate for 127.0.0.1, and who trusts it."""
    from datetime import datetime, timedelta, timezone
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "trainer")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return ssl.create_default_context(cafile=str(folder / "cert.pem"))
