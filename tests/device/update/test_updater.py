"""An assignment from its message to the model in force, over a real server, with a real child that proves it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import TargetFile

from contracts.errors import BundleError
from contracts.update import ASSIGNMENT_KEYS, AssignmentKeys, Model, Receipt
from device.update.orders import ASSIGNMENT, KEYS
from device.update.prover import Verdict
from device.update.state import put_word
from tests.device.update.box import Content, TestBox, a_box, bundle, golden_prover
from tests.device.update.repository import NOW, Repository, public_of
from tests.device.update.server import Files
from tests.vision.models import white_box
from vision.bundle import StoredBundle
from vision.bundle_reader import Reader

MODEL: dict[str, Any] = {
    "target": "models/a/a-1.0.0-aaaaaaaaaaaa.vdb", "digest": "sha256:" + "2" * 64, "sha256": "3" * 64, "length": 10, "name": "white-box",
    "version": "1.0.0",
}  # fmt: skip
ROAD = ["offered", "downloading", "verified", "preflight", "selftest", "trial", "committed"]


def test_a_released_model_that_is_assigned_is_in_force(tmp_path: Path, repository: Repository, box: TestBox, factory: StoredBundle) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    report = box.told(repository.assign(model))
    assert (report.state, report.code, report.current) == ("committed", None, model.digest)
    assert box.states == ROAD
    assert box.parts.slots.linked("previous") == box.parts.slots.linked("factory") == factory.digest
    assert box.parts.ledger.flaw() == ""
    assert report.head == box.parts.ledger.head()
    assert not [*(box.data / "update" / "incoming").iterdir()]


def test_the_golden_answers_are_asked_for_in_a_child_and_a_true_model_passes(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    with a_box(tmp_path / "data", repository, factory, served.url, prover=golden_prover()) as box:
        report = box.told(repository.assign(model))
        assert (report.state, report.current) == ("committed", model.digest)
        assert report.figures is not None
        assert report.figures.golden_pictures == 1


def test_a_model_whose_golden_answer_is_wrong_is_refused(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle
) -> None:
    wrong = {"golden": [{"image": "golden/lit.png", "boxes": [[60, 40, 90, 60, 1.0, 0]]}]}
    model = repository.release(bundle(tmp_path / "v2.vdb", **wrong))
    repository.publish()
    with a_box(tmp_path / "data", repository, factory, served.url, prover=golden_prover()) as box:
        report = box.told(repository.assign(model))
        assert (report.state, report.code, report.current) == ("rejected", "E_GOLDEN", factory.digest)


def test_the_receipt_says_what_was_accepted_and_is_signed_by_the_box(tmp_path: Path, repository: Repository, box: TestBox) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    signed = box.told(repository.assign(model, rollout="canary-7")).receipt
    assert signed is not None
    public = box.parts.identity.public
    assert signed.sig.keyid == public.keyid
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(public.keyval.public)).verify(bytes.fromhex(signed.sig.sig), signed.payload.encode())
    receipt = Receipt.model_validate_json(signed.payload)
    assert (receipt.device, receipt.model, receipt.rollout, receipt.head) == ("edge01", model, "canary-7", box.parts.ledger.head())


def test_who_was_away_hears_after_a_start_what_was_accepted_with_its_receipt(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle
) -> None:
    """The message is retained, and the one that is said at a start takes its place."""
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    with a_box(tmp_path / "data", repository, factory, served.url) as box:
        told = box.told(repository.assign(model))
    assert told.receipt is not None
    with a_box(tmp_path / "data", repository, factory) as box:
        again = box.parts.reports.report()
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(box.parts.identity.public.keyval.public))
    assert again.receipt is not None
    key.verify(bytes.fromhex(again.receipt.sig.sig), again.receipt.payload.encode())
    assert Receipt.model_validate_json(again.receipt.payload) == Receipt.model_validate_json(told.receipt.payload)
    assert (again.state, again.figures) == ("committed", told.figures)


def test_the_key_of_a_box_is_the_same_after_a_start(tmp_path: Path, repository: Repository, factory: StoredBundle) -> None:
    keys = set()
    for _ in range(2):
        with a_box(tmp_path / "data", repository, factory) as box:
            keys.add(box.parts.identity.public.keyid)
    assert len(keys) == 1
    assert (tmp_path / "data" / "update" / "device.key").stat().st_mode & 0o777 == 0o600


def test_a_verdict_against_it_keeps_the_old_model(tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    prover = Content(Verdict(False, "E_SHADOW", "sees other things than the old one"))
    with a_box(tmp_path / "data", repository, factory, served.url, prover=prover) as box:
        report = box.told(repository.assign(model))
        assert (report.state, report.code, report.current) == ("rejected", "E_SHADOW", factory.digest)
        assert "other things" in report.words


def test_the_way_back_to_the_previous_model_fetches_nothing(tmp_path: Path, repository: Repository, box: TestBox, served: Files) -> None:
    first, second = (repository.release(bundle(tmp_path / f"v{n}.vdb", f"{n}.0.0")) for n in (2, 3))
    repository.publish()
    box.told(repository.assign(first))
    box.told(repository.assign(second))
    before = served.sent_below("targets/")
    assert box.told(repository.assign(first)).current == first.digest
    assert served.sent_below("targets/") == before
    assert box.parts.slots.linked("previous") == second.digest


def test_slots_that_no_link_names_are_removed_and_the_three_never(tmp_path: Path, repository: Repository, box: TestBox) -> None:
    models = [repository.release(bundle(tmp_path / f"v{n}.vdb", f"{n}.0.0")) for n in (2, 3, 4)]
    repository.publish()
    for model in models:
        box.told(repository.assign(model))
    linked = {box.parts.slots.linked(name) for name in ("current", "previous", "factory")}
    assert set(box.parts.slots.digests()) == linked
    assert len(linked) == 3


def test_the_same_message_again_is_nothing_new(tmp_path: Path, repository: Repository, box: TestBox) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    raw = repository.assign(model)
    box.told(raw)
    count = len(box.states)
    report = box.told(raw)  # retained: it comes with every connection
    assert (report.state, report.refused) == ("committed", None)
    assert len(box.states) == count


def test_a_newer_assignment_takes_the_place_of_the_one_at_work(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle
) -> None:
    first, second = (repository.release(bundle(tmp_path / f"v{n}.vdb", f"{n}.0.0")) for n in (2, 3))
    repository.publish()
    newer = repository.assign(second, seq=50)
    prover = Content()
    with a_box(tmp_path / "data", repository, factory, served.url, prover=prover) as box:
        prover.during = lambda: box.updater.receive(newer) if len(prover.seen) == 1 else None
        assert box.told(repository.assign(first, seq=49)).state == "offered"
        assert box.current == factory.digest
        assert box.go().current == second.digest
        assert box.states == [*ROAD[:5], "rejected", *ROAD]
        assert box.parts.ledger.rows()[5].code is None  # given up, not refused


def test_an_assignment_without_a_model_keeps_the_one_in_force(repository: Repository, box: TestBox, factory: StoredBundle) -> None:
    report = box.told(repository.assign(None))
    assert (report.state, report.current, report.receipt) == ("committed", factory.digest, None)


def test_a_shadow_that_was_content_is_not_in_force(tmp_path: Path, repository: Repository, box: TestBox, factory: StoredBundle) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    report = box.told(repository.assign(model, mode="shadow"))
    assert (report.state, report.current) == ("committed", factory.digest)
    assert box.parts.slots.has(model.digest)  # it will be assigned live, and need not be fetched again


def test_a_box_waits_until_not_before(tmp_path: Path, repository: Repository, box: TestBox, served: Files) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    report = box.told(repository.assign(model, not_before=NOW + timedelta(hours=1)))
    assert (report.state, report.left_s) == ("offered", 3600.0)
    assert served.asked == []
    box.clock.wall += 3601 * 10**9
    assert box.go().current == model.digest


@pytest.mark.parametrize("newer", ["an assignment", "a state"])
def test_what_only_a_newer_version_can_read_is_let_go_of_and_the_next_assignment_counts(
    newer: str, tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle
) -> None:
    """The box's software went back to this version in the middle of an update."""
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    with a_box(tmp_path / "data", repository, factory, served.url) as box:
        box.told(repository.assign(model, not_before=NOW + timedelta(hours=1)))
        with box.parts.state.writing() as connection:
            if newer == "an assignment":
                put_word(connection, ASSIGNMENT, '{"payload": "{\\"kind\\": \\"of tomorrow\\"}", "signatures": []}')
            else:
                box.parts.ledger.write(connection, box.parts.ledger.rows()[-1].work, "pondering", None, {})  # type: ignore[arg-type]
    with a_box(tmp_path / "data", repository, factory, served.url) as box:
        assert box.go().current == factory.digest
        last = box.parts.ledger.rows()[-1]
        assert last.state == "rejected" and "this version cannot read the assignment" in str(last.body["words"])
        assert box.told(repository.assign(model)).current == model.digest
        assert box.parts.ledger.flaw() == ""


def test_a_cohort_counts_for_itself(tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    with a_box(tmp_path / "data", repository, factory, served.url, cohorts=["canary"]) as box:
        box.told(repository.assign(None, seq=90))
        report = box.told(repository.assign(model, device=None, cohort="canary", seq=3))  # type: ignore[arg-type]
        assert (report.state, report.current) == ("committed", model.digest)


def test_without_room_it_waits_and_says_so(tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    with a_box(tmp_path / "data", repository, factory, served.url) as box:
        object.__setattr__(box.parts, "reserve_bytes", 1 << 60)
        report = box.told(repository.assign(model))
        assert (report.state, report.code, report.current) == ("offered", "E_SPACE", factory.digest)
        assert served.sent_below("targets/") == 0  # before the first byte
        object.__setattr__(box.parts, "reserve_bytes", 0)
        assert box.go().state == "committed"


def newer_keys(repository: Repository, version: int) -> CryptoSigner:
    newer = CryptoSigner.generate_ed25519()
    custom = AssignmentKeys(version=version, keys=[public_of(newer)]).model_dump(mode="json")
    repository.targets[ASSIGNMENT_KEYS] = TargetFile.from_data(ASSIGNMENT_KEYS, b"{}", ["sha256"])
    repository.targets[ASSIGNMENT_KEYS].unrecognized_fields["custom"] = custom
    return newer


def test_who_may_assign_is_changed_by_a_release(tmp_path: Path, repository: Repository, box: TestBox) -> None:
    newer = newer_keys(repository, 2)
    model = repository.release(bundle(tmp_path / "v2.vdb", model=white_box()))
    repository.publish()
    assert box.told(repository.assign(model, by=newer)).current == model.digest  # an unknown key: the repository is asked who it is
    stale = box.told(repository.assign(model))
    assert stale.refused is not None
    assert stale.refused.code == "E_SIG"  # the old key is good for nothing any more


@pytest.mark.parametrize("kept", ['{"v": 2, "version": 2, "keys": "of tomorrow"}', "spoilt"])
def test_a_list_of_who_may_assign_that_cannot_be_read_is_said_and_the_next_one_counts(
    kept: str, tmp_path: Path, repository: Repository, box: TestBox, factory: StoredBundle
) -> None:
    """The one that came with the box is not believed again: the newer one may have taken its key away."""
    with box.parts.state.writing() as connection:
        put_word(connection, KEYS, kept)
    refused = box.told(repository.assign(None)).refused
    assert refused is not None and refused.code == "E_SIG"
    assert "this version cannot read the list it keeps" in refused.words and "keys rotate assignment" in refused.words
    assert box.current == factory.digest
    newer = newer_keys(repository, 3)
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    box.clock.mono += 601 * 10**9
    assert box.told(repository.assign(model, by=newer)).current == model.digest


@pytest.mark.parametrize("fault", [OverflowError("a number"), KeyError("x"), RecursionError(), ZeroDivisionError()], ids=repr)
def test_a_fault_in_what_reads_the_repository_ends_the_assignment_and_not_the_box(
    repository: Repository, box: TestBox, factory: StoredBundle, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """Else each start would meet it again: what is assigned is retained."""

    def refresh(*_: object) -> None:
        raise fault

    with monkeypatch.context() as broken:
        broken.setattr(type(box.parts.metadata), "refresh", refresh)
        box.updater._refreshed_ns = -(10**18)
        box.go()
        report = box.told(repository.assign(Model(**MODEL)))
        assert (report.state, report.code, report.current) == ("rejected", "E_HOSTILE", factory.digest)
        assert type(fault).__name__ in report.words
    assert box.told(repository.assign(None)).state == "committed"


def test_a_disk_that_spoils_the_model_between_two_looks_ends_the_assignment_and_not_the_box(
    tmp_path: Path, repository: Repository, box: TestBox, factory: StoredBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()

    def spoilt(self: Reader, _at: int, _size: int) -> bytes:
        raise BundleError(f"bundle {self.name}: ends too soon")

    monkeypatch.setattr(Reader, "read", spoilt)
    report = box.told(repository.assign(model))
    assert (report.state, report.code, report.current) == ("rejected", "E_HOSTILE", factory.digest)
