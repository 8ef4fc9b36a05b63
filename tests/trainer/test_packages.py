"""Packages: hashes decide, tools that are missing or fail are named."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.errors import BundleError, ConfigError
from trainer import ssd_oid
from trainer.packages import Package, fetch, matches

THING = Package("npm", "@some/thing@1.0.0", None, "MIT", "a thing")


def sha512(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def tool(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_file_that_is_there_and_whole_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (tmp_path / "some-thing-1.0.0.tgz").write_bytes(b"whole")
    package = replace(THING, digest=sha512(b"whole"))
    assert fetch(package, tmp_path).read_bytes() == b"whole"
    with pytest.raises(ConfigError, match="npm is not on this machine; install it or put the file into"):
        fetch(replace(THING, digest=sha512(b"other")), tmp_path)


def test_a_tool_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path, "npm", "echo 'npm error network unreachable' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(ConfigError, match="npm could not fetch it: npm error network unreachable; connect this machine"):
        fetch(THING, tmp_path / "packages")


def test_another_file_than_the_known_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path, "npm", "echo forged > some-thing-1.0.0.tgz")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(ConfigError, match="is not the file we know"):
        fetch(replace(THING, digest=sha512(b"whole")), tmp_path / "packages")


def test_the_folder_may_be_named_from_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path, "npm", 'printf whole > "$4/some-thing-1.0.0.tgz"')  # npm pack <name> --pack-destination <folder>
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.chdir(tmp_path)
    assert fetch(replace(THING, digest=sha512(b"whole")), Path("packages")) == tmp_path / "packages" / "some-thing-1.0.0.tgz"


def test_both_kinds_of_hash_are_known(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    assert matches(tmp_path / "x", sha512(b"x"))
    assert matches(tmp_path / "x", "sha256:" + hashlib.sha256(b"x").hexdigest())
    assert not matches(tmp_path / "x", "sha256:" + hashlib.sha256(b"y").hexdigest())
    assert matches(tmp_path / "x", None)


def archive(assets: bytes, loader: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in ((ssd_oid.ASSETS, assets), (ssd_oid.LOADER, loader.encode())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_the_detector_is_cut_out_by_the_table_beside_it() -> None:
    files = [{"filename": "/" + ssd_oid.LABELS, "start": 0, "end": 5}, {"filename": "/deep/" + ssd_oid.MODEL, "start": 5, "end": 10}]
    parts = ssd_oid.unpack(archive(b"labelmodel"[:5] + b"model", f'x({{"files": {json.dumps(files)}, "size": 10}});'))
    assert parts == {ssd_oid.LABELS: b"label", ssd_oid.MODEL: b"model"}


@pytest.mark.parametrize("package", [b"", b"rubbish", archive(b"", "no table"), archive(b"abc", '"files": [{"filename": 7}]')])
def test_a_package_laid_out_otherwise_is_refused(package: bytes) -> None:
    with pytest.raises(BundleError, match="not laid out as we know it"):
        ssd_oid.unpack(package)
