"""Zips made to harm: each is refused by a BundleError, none reaches the disk."""

from __future__ import annotations

import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.bundle import MANIFEST
from contracts.errors import BundleError
from tests.vision.bundles import white_box_bundle
from vision.bundle import read_bundle

Contents = dict[str, bytes]
Writer = Callable[[zipfile.ZipFile, Contents], None]


def stored(archive: zipfile.ZipFile, contents: Contents) -> None:
    for name, data in contents.items():
        archive.writestr(name, data)


def compressed(archive: zipfile.ZipFile, contents: Contents) -> None:
    for name, data in contents.items():
        archive.writestr(name, data, zipfile.ZIP_DEFLATED if name == "CARD.md" else None)


def twice(archive: zipfile.ZipFile, contents: Contents) -> None:
    stored(archive, contents)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("CARD.md", contents["CARD.md"])


def linked(archive: zipfile.ZipFile, contents: Contents) -> None:
    stored(archive, {name: data for name, data in contents.items() if name != "CARD.md"})
    info = zipfile.ZipInfo("CARD.md")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    archive.writestr(info, "/etc/passwd")


def extra(name: str) -> Writer:
    def write(archive: zipfile.ZipFile, contents: Contents) -> None:
        stored(archive, contents)
        archive.writestr(name, b"stowaway")

    return write


def many(archive: zipfile.ZipFile, contents: Contents) -> None:
    stored(archive, contents)
    for number in range(300):
        archive.writestr(f"file{number}", b"")


def without(name: str) -> Writer:
    return lambda archive, contents: stored(archive, {key: data for key, data in contents.items() if key != name})


CASES: dict[str, tuple[Writer, str]] = {
    "a compressed member": (compressed, "'CARD.md' is compressed"),
    "the same member twice": (twice, "the same member twice"),
    "a symbolic link": (linked, "'CARD.md' is not a plain file"),
    "a way out": (extra("../../etc/cron.d/x"), r"'\.\./\.\./etc/cron\.d/x' leads out of the bundle"),
    "a way out inside": (extra("golden/../../x"), "leads out of the bundle"),
    "a way out for another system": (extra("..\\x"), "leads out of the bundle"),
    "an absolute name": (extra("/etc/cron.d/x"), "'/etc/cron.d/x' has an absolute name"),
    "a drive": (extra("C:x"), "has an absolute name"),
    "a hidden file": (extra(".profile"), "no plain path"),
    "a name of two lines": (extra("a\nb"), "no plain path"),
    "a name that ends in a line": (extra("CARD.md\n"), "no plain path"),
    "a name in another alphabet": (extra("m\u043edel.onnx"), "no plain path"),
    "a name that is too long": (extra("x" * 300), "has a name of 300 bytes"),
    "the same name in capitals": (extra("card.MD"), "the same member twice"),
    "a file that is a folder too": (extra("CARD.md/x"), "lies in a folder that is a member itself"),
    "a stowaway": (extra("run.sh"), "'run.sh' is not listed"),
    "a folder": (extra("golden/"), "'golden/' is not a plain file"),
    "too many members": (many, "has 303 members, at most 256"),
    "no manifest": (without(MANIFEST), r"bundle\.json is missing"),
    "no model": (without("model.onnx"), r"model\.onnx is missing"),
}


def contents_of(path: Path) -> Contents:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("case", CASES)
def test_a_zip_is_refused_with(tmp_path: Path, case: str) -> None:
    write, message = CASES[case]
    path = white_box_bundle(tmp_path / "b.vdb").path
    contents = contents_of(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        write(archive, contents)
    with pytest.raises(BundleError, match=message) as caught:
        read_bundle(path)
    assert "make or fetch the bundle again" in str(caught.value)


def headers(data: bytes) -> list[int]:
    """Where the central directory's entries begin."""
    places, at = [], data.find(b"PK\x01\x02")
    while at >= 0:
        places.append(at)
        at = data.find(b"PK\x01\x02", at + 1)
    return places


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """Overlapping members: a few bytes that claim to be many files."""
    path = white_box_bundle(tmp_path / "b.vdb", files={"a.bin": b"x" * 5000, "b.bin": b"x" * 5000}).path
    data = bytearray(path.read_bytes())
    first = headers(bytes(data))[0]
    offset = struct.unpack_from("<L", data, first + 42)[0]
    for place in headers(bytes(data)):
        struct.pack_into("<L", data, place + 42, offset)
    path.write_bytes(data)
    with pytest.raises(BundleError, match="make or fetch the bundle again"):
        read_bundle(path)


def test_a_size_that_is_not_the_members_is_refused(tmp_path: Path) -> None:
    path = white_box_bundle(tmp_path / "b.vdb").path
    data = bytearray(path.read_bytes())
    for size, message in [(1 << 20, r"says it holds 3145728 bytes, the file has \d+"), (1 << 31, "says it holds"), (0, r"bundle\.json")]:
        for place in headers(bytes(data)):
            struct.pack_into("<LL", data, place + 20, size, size)
        path.write_bytes(data)
        with pytest.raises(BundleError, match=message):
            read_bundle(path)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = white_box_bundle(tmp_path / "b.vdb").path
    data = bytearray(path.read_bytes())
    for place in headers(bytes(data)):
        data[place + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match="is encrypted"):
        read_bundle(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(data=st.data())
def test_a_spoilt_zip_is_the_same_bundle_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    """Any bytes changed anywhere: what is still read is, file for file, what was written."""
    path = tmp_path / "b.vdb"
    if not path.exists():
        white_box_bundle(path, files={"golden/a.png": b"p" * 300})
        (tmp_path / "good").write_bytes(path.read_bytes())
    good = (tmp_path / "good").read_bytes()
    spoilt = bytearray(good)
    place = st.one_of(st.integers(0, len(good) - 1), st.sampled_from(headers(good)).flatmap(lambda at: st.integers(at, at + 60)))
    for at, byte in data.draw(st.lists(st.tuples(place, st.integers(0, 255)), min_size=1, max_size=4)):
        spoilt[at] = byte
    path.write_bytes(spoilt[: data.draw(st.sampled_from([len(good), len(good) - 1, len(good) // 2]))])
    try:
        bundle = read_bundle(path)
    except BundleError:
        pass
    else:
        path.write_bytes(good)
        whole = read_bundle(path)
        path.write_bytes(spoilt)
        assert bundle.digest == whole.digest and bundle.model() == whole.model()
        assert bundle.read("golden/a.png") == b"p" * 300
    path.write_bytes(good)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=400))
def test_junk_is_refused(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "junk.vdb"
    path.write_bytes(junk)
    with pytest.raises(BundleError, match=r"is not a zip that can be read|is missing"):
        read_bundle(path)
