"""Who made a bundle: signatures that hold, and everything that only looks like one refused by its name."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")
pytest.importorskip("cryptography")
pytest.importorskip("sqlalchemy")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.dsse import MAX_ENVELOPE_BYTES, PAYLOAD_TYPE, PublicKey, signed_bytes
from contracts.errors import BundleError, ConfigError
from tests.trainer.registry.works import ROOT
from tests.vision.bundles import white_box_bundle
from trainer.home import Home
from trainer.registry.keys import SigningKey, key_path, make_key, open_key
from trainer.registry.signing import envelope_path, sign_bundle, signers
from vision.bundle import StoredBundle, read_bundle

WORDS = "correct horse battery"
ADA, BOB, EVE = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3))
TRUSTED = {key.public.keyid: key.public for key in (ADA, BOB)}


@pytest.fixture
def bundle(tmp_path: Path) -> StoredBundle:
    return white_box_bundle(tmp_path / "b.vdb", dataset=ROOT)


def test_a_signature_says_who_made_exactly_this_file(bundle: StoredBundle, tmp_path: Path) -> None:
    path = sign_bundle(bundle, ADA)
    assert path == tmp_path / "b.dsse.json" == envelope_path(bundle.path)
    assert signers(bundle, TRUSTED) == [ADA.public.keyid]
    said = json.loads(base64.b64decode(json.loads(path.read_text())["payload"]))
    assert (said["digest"], said["name"], said["version"], said["root"]) == (bundle.digest, "white-box", "1.0.0", ROOT)


def test_a_bundle_without_an_envelope_is_signed_by_nobody(bundle: StoredBundle) -> None:
    assert signers(bundle, TRUSTED) == []


def test_the_same_key_gives_the_same_bytes_and_another_stands_beside_it(bundle: StoredBundle) -> None:
    first = sign_bundle(bundle, ADA).read_bytes()
    assert sign_bundle(bundle, ADA).read_bytes() == first
    sign_bundle(bundle, BOB)
    assert signers(bundle, TRUSTED) == sorted([ADA.public.keyid, BOB.public.keyid])
    assert signers(bundle, {BOB.public.keyid: BOB.public}) == [BOB.public.keyid]


def test_a_key_from_its_file_signs(bundle: StoredBundle, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    public = make_key(home, "ada", WORDS)
    sign_bundle(bundle, open_key(key_path(home, "ada"), WORDS))
    assert signers(bundle, {public.keyid: public}) == [public.keyid]


def test_what_is_signed_is_as_the_standard_has_it() -> None:
    """The vector of DSSE's protocol.md."""
    assert signed_bytes("http://example.com/HelloWorld", b"hello world") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_another_implementation_verifies_it(bundle: StoredBundle, tmp_path: Path) -> None:
    """OpenSSL, of the very bytes."""
    import subprocess

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    said = json.loads(sign_bundle(bundle, ADA).read_text())
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(ADA.public.keyval.public))
    (tmp_path / "ada.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "sig").write_bytes(base64.b64decode(said["signatures"][0]["sig"]))
    (tmp_path / "message").write_bytes(signed_bytes(PAYLOAD_TYPE, base64.b64decode(said["payload"])))
    words = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "ada.pem", "-rawin", "-in", "message", "-sigfile", "sig"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def signed_by(key: SigningKey, change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], None]:
    """A statement that was changed and signed anew by somebody known."""

    def forge(envelope: dict[str, Any]) -> None:
        said = json.loads(base64.b64decode(envelope["payload"]))
        change(said)
        body = json.dumps(said).encode()
        signature = base64.b64encode(key.sign(signed_bytes(PAYLOAD_TYPE, body))).decode()
        envelope.update(payload=base64.b64encode(body).decode(), signatures=[{"keyid": key.public.keyid, "sig": signature}])

    return forge


def flip(envelope: dict[str, Any]) -> None:
    raw = bytearray(base64.b64decode(envelope["signatures"][0]["sig"]))
    raw[5] ^= 1
    envelope["signatures"][0]["sig"] = base64.b64encode(bytes(raw)).decode()


def unsigned_change(envelope: dict[str, Any]) -> None:
    said = json.loads(base64.b64decode(envelope["payload"]))
    envelope["payload"] = base64.b64encode(json.dumps({**said, "version": "9.0.0"}).encode()).decode()


HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "an unknown signer": (signed_by(EVE, lambda said: None), "unknown signer"),
    "a known name on a stranger's signature": (
        lambda e: (signed_by(EVE, lambda said: None)(e), e["signatures"][0].update(keyid=ADA.public.keyid)), "the signature of .* is wrong",
    ),
    "a bit of the signature changed": (flip, "the signature of .* is wrong"),
    "a signature of no length": (lambda e: e["signatures"][0].update(sig=""), "the signature of .* is wrong"),
    "a statement changed after it was signed": (unsigned_change, "the signature of .* is wrong"),
    "another digest": (signed_by(ADA, lambda s: s.update(digest="sha256:" + "0" * 64)), "of another bundle: its digest"),
    "another file": (signed_by(ADA, lambda s: s.update(file="0" * 64)), "of another bundle: its file"),
    "another version": (signed_by(ADA, lambda s: s.update(version="9.0.0")), "of another bundle: its version"),
    "another name": (signed_by(ADA, lambda s: s.update(name="other")), "of another bundle: its name"),
    "another data set": (signed_by(ADA, lambda s: s.update(root=None)), "of another bundle: its root"),
    "a draft that says it is none": (signed_by(ADA, lambda s: s.update(draft=True)), "of another bundle: its draft"),
    "a statement about something else": (signed_by(ADA, lambda s: s.update(kind="vedette-assignment")), "no statement about a bundle"),
    "another type of payload": (lambda e: e.update(payloadType="application/json"), "about something else"),
    "no signatures": (lambda e: e.update(signatures=[]), "is no envelope"),
    "a thousand signatures": (lambda e: e.update(signatures=e["signatures"] * 1000), "is no envelope|more than"),
    "a payload that is no base64": (lambda e: e.update(payload="%%%"), "is no envelope"),
    "an id that is none": (lambda e: e["signatures"][0].update(keyid="../x"), "is no envelope"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_an_envelope_with_is_refused(bundle: StoredBundle, case: str) -> None:
    change, message = HOSTILE[case]
    path = sign_bundle(bundle, ADA)
    envelope = json.loads(path.read_text())
    change(envelope)
    path.write_text(json.dumps(envelope))
    with pytest.raises(BundleError, match=message) as refused:
        signers(bundle, TRUSTED)
    assert str(refused.value).isprintable() and "until you know who made it" in str(refused.value)


def test_an_envelope_that_is_too_long_a_link_or_a_folder_is_refused(bundle: StoredBundle, tmp_path: Path) -> None:
    path = sign_bundle(bundle, ADA)
    raw = path.read_bytes()
    path.write_bytes(raw + b" " * MAX_ENVELOPE_BYTES)
    with pytest.raises(BundleError, match="more than 65536 bytes"):
        signers(bundle, TRUSTED)
    path.unlink()
    (tmp_path / "elsewhere").write_bytes(raw)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="cannot be read"):
        signers(bundle, TRUSTED)
    path.unlink()
    path.mkdir()
    with pytest.raises(BundleError, match="cannot be read"):
        signers(bundle, TRUSTED)


def test_a_bundle_that_was_packed_otherwise_is_not_what_was_signed(bundle: StoredBundle) -> None:
    """The same digest, other bytes: a zip has room for more than what bundle.json has the hash of."""
    import zipfile

    sign_bundle(bundle, ADA)
    with zipfile.ZipFile(bundle.path) as archive:
        contents = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(bundle.path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in reversed(contents):
            archive.writestr(name, data)
    again = read_bundle(bundle.path)
    assert again.digest == bundle.digest
    with pytest.raises(BundleError, match="its file is"):
        signers(again, TRUSTED)


def test_a_folder_is_not_signed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        sign_bundle(white_box_bundle(tmp_path / "b"), ADA)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_no_change_of_an_envelope_makes_another_statement_believed(tmp_path: Path, data: st.DataObject) -> None:
    if not (tmp_path / "b.vdb").exists():
        sign_bundle(white_box_bundle(tmp_path / "b.vdb", dataset=ROOT), ADA)
        (tmp_path / "good").write_bytes((tmp_path / "b.dsse.json").read_bytes())
    raw = bytearray((tmp_path / "good").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    (tmp_path / "b.dsse.json").write_bytes(raw)
    with suppress(BundleError):
        assert signers(read_bundle(tmp_path / "b.vdb"), TRUSTED) == [ADA.public.keyid]  # blanks, say


def test_a_public_key_of_another_kind_is_none() -> None:
    with pytest.raises(ValueError, match="ed25519"):
        PublicKey.model_validate({"keytype": "rsa", "scheme": "ed25519", "keyval": {"public": "0" * 64}})
