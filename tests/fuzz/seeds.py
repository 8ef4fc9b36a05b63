"""What fuzzing begins with: small, and made by our own tools."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from contracts.wire import utc_text
from tests.device.update.bad_models import blind, looping
from tests.device.update.box import bundle
from tests.fuzz.trusting import DIGEST, GOOD, NOW, PAYLOAD, ROLES, assigned
from tests.trainer.ingest.boxes import envelope
from tests.vision.models import times_two, white_box

REPORT = {
    "state": "downloading", "code": "E_FETCH", "words": "a word", "model": DIGEST, "name": "white-box", "version": "2.0.0", "rollout": "r1",
    "seq": 7, "percent": 12.5, "bytes": 100, "left_s": 3.0, "at": utc_text(NOW), "current": DIGEST, "head": "0" * 64,
}  # fmt: skip
ASK = {"v": 1, "id": "00000000000000aa", "path": "metadata/timestamp.json", "offset": 0, "size": 1000}
WORDS = (
    "signed", "signatures", "keyid", "sig", "_type", "spec_version", "version", "expires", "meta", "targets.json", "hashes", "sha256",
    "length", "custom", "release", "roles", "keys", "keyids", "threshold", "keyval", "public", "payload", "sigs", "device", "cohort", "seq",
    "model", "mode", "config", "not_before", "format", "labels", "input", "head", "files", "chunks", "golden", "path", "size", "data",
)  # fmt: skip
BITS = (
    '{"', '":', '":"', '",', "null", "true", "[[", "]]", "1e999", "-1", "9007199254740993",
    "\\u0000", "\\ud800", "PK\\x01\\x02", "PK\\x05\\x06",
)  # fmt: skip


def bundle_files() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        stored = bundle(Path(folder) / "seed.vdb")
        manifest = stored.members.read("bundle.json", 1 << 20)
        small = json.loads(manifest)
        small |= {"files": [], "golden": [], "model": {**small["model"], "size": 5}}
        return [b"\0" + stored.path.read_bytes(), b"\xff" + manifest, b"\xff" + json.dumps(small).encode()]


def seeds() -> Mapping[str, list[bytes]]:
    roles = [(number, GOOD["next root" if role == "root" else role]) for number, role in enumerate(ROLES)]
    return {
        "assignment": [b"\0" + assigned(PAYLOAD), b"\xff" + PAYLOAD.encode()],
        "metadata": [bytes([number | more]) + data for number, data in roles for more in (0, 4, 12)],
        "network": [white_box(), white_box(64, "w"), times_two(), blind(), looping(3)],
        "bundle": bundle_files(),
        "messages": [envelope("yard-1", None, data, kind, boot="b") for data, kind in ((REPORT, "update"), (ASK, "chunk"))],
    }


def dictionary() -> str:
    """In the form that libFuzzer reads."""
    words = [f'"{word}"' for word in WORDS] + ['"' + bit.replace("\\u", "\\\\u").replace('"', '\\"') + '"' for bit in BITS]
    return "\n".join(words) + "\n"
