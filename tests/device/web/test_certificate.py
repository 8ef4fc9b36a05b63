"""The page's own certificate: names, times, an unset clock, renewal, what a power cut or somebody else left in its place."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509

from contracts.errors import StorageError
from device.web.certificate import DAYS, FILE, SHOWN, OwnCertificate, fingerprint, read
from tests.device.capture.fakes import SetClock
from tests.device.record.mounts import fill, tmpfs

NAMES = ("Box-7", "box-7.local", "192.0.2.7", "127.0.0.1", "not a name", "fd00::7")
NOW = datetime(2027, 5, 1, tzinfo=timezone.utc)


def at(moment: datetime) -> SetClock:
    return SetClock(wall=int(moment.timestamp()) * 10**9)


def own(data: Path, moment: datetime = NOW, names: tuple[str, ...] = NAMES) -> OwnCertificate:
    return OwnCertificate(data, names, at(moment))


def test_it_says_where_the_page_is_and_only_the_service_reads_its_key(tmp_path: Path) -> None:
    made = own(tmp_path).made()
    assert made.names == {"box-7", "box-7.local", "192.0.2.7", "127.0.0.1", "fd00::7"}
    assert made.begins < NOW < made.ends and (made.ends - made.begins).days == DAYS < 825
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / FILE, tmp_path / FILE)
    shown = x509.load_pem_x509_certificate((tmp_path / SHOWN).read_bytes())
    assert b"PRIVATE" not in (tmp_path / SHOWN).read_bytes() and shown.issuer == shown.subject
    assert fingerprint(tmp_path) == made.fingerprint and len(made.fingerprint) == 32 * 3 - 1


def test_it_stays_the_same_over_starts_until_a_month_before_its_end(tmp_path: Path) -> None:
    first = own(tmp_path).made()
    late = first.ends - timedelta(days=31)
    assert own(tmp_path, late).made() == first and own(tmp_path, late).renewed() is None
    last = first.ends - timedelta(days=29)
    renewed = own(tmp_path, last).renewed()
    assert renewed is not None and renewed.ends > first.ends and read(tmp_path) == renewed


def test_a_clock_of_1970_makes_one_that_browsers_take_and_it_stays_when_the_clock_is_set(tmp_path: Path) -> None:
    made = own(tmp_path, datetime(1970, 1, 1, 0, 1, tzinfo=timezone.utc)).made()
    assert made.begins == datetime(2026, 1, 1, tzinfo=timezone.utc) and own(tmp_path).made() == made
    assert own(tmp_path, datetime(1970, 1, 2, tzinfo=timezone.utc)).renewed() is None, "nobody knows what time it is"
    ahead = own(tmp_path / "other", datetime(2031, 1, 1, tzinfo=timezone.utc)).made()
    assert own(tmp_path / "other").made() != ahead, "the clock was wrong then: it begins in years"


def test_a_disk_that_takes_no_new_one_leaves_the_old_one_in_its_place_and_the_box_starts(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "data") as data:
        first = own(data).made()
        fill(data)
        assert own(data, names=("cellar",)).made() == first == read(data)
        assert own(data, first.ends).made() == first
        with pytest.raises(StorageError):
            own(data, first.ends).renewed()


def test_another_name_makes_another_one_and_an_address_that_comes_beside_does_not(tmp_path: Path) -> None:
    first = own(tmp_path).made()
    assert own(tmp_path, names=(*NAMES, "10.0.0.1")).made() == first
    near = own(tmp_path / "near", names=("box-7", "fe80::7%eth0")).made()  # a certificate has no word for the interface
    assert own(tmp_path / "near", names=("box-7", "fe80::7%eth0")).made() == near
    moved = own(tmp_path, names=("box-7", "box-7.local", "10.0.0.1")).made()
    assert moved != first and "10.0.0.1" in moved.names
    assert "cellar" in own(tmp_path, names=("cellar", "10.0.0.1")).made().names


@pytest.mark.parametrize("left", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_not_whole_is_made_anew(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / FILE).write_bytes(left)
    assert read(tmp_path) is None and fingerprint(tmp_path) == ""
    assert own(tmp_path).made() == read(tmp_path)


def test_another_key_is_not_its_key_and_a_link_is_not_followed(tmp_path: Path) -> None:
    own(tmp_path / "a").made()
    own(tmp_path / "b").made()
    mixed = (tmp_path / "a" / FILE).read_bytes().split(b"-----BEGIN CERT")[0] + (tmp_path / "b" / SHOWN).read_bytes()
    (tmp_path / "a" / FILE).write_bytes(mixed)
    assert read(tmp_path / "a") is None
    (tmp_path / "a" / FILE).unlink()
    (tmp_path / "a" / FILE).symlink_to(tmp_path / "b" / FILE)
    with pytest.raises(StorageError):
        own(tmp_path / "a").made()
