import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ProtocolError, StorageError
from contracts.files import file_name, inside, make_folders, refuse_links, rename_durably, write_durably


def test_a_file_is_written_with_its_folders_and_nothing_beside_it(tmp_path: Path) -> None:
    write_durably(tmp_path / "a" / "b" / "c.json", b"1")
    write_durably(tmp_path / "a" / "b" / "c.json", b"22")
    assert (tmp_path / "a/b/c.json").read_bytes() == b"22"
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["c.json"]


def test_a_temp_left_by_a_cut_does_not_block_the_next_write(tmp_path: Path) -> None:
    (tmp_path / ".c.json.tmp").write_bytes(b"half of a longer")
    write_durably(tmp_path / "c.json", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["c.json"]
    assert (tmp_path / "c.json").read_bytes() == b"whole"


def test_a_link_planted_as_the_temp_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / ".c.json.tmp").symlink_to(tmp_path / "precious")
    (tmp_path / "data" / "c.json").symlink_to(tmp_path / "precious")
    write_durably(tmp_path / "data" / "c.json", b"whole")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / "data" / "c.json").read_bytes() == b"whole" and not (tmp_path / "data" / "c.json").is_symlink()


def test_a_private_file_is_private_whatever_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_durably(tmp_path / "c.json", b"1", 0o640)
    finally:
        os.umask(before)
    assert (tmp_path / "c.json").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("link", ["clips", "clips/yard", "clips/yard/x.mp4"])
def test_a_link_anywhere_on_the_way_is_refused_by_name_but_the_root_may_be_one(tmp_path: Path, link: str) -> None:
    (tmp_path / "root").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / link).parent.mkdir(parents=True)
    refuse_links(tmp_path / "root", tmp_path / "root" / "clips" / "yard" / "x.mp4")
    (tmp_path / "disk" / link).symlink_to(tmp_path)
    with pytest.raises(StorageError, match=f"root/{link}: a symbolic link, and none is followed; remove it"):
        refuse_links(tmp_path / "root", tmp_path / "root" / "clips" / "yard" / "x.mp4")


def test_a_disk_that_fails_cannot_even_say_what_is_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(_: Path) -> bool:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "is_symlink", dead)
    with pytest.raises(StorageError, match="clips: the disk has a fault"):
        refuse_links(tmp_path, tmp_path / "clips" / "yard")


def test_the_bytes_are_synced_before_the_name_and_the_name_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (steps.append(Path(f"/proc/self/fd/{fd}").readlink().name), fsync(fd))[1])
    monkeypatch.setattr(Path, "replace", lambda self, new: (steps.append("rename"), replace(self, new))[1])
    write_durably(tmp_path / "c.json", b"1")
    assert steps == [".c.json.tmp", "rename", tmp_path.name]


def test_a_refused_write_keeps_what_was_there_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"file/c\.json: "):
        write_durably(tmp_path / "file" / "c.json", b"1")


def test_a_rename_makes_the_folder_it_goes_to(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"1")
    rename_durably(tmp_path / "old", tmp_path / "x" / "new")
    assert (tmp_path / "x/new").read_bytes() == b"1"
    assert not (tmp_path / "old").exists()


def test_folders_may_be_there_already(tmp_path: Path) -> None:
    make_folders(tmp_path / "a")
    make_folders(tmp_path / "a" / "b")
    assert (tmp_path / "a/b").is_dir()


@given(st.text(max_size=300))
def test_any_text_is_one_harmless_name(text: str) -> None:
    name = file_name(text)
    assert name not in {"", ".", ".."} and not set(name) & set("/\\\0*?[]")
    assert not name.startswith(".") and 0 < len(name.encode()) <= 120


@given(st.text(max_size=120), st.text(max_size=120))
def test_different_texts_have_different_names(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)


def test_plain_names_stay_as_they_are() -> None:
    assert [file_name(name) for name in ("left", "cam-07", "Hof 2", "a.b")] == ["left", "cam-07", "Hof 2", "a.b"]


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "", "a\0b", "..", "a\\..\\b", "link/x"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path)
    with pytest.raises(ProtocolError):
        inside(tmp_path / "root", path)


def test_a_path_below_the_folder_is_taken(tmp_path: Path) -> None:
    assert inside(tmp_path, "clips/left/x.mp4") == tmp_path / "clips/left/x.mp4"
