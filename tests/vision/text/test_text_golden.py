"""Golden text: a bundle whose lines read otherwise is refused, in the process that tries it too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contracts.errors import BundleError
from tests.vision.bundles import png
from tests.vision.text.models import bright_bundle, fetched, map_bundle
from vision.bundle import StoredBundle
from vision.bundle_write import write_bundle
from vision.text.golden import check_text, golden_text
from vision.text.recognise import open_recogniser
from vision.tryout import try_bundle


def line() -> bytes:
    picture = np.zeros((48, 320, 3), np.uint8)
    picture[:, 80:160] = 85
    return png(picture)


def with_golden(
    path: Path, said: str = "a", confidence: float | None = None, picture: bytes | None = None, **fields: object
) -> StoredBundle:
    plain = bright_bundle(path.with_suffix(".plain"))
    expected = golden_text(open_recogniser(plain), line(), "golden/a.png")
    assert expected.text == "a"
    much = expected.confidence if confidence is None else confidence
    described = plain.manifest.model_dump(exclude={"model", "files", "chunks"})
    described |= {"golden_text": [{"image": "golden/a.png", "text": said, "confidence": much}], **fields}
    files = {"model.onnx": plain.model(), "charset.txt": plain.read("charset.txt"), "golden/a.png": picture or line()}
    return write_bundle(path, described, files)


def test_a_bundle_that_reads_what_it_should_is_taken(tmp_path: Path) -> None:
    stored = with_golden(tmp_path / "b.vdb")
    check_text(open_recogniser(stored), stored)
    try_bundle(stored, golden=True)


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({"said": "b"}, "reads 'a', expected 'b'"),
        ({"confidence": 0.1}, "expected 0.100 within 0.01"),
        ({"picture": b"no picture"}, "golden golden/a.png: not a picture"),
        ({"golden_tolerance": {"tensorrt": 0.1}}, "states no golden_tolerance for engine onnx"),
    ],
)
def test_one_that_does_not_is_refused(spoilt: dict[str, object], said: str, tmp_path: Path) -> None:
    stored = with_golden(tmp_path / "b", **spoilt)  # type: ignore[arg-type]  # a table of keywords
    with pytest.raises(BundleError, match=said):
        check_text(open_recogniser(stored), stored)


def test_the_process_that_tries_a_bundle_says_why_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="expected 'b'; keep the old model"):
        try_bundle(with_golden(tmp_path / "b", said="b"), golden=True)
    try_bundle(map_bundle(tmp_path / "m"), golden=True)


def test_golden_lines_must_be_among_the_files(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="golden images not among files"):
        bright_bundle(tmp_path / "b", golden_text=[{"image": "x.png", "text": "a", "confidence": 1}])


@pytest.mark.reading
@pytest.mark.parametrize("name", ["text-read", "text-find"])
def test_the_fetched_bundles_answer_their_golden_pictures(name: str) -> None:
    stored = fetched(name)
    assert stored.manifest.golden or stored.manifest.golden_text
    try_bundle(stored, golden=True)
