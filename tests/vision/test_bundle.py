"""Bundles: written whole, read back, and refused when anything about them is not as stated."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.bundle import MANIFEST
from contracts.errors import BundleError, StorageError
from tests.vision.bundles import FIELDS, white_box_bundle
from tests.vision.models import white_box
from vision.bundle import digest_of, read_bundle
from vision.bundle_write import write_bundle

FORMS = ["white-box", "white-box.vdb"]


@pytest.mark.parametrize("form", FORMS)
def test_what_was_written_is_read_back(tmp_path: Path, form: str) -> None:
    written = white_box_bundle(tmp_path / form, files={"golden/a.png": b"picture"})
    bundle = read_bundle(tmp_path / form)
    assert bundle.digest == written.digest
    assert bundle.model() == white_box()
    assert bundle.read("CARD.md") == b"# White box\n" and bundle.read("golden/a.png") == b"picture"
    assert bundle.manifest.labels == ["box"] and bundle.manifest.input.size == (64, 96)
    assert bundle.manifest.chunks == [hashlib.sha256(white_box()).hexdigest()]


def test_folder_and_zip_of_the_same_contents_are_the_same_bundle(tmp_path: Path) -> None:
    folder, archive = (white_box_bundle(tmp_path / form) for form in FORMS)
    assert folder.digest == archive.digest == digest_of((tmp_path / "white-box" / MANIFEST).read_bytes())
    again = white_box_bundle(tmp_path / "again.vdb")
    assert again.path.read_bytes() == archive.path.read_bytes()


def test_a_large_model_is_hashed_by_the_mebibyte(tmp_path: Path) -> None:
    model = os.urandom((2 << 20) + 5)
    bundle = write_bundle(tmp_path / "large", FIELDS, {"model.onnx": model})
    parts = [model[: 1 << 20], model[1 << 20 : 2 << 20], model[2 << 20 :]]
    assert bundle.manifest.chunks == [hashlib.sha256(part).hexdigest() for part in parts]


def test_files_may_be_given_as_paths(tmp_path: Path) -> None:
    (tmp_path / "trained.onnx").write_bytes(white_box())
    bundle = write_bundle(tmp_path / "out" / "deep" / "b.vdb", FIELDS, {"model.onnx": tmp_path / "trained.onnx"})
    assert bundle.model() == white_box()


@pytest.mark.parametrize("form", FORMS)
def test_a_new_bundle_takes_the_place_of_the_old(tmp_path: Path, form: str) -> None:
    first = white_box_bundle(tmp_path / form, files={"old.txt": b"old"})
    second = white_box_bundle(tmp_path / form, version="1.0.1")
    assert read_bundle(tmp_path / form).digest == second.digest != first.digest
    assert [path.name for path in tmp_path.iterdir()] == [form]


@pytest.mark.parametrize("form", FORMS)
def test_a_refused_bundle_leaves_the_old_one_and_nothing_else(tmp_path: Path, form: str) -> None:
    good = white_box_bundle(tmp_path / form)
    with pytest.raises(BundleError, match="labels"):
        white_box_bundle(tmp_path / form, labels=[])
    assert read_bundle(tmp_path / form).digest == good.digest
    assert [path.name for path in tmp_path.iterdir()] == [form]


@pytest.mark.parametrize("form", FORMS)
def test_a_bundle_that_no_box_would_read_never_takes_the_place_of_the_old(tmp_path: Path, form: str) -> None:
    good = white_box_bundle(tmp_path / form)
    with pytest.raises(BundleError, match="262144"):
        white_box_bundle(tmp_path / form, labels=[f"label {number}" for number in range(30_000)])
    assert read_bundle(tmp_path / form).digest == good.digest


def test_a_bundle_without_its_model_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"model\.onnx is not among the files given: CARD\.md"):
        write_bundle(tmp_path / "b", FIELDS, {"CARD.md": b"x"})


def test_a_place_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        white_box_bundle(tmp_path / "file" / "b.vdb")


SPOILT: dict[str, tuple[dict[str, Any], str]] = {
    "a path that leaves": ({"files": [{"path": "../x", "size": 1, "sha256": "0" * 64}]}, r"files\.0\.path"),
    "an absolute path": ({"files": [{"path": "/etc/passwd", "size": 1, "sha256": "0" * 64}]}, r"files\.0\.path"),
    "a path twice": ({"files": [{"path": "CARD.md", "size": 1, "sha256": "0" * 64}] * 2}, "listed twice"),
    "itself": ({"files": [{"path": MANIFEST, "size": 1, "sha256": "0" * 64}]}, "bundle.json itself"),
    "another format": ({"format": 2}, "format"),
    "no labels": ({"labels": []}, "labels"),
    "a label twice": ({"labels": ["a", "a"]}, "label is listed twice"),
    "a hash that is none": ({"model": {"path": "model.onnx", "size": 1, "sha256": "abc"}}, r"model\.sha256"),
    "a name with a slash": ({"name": "a/b"}, "name"),
    "a class it does not have": ({"class_confidence": {"cat": 0.5}}, "not labels: .*cat"),
    "a golden image it does not have": ({"golden": [{"image": "a.png", "boxes": []}]}, "golden images not among files"),
    "a huge input": ({"input": {"name": "i", "size": [100000, 100000]}}, r"input\.size"),
    "a division by nothing": ({"input": {"name": "i", "size": [32, 32], "std": [1, 0, 1]}}, r"input\.std"),
    "more bytes than allowed": ({"files": [{"path": "x", "size": 1 << 40, "sha256": "0" * 64}]}, "at most 536870912 are allowed"),
    "a missing file": ({"files": [{"path": "x", "size": 1, "sha256": "0" * 64}]}, "x"),
}


def respell(form: str, path: Path, change: Callable[[dict[str, Any]], bytes]) -> None:
    """The same bundle with another manifest, as someone with bad intent would write it."""
    if form == "white-box":
        file = path / MANIFEST
        file.write_bytes(change(json.loads(file.read_bytes())))
        return
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents[MANIFEST] = change(json.loads(contents[MANIFEST]))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", SPOILT)
def test_a_manifest_is_refused_with(tmp_path: Path, form: str, case: str) -> None:
    fields, message = SPOILT[case]
    white_box_bundle(tmp_path / form)
    respell(form, tmp_path / form, lambda manifest: json.dumps({**manifest, **fields}).encode())
    with pytest.raises(BundleError, match=message) as caught:
        read_bundle(tmp_path / form)
    assert str(tmp_path / form) in str(caught.value) and ";" in str(caught.value)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b'{"format": 1}', b" " * (300 << 10), b"[" * 5000])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, form: str, raw: bytes) -> None:
    white_box_bundle(tmp_path / form)
    respell(form, tmp_path / form, lambda _: raw)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        read_bundle(tmp_path / form)


def test_keys_of_a_later_version_are_ignored(tmp_path: Path) -> None:
    white_box_bundle(tmp_path / "white-box")
    respell("white-box", tmp_path / "white-box", lambda manifest: json.dumps({**manifest, "later": True}).encode())
    assert read_bundle(tmp_path / "white-box").manifest.name == "white-box"


def test_a_file_changed_after_it_was_written_is_refused(tmp_path: Path) -> None:
    bundle = white_box_bundle(tmp_path / "b")
    model = tmp_path / "b" / "model.onnx"
    spoilt = bytearray(model.read_bytes())
    spoilt[10] ^= 1
    model.write_bytes(spoilt)
    with pytest.raises(BundleError, match=r"model\.onnx has SHA-256 .*, bundle\.json says"):
        read_bundle(tmp_path / "b")
    with pytest.raises(BundleError, match="has SHA-256"):
        bundle.model()  # read earlier, used now: checked again


def test_a_file_of_another_length_is_refused(tmp_path: Path) -> None:
    white_box_bundle(tmp_path / "b")
    (tmp_path / "b" / "CARD.md").write_bytes(b"")
    with pytest.raises(BundleError, match=r"CARD\.md has 0 bytes, bundle\.json says 12"):
        read_bundle(tmp_path / "b")


def test_a_symbolic_link_in_a_folder_is_refused(tmp_path: Path) -> None:
    white_box_bundle(tmp_path / "b", files={"golden/a.png": b"x"})
    (tmp_path / "b" / "golden").rename(tmp_path / "elsewhere")
    (tmp_path / "b" / "golden").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match=r"golden/a\.png is reached by a symbolic link"):
        read_bundle(tmp_path / "b")


def test_a_link_to_the_folder_is_how_the_current_model_is_named(tmp_path: Path) -> None:
    bundle = white_box_bundle(tmp_path / "b")
    (tmp_path / "current").symlink_to("b")
    assert read_bundle(tmp_path / "current").digest == bundle.digest


def test_a_pipe_in_place_of_a_file_does_not_hang(tmp_path: Path) -> None:
    white_box_bundle(tmp_path / "b")
    (tmp_path / "b" / "CARD.md").unlink()
    os.mkfifo(tmp_path / "b" / "CARD.md")
    with pytest.raises(BundleError, match=r"CARD\.md is not a plain file"):
        read_bundle(tmp_path / "b")


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not there; give a folder"):
        read_bundle(tmp_path / "none.vdb")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match=r"bundle\.json: No such file"):
        read_bundle(tmp_path / "empty")


def test_only_listed_files_can_be_read(tmp_path: Path) -> None:
    bundle = white_box_bundle(tmp_path / "b")
    (tmp_path / "b" / "notes.txt").write_text("a note beside the bundle")
    assert read_bundle(tmp_path / "b").digest == bundle.digest
    with pytest.raises(BundleError, match=r"notes\.txt is not listed"):
        bundle.read("notes.txt")
