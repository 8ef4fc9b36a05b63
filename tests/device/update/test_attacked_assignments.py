"""Attacks on what is assigned: stolen, replayed, of another box, hardly JSON; each ends in its refusal, and the old model serves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import TargetFile

from contracts.update import ASSIGNMENT_KEYS, MAX_SEQ, AssignmentKeys
from tests.device.update.attacks import DAY, refused, rejected
from tests.device.update.box import TestBox, a_box, bundle
from tests.device.update.repository import NOW, Repository, changed, public_of, sign
from tests.device.update.server import Files
from vision.bundle import StoredBundle

pytestmark = pytest.mark.usefixtures("old_model_serves")


def test_a_stolen_assignment_key_can_only_choose_among_released_bundles(
    tmp_path: Path, repository: Repository, box: TestBox, v2: StoredBundle
) -> None:
    repository.release(v2)
    foreign = repository.release(bundle(tmp_path / "evil.vdb", "9.9.9"), listed=False)  # its bytes lie on the server, unsigned
    repository.publish()
    rejected(box, repository.assign(foreign), "E_SIG")


def test_a_stolen_broker_account_has_no_key(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish()
    good = repository.assign(model)
    refused(box, repository.assign(model, by=CryptoSigner.generate_ed25519()), "E_SIG")
    refused(box, repository.assign(model, by=repository.signers["timestamp"]), "E_SIG")  # the online key assigns nothing
    refused(box, changed(good, seq=99), "E_SIG")
    refused(box, changed(good, device="edge02"), "E_SIG")


def test_a_replayed_assignment(repository: Repository, box: TestBox) -> None:
    first = repository.assign(None)
    box.told(first)
    box.told(repository.assign(None))
    refused(box, first, "E_REPLAY")
    refused(box, json.dumps(json.loads(first), indent=1).encode(), "E_REPLAY")  # in another wrapping


def test_an_assignment_of_another_box(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish()
    refused(box, repository.assign(model, device="edge02"), "E_OTHER_DEVICE")
    refused(box, repository.assign(model, device=None, cohort="canary"), "E_OTHER_DEVICE")  # type: ignore[arg-type]


def test_an_assignment_that_has_expired(repository: Repository, box: TestBox) -> None:
    refused(box, repository.assign(None, expires=NOW - DAY), "E_EXPIRED")


@pytest.mark.parametrize("raw", [b"", b"{}", b"[" * 100_000, b'{"v":1,"payload":"x","sigs":[]}', b"\x00" * 100, b"x" * (65 << 10)])
def test_an_assignment_that_is_hardly_one(box: TestBox, raw: bytes) -> None:
    refused(box, raw, "E_HOSTILE")


def test_an_assignment_of_a_later_major_version(box: TestBox, repository: Repository) -> None:
    raw = json.loads(repository.assign(None))
    refused(box, json.dumps({**raw, "v": 2}).encode(), "E_CONFIG")


def test_a_signed_payload_that_is_no_assignment(box: TestBox, repository: Repository) -> None:
    refused(box, sign("[]", repository.assigner), "E_HOSTILE")
    refused(box, sign(json.dumps({"device": "edge01", "seq": 0}), repository.assigner), "E_HOSTILE")


def test_two_signatures_of_one_key_are_one(tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle) -> None:
    raw = repository.assign(None)
    whole = json.loads(raw)
    whole["sigs"] *= 2
    second = CryptoSigner.generate_ed25519()
    with a_box(tmp_path / "two", repository, factory, served.url) as box:
        keys = AssignmentKeys(version=1, threshold=2, keys=[public_of(repository.assigner), public_of(second)])
        box.parts.orders._provisioned = keys
        refused(box, json.dumps(whole).encode(), "E_SIG")
        payload = json.loads(raw)["payload"]
        assert box.told(sign(payload, repository.assigner, second)).state == "committed"


def known_again(repository: Repository, version: int) -> None:
    """The release key names another who may assign."""
    repository.assigner = CryptoSigner.generate_ed25519()
    custom = AssignmentKeys(version=version, keys=[public_of(repository.assigner)]).model_dump(mode="json")
    repository.targets[ASSIGNMENT_KEYS] = TargetFile.from_data(ASSIGNMENT_KEYS, b"{}", ["sha256"])
    repository.targets[ASSIGNMENT_KEYS].unrecognized_fields["custom"] = custom
    repository.publish()


def test_a_stolen_assignment_key_that_counts_to_the_end_is_mended_by_another_key(repository: Repository, box: TestBox) -> None:
    """Else no box could be assigned anything any more."""
    box.told(repository.assign(None, seq=MAX_SEQ))
    stolen = repository.assign(None, seq=MAX_SEQ - 1)
    refused(box, stolen, "E_REPLAY")
    known_again(repository, 2)
    report = box.told(repository.assign(None, seq=77))
    assert (report.state, report.seq) == ("committed", 77)
    refused(box, repository.assign(None, seq=76), "E_REPLAY")
    refused(box, stolen, "E_SIG")


def test_what_is_signed_anew_by_another_key_is_the_same_assignment(repository: Repository, box: TestBox) -> None:
    raw = repository.assign(None)
    box.told(raw)
    states = box.states
    known_again(repository, 2)
    report = box.told(sign(json.loads(raw)["payload"], repository.assigner))
    assert (report.state, report.refused, box.states) == ("committed", None, states)


ORDER_OF_ED25519 = 2**252 + 27742317777372353535851937790883648493


def test_a_signature_that_was_bent_without_the_key(repository: Repository, box: TestBox) -> None:
    """S and S + L are the same to a careless verifier: an old assignment would look like one that nobody saw."""
    whole = json.loads(repository.assign(None))
    sig = bytes.fromhex(whole["sigs"][0]["sig"])
    bent = int.from_bytes(sig[32:], "little") + ORDER_OF_ED25519
    whole["sigs"][0]["sig"] = (sig[:32] + bent.to_bytes(32, "little")).hex()
    refused(box, json.dumps(whole).encode(), "E_SIG")


def test_a_word_that_is_there_twice_is_read_in_one_way_before_and_after_a_start(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle
) -> None:
    good = json.loads(repository.assign(None, rollout="good"))
    evil = json.dumps({**json.loads(good["payload"]), "rollout": "evil", "seq": 99})
    head, tail = '{"v":1,', f',"sigs":{json.dumps(good["sigs"])}' + "}"
    words = [f'"payload":{json.dumps(text)}' for text in (evil, good["payload"])]
    for number, both in enumerate((words, words[::-1])):
        raw = f"{head}{','.join(both)}{tail}".encode()
        with a_box(tmp_path / f"data-{number}", repository, factory, served.url) as box:
            box.told(raw)
        with a_box(tmp_path / f"data-{number}", repository, factory, served.url) as box:
            report = box.go()
            assert report.rollout in {None, "good"}
            assert report.seq in {None, 1}


@pytest.mark.parametrize("device", ["edge01\u200b", "\uff45dge01", "EDGE01", "edge01\n", "edge01\0", "..", "+", "#", "\u202e10egde"])
def test_a_name_that_only_looks_like_this_box(repository: Repository, box: TestBox, device: str) -> None:
    payload = json.loads(json.loads(repository.assign(None))["payload"])
    refused(box, sign(json.dumps({**payload, "device": device}), repository.assigner), "E_HOSTILE")


def test_one_key_under_two_names_cannot_be_enough_for_two() -> None:
    key = public_of(CryptoSigner.generate_ed25519())
    with pytest.raises(ValueError, match="fewer keys than the threshold"):
        AssignmentKeys(version=1, threshold=2, keys=[key, key.model_copy()])
