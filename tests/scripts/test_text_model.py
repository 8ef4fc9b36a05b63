"""scripts/text_model.py: models out of a package, every byte checked, made into bundles that are the same everywhere."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts import text_model
from tests.vision.text.models import fetched

ROOT = Path(__file__).resolve().parents[2]


def wheel(path: Path, **spoilt: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in text_model.MEMBERS:
            archive.writestr(name, spoilt.get(Path(name).stem, name.encode()))
    return path


def known(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this were the wheel the script knows."""
    monkeypatch.setattr(text_model, "WHEEL_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())


def test_another_wheel_of_that_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(text_model.Unavailable, match="not the file we know"):
        text_model.members(wheel(tmp_path / text_model.WHEEL))


def test_a_wheel_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    none = tmp_path / text_model.WHEEL
    none.write_bytes(b"no zip")
    known(none, monkeypatch)
    with pytest.raises(text_model.Unavailable, match=r"fetch rapidocr==.* again"):
        text_model.members(none)
    with pytest.raises(text_model.Unavailable, match=r"fetch rapidocr==.* again"):
        text_model.members(tmp_path / "not there")


def test_another_model_in_the_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = wheel(tmp_path / text_model.WHEEL)
    known(made, monkeypatch)
    with pytest.raises(text_model.Unavailable, match=r"rec_small\.onnx is not the file we know"):
        text_model.members(made)


def test_what_is_known_is_taken_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = wheel(tmp_path / text_model.WHEEL)
    known(made, monkeypatch)
    monkeypatch.setattr(text_model, "MEMBERS", {name: hashlib.sha256(name.encode()).hexdigest() for name in text_model.MEMBERS})
    assert text_model.members(made) == {name: name.encode() for name in text_model.MEMBERS}


def test_without_a_network_the_script_says_what_would_help(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/text_model.py"), "--folder", str(tmp_path / "models")]
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INPUT": "1"}
    where = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **nowhere}
    done = subprocess.run(command, env=where, capture_output=True, text=True, check=False)
    assert done.returncode == text_model.NO_MODEL, done.stderr
    assert "--wheel" in done.stderr
    assert not (tmp_path / "models").exists()


@pytest.mark.reading
def test_the_bundles_are_those_that_every_machine_makes() -> None:
    for name, digest in text_model.DIGESTS.items():
        stored = fetched(name)
        assert stored.digest == digest
        assert stored.manifest.license == "Apache-2.0"
        assert b"Apache License" in stored.read("LICENSE")
        assert b"Baidu" in stored.read("CARD.md")
    assert text_model.made(ROOT / ".cache" / "models")
