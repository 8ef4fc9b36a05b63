"""The reader of a bundle's zip: what it accepts every other program reads the same; everything else is refused by its name."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.bundle import MANIFEST
from contracts.errors import BundleError
from tests.memory import at_most_mib
from tests.vision.bundles import white_box_bundle
from vision.bundle import read_bundle
from vision.bundle_zip import CENTRAL, END, MAX_BUNDLE_BYTES, MIB, ZipMembers

SIMPLE = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,10}){0,3}", fullmatch=True)


def zipped(contents: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def read_all(path: Path) -> dict[str, bytes]:
    members = ZipMembers(path)
    return {name: members.read(name, MAX_BUNDLE_BYTES) for name in members.names}


def fits(names: list[str]) -> bool:
    """No two alike, none a folder of another."""
    low = [name.lower() for name in names]
    folders = {"/".join(name.split("/")[:n]) for name in low for n in range(1, name.count("/") + 1)}
    return len(set(low)) == len(low) and not folders & set(low)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much], max_examples=200)
@given(contents=st.dictionaries(SIMPLE, st.binary(max_size=400), max_size=6).filter(lambda each: fits(list(each))))
def test_whatever_a_plain_zip_holds_is_read(tmp_path: Path, contents: dict[str, bytes]) -> None:
    path = tmp_path / "any.vdb"
    path.write_bytes(zipped(contents))
    assert read_all(path) == contents


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=500)
@given(data=st.data())
def test_what_is_accepted_another_program_reads_the_same(tmp_path: Path, data: st.DataObject) -> None:
    """Bytes changed, cut out and put in anywhere: refused, or the standard library agrees on every name and byte."""
    raw = bytearray(zipped({"bundle.json": b"{}", "a/b.bin": b"x" * 40, "c": b""}))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        change = data.draw(st.sampled_from(["byte", "cut", "put", "number"]))
        if change == "byte":
            raw[at] = data.draw(st.integers(0, 255))
        elif change == "cut":
            del raw[at : at + data.draw(st.integers(1, 8))]
        elif change == "put":
            raw[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        elif at + 4 <= len(raw):
            struct.pack_into("<L", raw, at, data.draw(st.sampled_from([0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])))
        if not raw:
            break
    path = tmp_path / "spoilt.vdb"
    path.write_bytes(raw)
    try:
        mine = read_all(path)
    except BundleError as error:
        assert "make or fetch the bundle again" in str(error)
        return
    with zipfile.ZipFile(path) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == mine


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=300), begin=st.sampled_from([b"", b"PK\3\4", b"PK\5\6"]), count=st.integers(0, 70000))
def test_no_bytes_stop_the_reader(tmp_path: Path, raw: bytes, begin: bytes, count: int) -> None:
    path = tmp_path / "junk.vdb"
    end = END.pack(b"PK\5\6", 0, 0, count % 65536, count % 65536, len(raw), len(begin), 0)
    path.write_bytes(begin + raw + end)
    with contextlib.suppress(BundleError):
        assert read_all(path) == {}


def spoilt(tmp_path: Path, change: object) -> Path:
    path = white_box_bundle(tmp_path / "b.vdb").path
    path.write_bytes(change(bytearray(path.read_bytes())))  # type: ignore[operator]
    return path


def first_entry(raw: bytearray) -> int:
    return raw.find(b"PK\1\2")


def with_nul(raw: bytearray) -> bytes:
    """`CARD.md` becomes `CARD\\0md` in both headers: many programs read that as `CARD`."""
    return bytes(raw).replace(b"CARD.mdPK", b"CARD\0mdPK").replace(b"CARD.md#", b"CARD\0md#")


def shifted(raw: bytearray, by: bytes) -> bytes:
    """Something in front, all offsets mended: what self-extracting archives do."""
    out = bytearray(by) + raw
    at = out.find(b"PK\1\2")
    while at >= 0 and at + CENTRAL.size <= len(out):
        struct.pack_into("<L", out, at + 42, struct.unpack_from("<L", out, at + 42)[0] + len(by))
        at = out.find(b"PK\1\2", at + 4)
    end = len(out) - END.size
    struct.pack_into("<L", out, end + 16, struct.unpack_from("<L", out, end + 16)[0] + len(by))
    return bytes(out)


def between(raw: bytearray) -> bytes:
    """A stowaway between the last member and the directory."""
    at, end = first_entry(raw), len(raw) - END.size
    struct.pack_into("<L", raw, end + 16, at + 4)
    return bytes(raw[:at] + b"evil" + raw[at:])


def commented(raw: bytearray) -> bytes:
    struct.pack_into("<H", raw, len(raw) - 2, 5)
    return bytes(raw) + b"hello"


def put(place: int, form: str, value: int) -> object:
    def change(raw: bytearray) -> bytes:
        struct.pack_into(form, raw, first_entry(raw) + place, value)
        return bytes(raw)

    return change


def at_end(place: int, form: str, value: int) -> object:
    def change(raw: bytearray) -> bytes:
        struct.pack_into(form, raw, len(raw) - END.size + place, value)
        return bytes(raw)

    return change


def other_name(raw: bytearray) -> bytes:
    """The member's own header says another name than the directory."""
    at = raw.find(b"CARD.md#")
    raw[at : at + 7] = b"EVIL.md"
    return bytes(raw)


HOSTILE = {
    "a NUL in a name": (with_nul, "has a NUL in its name"),
    "something in front": (lambda raw: shifted(raw, b"#!/bin/sh\n"), "does not begin where the one before it ends"),
    "something in front, not mended": (lambda raw: b"x" + bytes(raw), "something stands before, between or after"),
    "something behind": (lambda raw: bytes(raw) + b"x", "does not end like one"),
    "a second zip behind": (lambda raw: bytes(raw) * 2, "something stands before, between or after"),
    "a comment": (commented, "does not end like one"),
    "a comment that is not there": (at_end(20, "<H", 5), "is only a part of one"),
    "something between": (between, "between its members and its directory"),
    "another disk": (at_end(4, "<H", 1), "is only a part of one"),
    "more members than there are": (at_end(10, "<H", 200), "is only a part of one"),
    "a directory elsewhere": (at_end(16, "<L", 0xFFFFFFFF), "is only a part of one"),
    "a size of four gigabytes": (put(20, "<L", 0xFFFFFFFF), "says it has 4 GiB or more"),
    "encryption": (put(8, "<H", 1), "is encrypted"),
    "a stream": (put(8, "<H", 8), "was written as a stream"),
    "strange flags": (put(8, "<H", 0x40), "has flags that a bundle does not use"),
    "a folder by its attributes": (put(38, "<L", 0x10), "is not a plain file"),
    "a link by its attributes": (put(38, "<L", (0o120777 << 16)), "is not a plain file"),
    "a device by its attributes": (put(38, "<L", (0o020666 << 16)), "is not a plain file"),
    "a compressed member": (put(10, "<H", 8), "is compressed"),
    "a name that leads on": (put(28, "<H", 60000), "breaks off|has a name of|NUL|no plain path"),
    "a long extra": (put(30, "<H", 60000), "more beside its name"),
    "a member comment": (put(32, "<H", 9), "more beside its name"),
    "a version that nobody reads": (put(6, "<H", 64), "only a newer program can read it"),
    "another name inside": (other_name, "is another in its own header"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_zip_with_is_refused(tmp_path: Path, case: str) -> None:
    change, message = HOSTILE[case]
    with pytest.raises(BundleError, match=message) as refused:
        read_bundle(spoilt(tmp_path, change))
    assert str(refused.value).isprintable()


def test_a_name_with_a_nul_cannot_be_hidden_from_the_standard_librarys_view(tmp_path: Path) -> None:
    """Which cuts the name at the NUL: this is why the reader is our own."""
    path = spoilt(tmp_path, with_nul)
    with zipfile.ZipFile(path) as archive:
        assert "CARD" in archive.namelist()


def test_a_directory_of_a_million_entries_is_not_even_read(tmp_path: Path) -> None:
    entry = CENTRAL.pack(b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    path = tmp_path / "many.vdb"
    directory = entry * 1_000_000
    path.write_bytes(directory + END.pack(b"PK\5\6", 0, 0, 65535, 65535, len(directory), 0, 0))
    with at_most_mib(20), pytest.raises(BundleError, match="has 65535 members, at most 256"):
        read_bundle(path)
    path.write_bytes(directory + END.pack(b"PK\5\6", 0, 0, 3, 3, len(directory), 0, 0))
    with at_most_mib(20), pytest.raises(BundleError, match="directory is longer than its members need"):
        read_bundle(path)


def test_a_file_larger_than_any_bundle_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "endless.vdb"
    with path.open("wb") as file:
        file.truncate(MAX_BUNDLE_BYTES + 64 * MIB)
    with at_most_mib(20), pytest.raises(BundleError, match="at most 536870912 are allowed"):
        read_bundle(path)


def test_a_large_bundle_is_checked_in_the_memory_of_a_small_one(tmp_path: Path) -> None:
    written = white_box_bundle(tmp_path / "large.vdb", files={"large.bin": bytes(60 * MIB)})
    with at_most_mib(20):
        assert read_bundle(tmp_path / "large.vdb").digest == written.digest


@pytest.mark.parametrize("kind", ["pipe", "folder of nothing", "not there"])
def test_what_is_no_plain_file_is_refused_and_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "b.vdb"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder of nothing":
        path.mkdir()
    with pytest.raises(BundleError):
        read_bundle(path)
    with pytest.raises(BundleError):
        ZipMembers(path)


@pytest.mark.skipif(shutil.which("zip") is None, reason="zip is not installed")
def test_what_the_zip_program_stores_is_read(tmp_path: Path) -> None:
    """It writes times and owners beside each name."""
    folder = white_box_bundle(tmp_path / "b", files={"golden/a.png": b"p" * 300}).path
    done = subprocess.run(["zip", "-0", "-r", "-D", "../b.vdb", "."], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert read_bundle(tmp_path / "b.vdb").digest == read_bundle(folder).digest


def test_members_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = white_box_bundle(tmp_path / "b.vdb", files={"golden/a.png": b"p"}).path
    assert ZipMembers(path).names == (MANIFEST, "CARD.md", "golden/a.png", "model.onnx")
