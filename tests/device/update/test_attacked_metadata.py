"""Attacks on metadata: old, mixed, frozen, signed by whoever is not entitled; each ends in its refusal, and the old model serves."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner, Key
from tuf.api.exceptions import BadVersionNumberError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.ngclient import Updater as NgClient

from tests.device.update.attacks import put_back, rejected, saved
from tests.device.update.box import TestBox, bundle
from tests.device.update.repository import Repository
from tests.device.update.server import Files
from vision.bundle import StoredBundle

pytestmark = pytest.mark.usefixtures("old_model_serves")


def test_rollback_old_metadata_served_again(tmp_path: Path, repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish()
    old = saved(repository, tmp_path / "old")
    repository.targets.clear()
    repository.publish()  # v2 was taken back, and the box has seen that
    box.told(repository.assign(model))
    assert box.last.code == "E_SIG"
    put_back(repository, old)
    rejected(box, repository.assign(model), "E_ROLLBACK")


def test_rollback_although_the_box_lost_its_cache_which_deceives_tuf_alone(
    tmp_path: Path, repository: Repository, served: Files, box: TestBox, v2: StoredBundle
) -> None:
    model = repository.release(v2)
    repository.publish()
    old = saved(repository, tmp_path / "old")
    repository.targets.clear()
    repository.publish()
    alone = tmp_path / "alone"

    def ngclient() -> NgClient:
        alone.mkdir(exist_ok=True)
        return NgClient(str(alone), f"{served.url}/metadata/", bootstrap=repository.root)

    ngclient().refresh()
    box.told(repository.assign(model))
    put_back(repository, old)
    with pytest.raises(BadVersionNumberError):
        ngclient().refresh()
    for cache in (alone, box.data / "update" / "metadata"):
        shutil.rmtree(cache)  # what a power cut does to files that nobody synced
    assert ngclient().get_targetinfo(model.target) is not None  # python-tuf alone takes the replay
    rejected(box, repository.assign(model), "E_ROLLBACK")


def test_rollback_with_the_cache_of_then_put_back_too(tmp_path: Path, repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish()
    box.told(repository.assign(None))
    cache = box.data / "update" / "metadata"
    old = saved(repository, tmp_path / "old")
    repository.targets.clear()
    repository.publish()
    box.told(repository.assign(model))
    shutil.rmtree(cache)
    cache.mkdir()
    for name in ("timestamp", "snapshot", "targets"):
        source = next(iter(sorted(old.glob(f"*{name}.json"), reverse=True)))
        shutil.copyfile(source, cache / f"{name}.json")
    put_back(repository, old)
    rejected(box, repository.assign(model), "E_ROLLBACK")


@pytest.mark.parametrize("lost", [False, True], ids=["with its cache", "without"])
def test_rollback_of_the_targets_by_a_stolen_online_key(repository: Repository, box: TestBox, v2: StoredBundle, lost: bool) -> None:
    """New snapshot and timestamp, and behind them targets of before, which are truly signed."""
    model = repository.release(v2)
    repository.publish()
    repository.targets.clear()
    repository.publish()
    box.told(repository.assign(model))
    if lost:
        shutil.rmtree(box.data / "update" / "metadata")
    repository.versions["targets"] -= 1
    repository.freshen()
    rejected(box, repository.assign(model), "E_ROLLBACK")


def test_rollback_by_a_timestamp_that_counts_down(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish()
    repository.targets.clear()
    repository.publish()
    box.told(repository.assign(model))
    shutil.rmtree(box.data / "update" / "metadata")
    repository.versions["timestamp"] = 0
    repository.freshen()
    rejected(box, repository.assign(model), "E_ROLLBACK")


def test_mix_and_match_an_old_snapshot_under_a_new_timestamp(
    tmp_path: Path, repository: Repository, box: TestBox, v2: StoredBundle
) -> None:
    model = repository.release(v2)
    repository.publish()
    folder = repository.folder / "metadata"
    shutil.copyfile(
        folder / f"{repository.versions['snapshot'] - 1}.snapshot.json", folder / f"{repository.versions['snapshot']}.snapshot.json"
    )
    rejected(box, repository.assign(model), "E_MIX")


def test_mix_and_match_old_targets_under_a_new_snapshot(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish()
    folder = repository.folder / "metadata"
    shutil.copyfile(
        folder / f"{repository.versions['targets'] - 1}.targets.json", folder / f"{repository.versions['targets']}.targets.json"
    )
    rejected(box, repository.assign(model), "E_MIX")


def test_mix_and_match_another_file_under_the_name_of_a_released_one(
    tmp_path: Path, repository: Repository, served: Files, box: TestBox, v2: StoredBundle
) -> None:
    model = repository.release(v2)
    other = repository.release(bundle(tmp_path / "v3.vdb", "3.0.0"))
    repository.publish()
    rejected(box, repository.assign(model.model_copy(update={"sha256": other.sha256, "length": other.length})), "E_MIX")
    rejected(box, repository.assign(model.model_copy(update={"digest": other.digest})), "E_MIX")
    assert served.sent_below("targets/") == 0  # before the first byte


def test_wrong_signature_a_target_that_nobody_entitled_signed(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish(targets_signer=CryptoSigner.generate_ed25519())
    rejected(box, repository.assign(model), "E_SIG")


def test_stolen_online_key_cannot_introduce_a_target(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    """It signs snapshot and timestamp; targets it can only sign as itself."""
    model = repository.release(v2)
    repository.publish(targets_signer=repository.signers["timestamp"])
    rejected(box, repository.assign(model), "E_SIG")


def test_stolen_online_key_cannot_change_a_target_either(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish()
    path = repository.folder / "metadata" / f"{repository.versions['targets']}.targets.json"
    metadata: Metadata[Targets] = Metadata.from_file(str(path))
    metadata.signed.targets[model.target].length += 1
    path.write_bytes(metadata.to_bytes())
    repository.freshen()  # with the hash of what it made
    rejected(box, repository.assign(model), "E_SIG")


def test_a_stolen_online_key_that_counts_to_the_end_is_mended_by_a_new_root(
    tmp_path: Path, repository: Repository, box: TestBox, factory: StoredBundle
) -> None:
    repository.versions["timestamp"] = repository.versions["snapshot"] = 2**31
    repository.freshen()
    box.told(repository.assign(box_model := repository.release(bundle(tmp_path / "v2.vdb"))))
    fresh = CryptoSigner.generate_ed25519()
    repository.signers |= {"snapshot": fresh, "timestamp": fresh}
    repository.new_root()
    repository.versions["timestamp"] = repository.versions["snapshot"] = 0
    repository.targets.clear()
    repository.publish()  # counts from one again, with keys that nobody stole
    rejected(box, repository.assign(box_model), "E_SIG")  # judged by the new metadata: it was never released
    assert box.parts.floors.versions()["root"] == 2


def test_a_root_that_its_predecessor_did_not_sign(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish()
    repository.signers["root"] = CryptoSigner.generate_ed25519()
    repository.new_root()
    rejected(box, repository.assign(model), "E_SIG")


@pytest.mark.parametrize(
    "what", [b"", b"{}", b"null", b"[" * 10_000, b'{"signed":{}}', b"\xff\xfe", b'{"signatures":[],"signed":{"_type":"timestamp"}}']
)
def test_metadata_that_is_hardly_metadata(repository: Repository, box: TestBox, v2: StoredBundle, what: bytes) -> None:
    model = repository.release(v2)
    repository.publish()
    (repository.folder / "metadata" / "timestamp.json").write_bytes(what)
    rejected(box, repository.assign(model), "E_HOSTILE")


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
@pytest.mark.parametrize("version", [1 << 53, 1 << 63, 10**200], ids=["a little", "beyond a database", "beyond a file's name"])
def test_a_version_that_nothing_holds(repository: Repository, box: TestBox, v2: StoredBundle, role: str, version: int) -> None:
    """A thief of a key may write any number there is; the box is not brought down by one."""
    model = repository.release(v2)
    repository.versions[role] = version - 1
    repository.publish()
    rejected(box, repository.assign(model), "E_HOSTILE")


def test_a_root_that_counts_one_key_twice(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish()
    path = repository.folder / "metadata" / "1.root.json"
    root: Metadata[Root] = Metadata.from_file(str(path))
    once = repository.signers["targets"].public_key
    twice = Key.from_dict("f" * 64, {"keytype": once.keytype, "scheme": once.scheme, "keyval": {"public": once.keyval["public"].upper()}})
    root.signed.version = 2
    root.signed.keys[twice.keyid] = twice
    root.signed.roles["targets"].keyids.append(twice.keyid)
    root.signed.roles["targets"].threshold = 2
    root.sign(repository.signers["root"])
    root.to_file(str(path.with_name("2.root.json")))
    rejected(box, repository.assign(model), "E_HOSTILE")


@pytest.mark.parametrize("name", ["timestamp.json", "2.snapshot.json", "2.targets.json"])
def test_the_same_word_twice_in_metadata_is_read_in_one_way(repository: Repository, box: TestBox, v2: StoredBundle, name: str) -> None:
    """What is verified is what is used: the one that is read is the one that must be signed."""
    model = repository.release(v2)
    repository.publish()
    path = repository.folder / "metadata" / name
    path.write_bytes(re.sub(rb'("version": ?\d+)', rb'\1, "version": 9', path.read_bytes()))
    rejected(box, repository.assign(model), "E_SIG" if name == "timestamp.json" else "E_SIZE")
