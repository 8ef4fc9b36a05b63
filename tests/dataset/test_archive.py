"""Archives: a zip gives its folder, a hostile one gives an error, and nothing lands anywhere else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from contracts.errors import ProtocolError
from dataset.archive import unpacked


def zipped(path: Path, members: dict[str, bytes], mode: int = 0o100644) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def test_a_folder_in_a_zip_is_given_and_gone_afterwards(tmp_path: Path) -> None:
    with unpacked(zipped(tmp_path / "a.zip", {"set/data.yaml": b"x", "set/images/a.png": b"y"})) as folder:
        assert (folder / "images/a.png").read_bytes() == b"y"
    assert not folder.exists()


def test_what_is_no_zip_is_given_as_it_is(tmp_path: Path) -> None:
    with unpacked(tmp_path) as folder:
        assert folder == tmp_path


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "a\\..\\evil", "x\x01"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProtocolError, match="file name"), unpacked(zipped(tmp_path / "a.zip", {name: b"x"})):
        pass
    assert not list(tmp_path.parent.glob("evil"))


def test_links_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="link"), unpacked(zipped(tmp_path / "a.zip", {"a": b"/etc/passwd"}, mode=0o120777)):
        pass


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="bomb"), unpacked(zipped(tmp_path / "a.zip", {"a": bytes(70 << 20)})):
        pass


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"x" * 1000])
def test_damaged_zips_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ProtocolError, match=r"a\.zip"), unpacked(tmp_path / "a.zip"):
        pass


def test_a_member_that_is_larger_than_it_says_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a": b"x" * 5000})
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ProtocolError, match=r"a\.zip"), unpacked(path):
        pass


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_whose_bytes_were_damaged_is_named_whatever_packed_it(tmp_path: Path, method: int) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.json", bytes(range(256)) * 8)
    data = bytearray(path.read_bytes())
    for at in range(60, 110):
        data[at] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ProtocolError, match=r"set\.zip: is damaged.*pack it again"), unpacked(path):
        pass
