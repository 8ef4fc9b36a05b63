"""Certificates of boxes that count no more: the server hangs up on them, whatever they had open; a list that is none changes nothing."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest

from contracts.errors import ConfigError
from device.update.https import Https, tls_of
from tests.device.update.box import HandClock, a_box, bundle
from tests.trainer.push.test_server import Serving
from tests.trainer.push.yards import Yard, released
from trainer.pki.authority import Authority, make_authority
from trainer.push.revoked import Revoked
from trainer.push.server import Options

NOW = datetime.now(timezone.utc)
PATIENCE_S = 20.0


@dataclass(frozen=True)
class Site:
    authority: Authority
    serving: Serving

    def tls(self, name: str) -> ssl.SSLContext:
        folder = self.authority.folder
        return tls_of(folder / "ca.pem", folder / "issued" / name / f"{name}.pem", folder / "issued" / name / f"{name}.key")

    def answers(self, client: httpx.Client) -> bool:
        try:
            return client.get(f"{self.serving.url}/metadata/timestamp.json").status_code == 200
        except httpx.HTTPError:
            return False


def authority_in(folder: Path) -> Authority:
    authority = make_authority(folder, "yard", 30, NOW, None)
    for name in ("edge01", "edge02", "gone"):
        authority.sign(name, "box", [], 10, NOW, None)
    authority.revoke("gone", "sold", NOW, None)
    return authority


@pytest.fixture
def site(yard: Yard, tmp_path: Path) -> Iterator[Site]:
    authority = authority_in(tmp_path / "ca")
    place = authority.sign("push", "server", ["127.0.0.1"], 10, NOW, None)
    ca = authority.folder / "ca.pem"
    options = {"tls_cert": place / "push.pem", "tls_key": place / "push.key", "client_ca": ca, "crl": authority.folder / "revoked.pem"}
    serving = Serving(yard, **options)
    yield Site(authority, serving)
    serving.close()


def until(true: Callable[[], bool]) -> None:
    over = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < over
        threading.Event().wait(0.05)


def test_a_box_whose_certificate_is_revoked_gets_nothing_more_whatever_it_has_open(yard: Yard, site: Site, tmp_path: Path) -> None:
    model, clock, older = released(yard), HandClock(), site.tls("edge01")
    older.maximum_version = ssl.TLSVersion.TLSv1_2  # in which a session is gone on with by its number
    where = httpx.URL(site.serving.url)
    with httpx.Client(verify=site.tls("edge01")) as lost, httpx.Client(verify=site.tls("edge02")) as other:
        assert site.answers(lost) and site.answers(other)  # and both stay connected
        with httpx.Client(verify=site.tls("gone")) as gone:
            assert not site.answers(gone)
        session = talk(older, where, None)
        site.authority.revoke("edge01", "stolen", NOW + timedelta(minutes=1), None)
        until(lambda: not site.answers(lost))
        with pytest.raises((OSError, EOFError)):
            talk(older, where, session)
        assert site.answers(other)
    roads = [Https(site.serving.url, clock, context=site.tls("edge01"), timeout_s=10)]
    with a_box(tmp_path / "box", yard, bundle(tmp_path / "factory", "1.0.0"), roads=roads, clock=clock) as box:
        report = box.told(yard.assign(model, 1))
        assert (report.state, report.code) == ("offered", "E_FETCH"), report.words
        assert "see update.cert" in report.words
        roads[:] = [Https(site.serving.url, clock, context=site.tls("edge02"), timeout_s=10)]
        assert box.go().current == model.digest


def talk(context: ssl.SSLContext, where: httpx.URL, session: ssl.SSLSession | None) -> ssl.SSLSession:
    """One question over one connection; EOFError without an answer."""
    plain = socket.create_connection((where.host, where.port or 0), PATIENCE_S)
    with context.wrap_socket(plain, server_hostname=where.host, session=session) as tls:
        assert tls.session_reused is (session is not None)
        tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        if not tls.recv(100).startswith(b"HTTP/1.1 200"):
            raise EOFError
        assert tls.session is not None
        return tls.session


class Connection:
    """As asyncio has it after TLS was agreed on."""

    def __init__(self, authority: Authority, name: str) -> None:
        pem = (authority.folder / "issued" / name / f"{name}.pem").read_text()
        self._shown = ssl.PEM_cert_to_DER_cert(pem)

    def get_extra_info(self, _name: str) -> Connection:
        return self

    def getpeercert(self, *, binary_form: bool) -> bytes:
        assert binary_form
        return self._shown


def test_a_list_that_is_none_changes_nothing_while_it_runs_and_is_refused_at_a_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority, stranger = authority_in(tmp_path / "ca"), authority_in(tmp_path / "stranger")
    ca, path, other = authority.folder / "ca.pem", authority.folder / "revoked.pem", stranger.folder / "revoked.pem"
    revoked, whole = Revoked(path, ca), path.read_bytes()
    for bad in (whole[:-30], whole + whole[:200], other.read_bytes(), b"", None):
        path.unlink() if bad is None else path.write_bytes(bad)
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            assert not revoked.look() and not revoked.look()
        assert len(caplog.records) == 1 and "the list before counts on" in caplog.text, "said once"
        assert revoked.has(Connection(authority, "gone")) and not revoked.has(Connection(authority, "edge01"))
        with pytest.raises(ConfigError, match="push serve: --crl"):
            Revoked(path, ca)
    path.write_bytes(whole + b"\n")
    assert revoked.look()
    assert not revoked.has(Connection(stranger, "gone"))


def test_a_list_of_whose_boxes_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="--crl says which certificates of --client-ca"):
        Options(tls_cert=Path("a"), tls_key=Path("a"), crl=Path("a"))
