"""TLS with a real broker and real certificates; every refusal says what to do."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from broker.address import tls_context
from broker.link import probe
from contracts.errors import ConfigError
from device.clock import SystemClock
from device.nearby.heard import FoundBroker
from device.neighbours import knock
from device.publish.broker import BrokerOptions
from device.publish.mqtt import Options
from tests.device.publish.fakes import DEVICE, Box, event, eventually
from tests.device.publish.mosquitto import Broker, broker_in, needs_mosquitto

pytestmark = [
    pytest.mark.broker,
    needs_mosquitto,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str) -> None:
    make = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}")
    openssl(folder, "req", "-x509", *make, "-keyout", f"{name}.key", "-out", f"{name}.pem")


def signed(folder: Path, by: str, name: str, subject: str) -> None:
    make = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={subject}")
    openssl(folder, "req", *make, "-keyout", f"{name}.key", "-out", f"{name}.csr")
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1,DNS:broker.home\n")
    sign = ("-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial", "-days", "2", "-extfile", "ext")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", *sign, "-out", f"{name}.pem")


@dataclass
class Secured:
    broker: Broker
    certificates: Path

    def options(self, **changes: Any) -> dict[str, Any]:
        files = {name: self.certificates / f"{file}.pem" for name, file in (("ca", "home"), ("cert", "box"))}
        return {"tls": "on", **files, "key": self.certificates / "box.key", **changes}

    def probe(self, **changes: Any) -> str | None:
        where = {"host": self.broker.host, "port": self.broker.port, "connect_timeout_s": 2}
        options = BrokerOptions.model_validate({**where, **self.options(**changes)})
        return probe(options.address("test-check", clean=True), time.monotonic_ns)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A broker that wants a client certificate and takes its CN for the user name."""
    keys, folder = tmp_path_factory.mktemp("keys"), tmp_path_factory.mktemp("broker")
    authority(keys, "home")
    authority(keys, "stranger")
    signed(keys, "home", "server", "127.0.0.1")
    signed(keys, "home", "box", DEVICE)
    acl = folder / "acl"
    acl.write_text("pattern write vedette/v1/%u/up/#\npattern read vedette/v1/%u/dn/#\npattern read vedette/v1/fleet/dn/#\n")
    acl.chmod(0o600)
    lines = [f"cafile {keys}/home.pem", f"certfile {keys}/server.pem", f"keyfile {keys}/server.key"]
    lines += ["require_certificate true", "use_identity_as_username true", "allow_anonymous false", f"acl_file {acl}"]
    with broker_in(folder, *lines) as broker:
        yield Secured(broker, keys)


def test_a_box_with_its_certificate_delivers(tmp_path: Path, secured: Secured) -> None:
    with Box(tmp_path, secured.broker, secured.options()) as box:
        box.put(event(1), event(2))
        eventually(lambda: box.tally.get("", "mqtt", "delivered") == 2)


def test_a_probe_says_that_all_is_well(secured: Secured) -> None:
    assert secured.probe() is None


@pytest.mark.filterwarnings("error")
def test_each_refusal_says_what_to_do(secured: Secured) -> None:
    stranger = secured.certificates / "stranger.pem"
    assert "mqtt.ca does not vouch for" in (secured.probe(ca=stranger) or "")
    assert "check mqtt.port, tls, cert and key" in (secured.probe(cert=None, key=None) or "")
    assert "check mqtt.port, tls, cert and key" in (secured.probe(tls="off") or "")
    assert "start it or correct mqtt.host" in (secured.probe(port=1) or "")


@dataclass
class Loud:
    """The production protocol of what `look_for_brokers` gives: two liars without an answer or a certificate, and the broker."""

    found: list[FoundBroker]

    def __call__(self, _seconds: float) -> list[FoundBroker]:
        return self.found


def heard(port: int, tls: bool = True) -> FoundBroker:
    return FoundBroker("somebody", "somebody.local", ("127.0.0.1",), port, tls)


def test_a_broker_that_was_heard_of_is_one_if_its_certificate_bears_the_configured_name(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = [heard(1), heard(secured.broker.port, tls=False), heard(secured.broker.port)]
    monkeypatch.setattr("device.nearby.worker.look_for_brokers", Loud(near))
    here = {"port": 1, "connect_timeout_s": 2, "discover": True, **secured.options()}
    assert knock(BrokerOptions.model_validate({**here, "host": "broker.home"}), DEVICE, SystemClock()) is None
    assert "no broker at other.home" in (knock(BrokerOptions.model_validate({**here, "host": "other.home"}), DEVICE, SystemClock()) or "")
    plain = BrokerOptions.model_validate({**here, "host": "broker.home", "discover": False})
    assert "no broker at broker.home" in (knock(plain, DEVICE, SystemClock()) or "")


def test_a_box_delivers_to_the_broker_that_it_found_and_not_to_one_that_only_says_so(tmp_path: Path, secured: Secured) -> None:
    """The name is nobody's in any name service; on the way to the broker somebody answers with a certificate of his own."""
    liars = tmp_path / "liar"
    liars.mkdir()
    authority(liars, "broker.home")
    lines = [f"certfile {liars}/broker.home.pem", f"keyfile {liars}/broker.home.key"]
    found = {"host": "broker.home", "port": 1, "discover": True, "reconnect_min_s": 0.01, "reconnect_max_s": 0.02}
    with broker_in(liars, *lines) as liar:
        near = [("127.0.0.1", liar.port), ("127.0.0.1", secured.broker.port)]
        with Box(tmp_path, secured.broker, secured.options(**found), nearby=lambda: near) as box:
            box.put(event(1))
            eventually(lambda: box.tally.get("", "mqtt", "delivered") == 1)
            assert box.mqtt._whereabouts.now == f"127.0.0.1:{secured.broker.port} (broker.home)"


@pytest.mark.parametrize("name", ["ca", "cert", "key"])
def test_a_file_that_is_missing_is_named_before_anything_runs(tmp_path: Path, secured: Secured, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"mqtt\.{name}: .*nowhere.pem is not a file"):
        Box(tmp_path, secured.broker, secured.options(**{name: tmp_path / "nowhere.pem"}))


def test_a_key_of_another_certificate_is_refused(secured: Secured) -> None:
    with pytest.raises(ConfigError, match="the key that of the certificate"):
        tls_context(BrokerOptions.model_validate(secured.options(key=secured.certificates / "server.key")).address(""))


def test_a_misspelt_option_is_an_error() -> None:
    with pytest.raises(ValidationError):
        Options.model_validate({"hsot": "x"})
