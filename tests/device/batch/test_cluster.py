"""Where a scheduler may be, and by what it is trusted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigError
from device.batch.cluster import Cluster
from device.batch.cluster_worker import differences, sight_of, software

MB = 1 << 20


def pem(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return path


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:8786", "tcp://127.8.8.8:1"])
def test_plain_connections_stay_within_this_machine(address: str) -> None:
    Cluster(address).check()


@pytest.mark.parametrize(
    "address", ["tcp://10.0.0.7:8786", "tcp://0.0.0.0:8786", "tcp://cluster.example:8786", "tcp://127.0.0.1.evil.example:1"]
)
def test_a_plain_connection_to_another_machine_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="start the scheduler with TLS"):
        Cluster(address).check()


ODD = [
    "", "tls://", "tls://host", "host:8786", "http://127.0.0.1:1", "ucx://127.0.0.1:1", "inproc://1", "tcp://me@127.0.0.1:1", "tls://h:1/x",
    "tls://h:99999", "tcp://[::1:8786", "ws://127.0.0.1:1",
]  # fmt: skip


@pytest.mark.parametrize("address", ODD)
def test_what_is_no_address_of_a_scheduler_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="is no address of a scheduler"):
        Cluster(address).check()


@given(st.text(max_size=40))
def test_nothing_but_loopback_gets_through_without_certificates(address: str) -> None:
    for each in (address, f"tcp://{address}", f"tls://{address}:1", f"tcp://{address}:1"):
        try:
            Cluster(each).check()
        except ConfigError:
            continue
        assert Cluster(each).tls is False
        assert "localhost" in each.lower() or "127." in each or "::1" in each


def test_tls_needs_all_three_files(tmp_path: Path) -> None:
    files = {name: pem(tmp_path, name) for name in ("ca", "cert", "key")}
    Cluster("tls://10.0.0.7:8786", **files).check()
    for name in files:
        with pytest.raises(ConfigError, match=f"--cluster-{name}: is missing"):
            Cluster("tls://10.0.0.7:8786", **{**files, name: None}).check()
        with pytest.raises(ConfigError, match=f"--cluster-{name} .*cannot be read"):
            Cluster("tls://10.0.0.7:8786", **{**files, name: tmp_path / "nothing"}).check()
    (tmp_path / "odd").write_text("no PEM")
    with pytest.raises(ConfigError, match="is no PEM file"):
        Cluster("tls://10.0.0.7:8786", **{**files, "key": tmp_path / "odd"}).check()


def test_certificates_for_a_plain_connection_are_a_mistake_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the address is plain"):
        Cluster("tcp://127.0.0.1:8786", ca=pem(tmp_path, "ca")).check()


def test_the_software_is_known_by_more_than_its_version() -> None:
    here = software()
    assert {"vedette", "program", "numpy", "av"} <= set(here)
    assert differences(here, dict(here)) == ""
    assert "program 0 and not" in differences(here, {**here, "program": "0"})
    assert "numpy missing" in differences(here, {name: value for name, value in here.items() if name != "numpy"})


@pytest.mark.parametrize("size", [0, 1, MB - 1, MB, MB + 1, 3 * MB])
def test_a_file_is_recognised_by_size_beginning_and_end(tmp_path: Path, size: int) -> None:
    path, other = tmp_path / "a.mkv", tmp_path / "b.mkv"
    path.write_bytes(bytes(size))
    other.write_bytes(bytes(size))
    assert sight_of(str(path)) == sight_of(str(other))
    other.write_bytes(bytes(size) + b"x")
    assert sight_of(str(path)) != sight_of(str(other))
    for at in {0, size - 1} if size else set():
        content = bytearray(size)
        content[at] = 1
        other.write_bytes(content)
        assert sight_of(str(path)) != sight_of(str(other))
