"""Attacks: each ends in its refusal by name, and the old model is in force."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import BadVersionNumberError
from tuf.api.metadata import Metadata, Targets
from tuf.ngclient import Updater as NgClient

from contracts.update import UpdateCode
from tests.device.update.box import HandClock, TestBox, a_box, bundle, golden_prover
from tests.device.update.repository import NOW, Repository, changed, facts_of, sign
from tests.device.update.server import Files
from tests.vision.models import times_two, white_box
from vision.bundle import MAX_MANIFEST_BYTES, StoredBundle

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _old_model_serves(box: TestBox, factory: StoredBundle) -> Any:
    yield
    assert box.current == factory.digest
    assert box.parts.slots.open(factory.digest).manifest.version == "1.0.0"  # every byte of it
    assert box.parts.ledger.flaw() == ""


def rejected(box: TestBox, raw: bytes, code: UpdateCode) -> None:
    """The assignment is accepted, and ends there."""
    report = box.told(raw)
    assert (report.state, report.code) == ("rejected", code), report.words


def refused(box: TestBox, raw: bytes, code: UpdateCode) -> None:
    """The message is not even accepted."""
    before = box.states
    report = box.told(raw)
    assert report.refused is not None
    assert report.refused.code == code, report.refused.words
    assert box.states == before


def waits(box: TestBox, raw: bytes, code: UpdateCode) -> None:
    """It is tried again, and does not get on."""
    report = box.told(raw)
    assert (report.code, report.state in {"offered", "downloading"}) == (code, True), report.words
    assert box.go().code == code


@pytest.fixture
def v2(tmp_path: Path) -> StoredBundle:
    return bundle(tmp_path / "v2.vdb")


# ---- the repository


def saved(repository: Repository, to: Path) -> Path:
    shutil.copytree(repository.folder / "metadata", to)
    return to


def put_back(repository: Repository, old: Path, *names: str) -> None:
    for path in old.glob("*.json"):
        if not names or path.name in names:
            shutil.copyfile(path, repository.folder / "metadata" / path.name)


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


def test_freeze_nothing_new_is_let_through(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish()
    box.clock.at(NOW + 31 * DAY)
    waits(box, repository.assign(model, expires=NOW + 90 * DAY), "E_FREEZE")
    box.clock.at(NOW + 91 * DAY)
    assert (box.go().state, box.last.code) == ("rejected", "E_EXPIRED")


def test_freeze_with_a_clock_that_is_back_in_1970(
    tmp_path: Path, repository: Repository, served: Files, box: TestBox, v2: StoredBundle
) -> None:
    """What was known to be over once is over, whatever the clock says: the battery is out, and somebody serves old metadata."""
    model = repository.release(v2)
    repository.publish()
    box.told(repository.assign(None))
    box.parts.floors.rise({}, NOW + 30 * DAY, NOW + 40 * DAY)  # the last time server said so; more than the end is not kept
    box.clock.wall, box.clock.said = 0, "unsynced"
    assert box.parts.floors.now(box.clock) == NOW + 30 * DAY
    waits(box, repository.assign(model, expires=NOW + 400 * DAY), "E_FREEZE")


def test_a_clock_that_jumps_a_hundred_years_blocks_for_as_long_as_it_is_wrong(
    repository: Repository, box: TestBox, v2: StoredBundle
) -> None:
    model = repository.release(v2)
    repository.publish()
    box.clock.at(NOW + 36_500 * DAY)
    refused(box, repository.assign(model), "E_EXPIRED")
    waits(box, repository.assign(model, expires=NOW + 40_000 * DAY), "E_FREEZE")
    box.clock.at(NOW)
    assert box.parts.floors.now(box.clock) == NOW  # the jump left nothing behind


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
    tmp_path: Path, repository: Repository, box: TestBox, v2: StoredBundle
) -> None:
    model = repository.release(v2)
    other = repository.release(bundle(tmp_path / "v3.vdb", "3.0.0"))
    repository.publish()
    rejected(box, repository.assign(model.model_copy(update={"sha256": other.sha256, "length": other.length})), "E_MIX")
    rejected(box, repository.assign(model.model_copy(update={"digest": other.digest})), "E_MIX")


@pytest.mark.parametrize("name", ["timestamp.json", "2.snapshot.json", "2.targets.json", "2.root.json"])
def test_endless_data_cost_no_more_than_the_largest_file_there_may_be(
    repository: Repository, served: Files, box: TestBox, v2: StoredBundle, name: str
) -> None:
    model = repository.release(v2)
    repository.publish()
    served.endless.add(f"metadata/{name}")
    rejected(box, repository.assign(model), "E_SIZE")
    assert served.sent[f"metadata/{name}"] < 16 << 20  # of which the box read the limit; the rest was in sockets


def test_endless_data_in_the_place_of_a_bundle(repository: Repository, served: Files, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish()
    path = next(each.relative_to(repository.folder).as_posix() for each in repository.folder.rglob("*.vdb"))
    served.endless.add(path)
    waits(box, repository.assign(model), "E_FETCH")
    assert sum(each.stat().st_size for each in (box.data / "update" / "incoming").iterdir()) <= 2 * model.length


@pytest.mark.parametrize("what", ["metadata/timestamp.json", "targets"])
def test_slow_retrieval_is_given_up(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle, v2: StoredBundle, what: str
) -> None:
    class Running(HandClock):
        """Ten seconds pass whenever somebody looks."""

        def mono_ns(self) -> int:
            self.mono += 10 * 10**9
            return self.mono

    model = repository.release(v2)
    repository.publish()
    served.silent |= (
        {each.relative_to(repository.folder).as_posix() for each in repository.folder.rglob("*") if each.is_file()}
        if what == "targets"
        else {what}
    )
    served.silent -= {f"metadata/{n}" for n in ("timestamp.json", "2.snapshot.json", "2.targets.json")} if what == "targets" else set()
    with a_box(tmp_path / "slow", repository, factory, served.url, clock=Running()) as box:
        waits(box, repository.assign(model), "E_FETCH")
        assert "at least 1024 a second" in box.parts.reports.report().words
        assert box.current == factory.digest


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


# ---- the assignment


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
    from contracts.update import AssignmentKeys
    from tests.device.update.repository import public_of

    with a_box(tmp_path / "two", repository, factory, served.url) as box:
        keys = AssignmentKeys(version=1, threshold=2, keys=[public_of(repository.assigner), public_of(second)])
        box.parts.orders._provisioned = keys
        refused(box, json.dumps(whole).encode(), "E_SIG")
        payload = json.loads(raw)["payload"]
        assert box.told(sign(payload, repository.assigner, second)).state == "committed"


# ---- the bundle: who releases was deceived, and signed it


def zipped(path: Path, members: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] = lambda _: None, method: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr, info.compress_type = 3, 0o100644 << 16, method
            change(info)
            archive.writestr(info, data)
    return path


def members_of(stored: StoredBundle) -> dict[str, bytes]:
    with zipfile.ZipFile(stored.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def as_link(info: zipfile.ZipInfo) -> None:
    if info.filename == "CARD.md":
        info.external_attr = 0o120777 << 16


def bad_file(what: str, stored: StoredBundle, to: Path) -> bytes:
    members = members_of(stored)
    if what == "a symbolic link":
        return zipped(to, {**members, "CARD.md": b"/etc/passwd"}, as_link).read_bytes()
    if what == "a zip bomb":
        return zipped(to, {**members, "CARD.md": bytes(200 << 20)}, method=zipfile.ZIP_DEFLATED).read_bytes()
    if what == "an oversize manifest":
        return zipped(to, {**members, "bundle.json": members["bundle.json"] + b" " * MAX_MANIFEST_BYTES}).read_bytes()
    if what == "a way out":
        return zipped(to, {**members, "../../../../tmp/x": b"x"}).read_bytes()
    if what == "a hidden member":
        return zipped(to, {**members, "extra.so": b"x"}).read_bytes()
    if what == "a flipped bit":
        data = bytearray(stored.path.read_bytes())
        data[len(data) // 2] ^= 1
        return bytes(data)
    return b"no zip at all"


@pytest.mark.parametrize(
    "what", ["a symbolic link", "a zip bomb", "an oversize manifest", "a way out", "a hidden member", "a flipped bit", "no zip"]
)
def test_a_bundle_file_with(
    tmp_path: Path, repository: Repository, box: TestBox, v2: StoredBundle, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad.vdb"
    bad.write_bytes(bad_file(what, v2, bad))
    monkeypatch.setattr("tests.device.update.repository.chunks_of", whole_file)  # the real one refuses such a file
    model = repository.release(StoredBundle(bad, v2.digest, v2.manifest, v2.members))
    repository.publish()
    rejected(box, repository.assign(model), "E_HOSTILE")
    assert not [*(box.data / "update" / "incoming").iterdir()]  # and nothing of it stays
    assert not box.parts.slots.has(model.digest)


def whole_file(path: Path) -> list[Any]:
    from hashlib import sha256

    from contracts.update import Chunk

    data = path.read_bytes()
    pieces = [data[at : at + (1 << 20)] for at in range(0, len(data), 1 << 20)]
    return [Chunk(size=len(piece), sha256=sha256(piece).hexdigest()) for piece in pieces]


def hostile(what: str) -> bytes:
    proto = onnx.load_model_from_string(white_box())
    if what == "operators of somebody's":
        proto.graph.node[0].domain = "com.evil"
        proto.opset_import.append(helper.make_opsetid("com.evil", 1))
    if what == "weights in another file":
        tensor = proto.graph.initializer[0]
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/etc/passwd")
        tensor.ClearField("raw_data")
    if what == "a shape that no box holds":
        huge = numpy_helper.from_array(np.zeros(1, np.float32), "huge")
        huge.dims[:] = [1 << 20, 1 << 20]
        proto.graph.initializer.append(huge)
    if what == "more weights than bytes":
        proto.graph.initializer[0].dims[:] = [1 << 20]
    if what == "graphs within graphs":
        inner = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "g", [], [])
        for _ in range(20):
            inner = helper.make_graph([helper.make_node("If", ["c"], ["b"], then_branch=inner, else_branch=inner)], "g", [], [])
            break
        for _ in range(20):
            node = helper.make_node("If", ["c"], ["b"])
            node.attribute.append(helper.make_attribute("then_branch", inner))
            inner = helper.make_graph([node], "g", [], [])
        proto.graph.node.append(helper.make_node("If", ["c"], ["b"], then_branch=inner))
    if what == "functions of its own":
        proto.functions.append(helper.make_function("com.evil", "F", ["a"], ["b"], [], []))
    if what == "no ONNX":
        return b"\x7fELF" + bytes(100)
    return bytes(proto.SerializeToString())


@pytest.mark.parametrize(
    "what",
    [
        "operators of somebody's", "weights in another file", "a shape that no box holds", "more weights than bytes",
        "graphs within graphs", "functions of its own", "no ONNX",
    ],
)  # fmt: skip
def test_a_network_with(tmp_path: Path, repository: Repository, box: TestBox, what: str) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", model=hostile(what)))
    repository.publish()
    rejected(box, repository.assign(model), "E_HOSTILE")


def test_a_shape_that_is_huge_only_when_it_runs_ends_with_its_child(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle
) -> None:
    proto = onnx.load_model_from_string(white_box())
    proto.graph.initializer.append(numpy_helper.from_array(np.array([1 << 20, 1 << 14], np.int64), "vast"))
    proto.graph.node.append(helper.make_node("ConstantOfShape", ["vast"], ["filled"]))
    proto.graph.output.append(helper.make_tensor_value_info("filled", TensorProto.FLOAT, ["a", "b"]))
    model = repository.release(bundle(tmp_path / "v2.vdb", model=bytes(proto.SerializeToString())))
    repository.publish()
    with a_box(tmp_path / "real", repository, factory, served.url, prover=golden_prover()) as box:
        rejected(box, repository.assign(model), "E_GOLDEN")
        assert box.current == factory.digest


# ---- a model that does not belong here


def test_wrong_classes(tmp_path: Path, repository: Repository, served: Files, box: TestBox) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", labels=["crate"]))
    repository.publish()
    rejected(box, repository.assign(model), "E_CLASSES")
    assert served.sent_below("targets/") == 0  # before the first byte


def test_wrong_shape_said(tmp_path: Path, repository: Repository, served: Files, box: TestBox) -> None:
    large = {"name": "image", "size": (4096, 4096), "multiple": 32, "pad": 114}
    model = repository.release(bundle(tmp_path / "v2.vdb", input=large))
    repository.publish()
    rejected(box, repository.assign(model), "E_SHAPE")
    assert served.sent_below("targets/") == 0


@pytest.mark.parametrize(
    "network", [times_two("float32"), times_two("uint8", (1, 3, "h", "w")), white_box(32, 32), white_box(name="other")],
    ids=["another type", "another layout", "another size", "another name"],
)  # fmt: skip
def test_wrong_shape_of_the_network_itself(tmp_path: Path, repository: Repository, box: TestBox, network: bytes) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", model=network))
    repository.publish()
    rejected(box, repository.assign(model), "E_SHAPE")


def test_facts_that_are_not_those_of_the_bundle(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    said = facts_of(v2, labels=["box", "person"])
    model = repository.release(v2, said)
    repository.publish()
    rejected(box, repository.assign(model), "E_MIX")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"opset": 99}, "E_OPSET"),
        ({"software": "9.0.0"}, "E_OPSET"),
        ({"memory_mb": 1 << 20}, "E_BUDGET"),
        ({"head": "psychic"}, "E_SHAPE"),
    ],
)
def test_a_model_for_another_kind_of_box(
    repository: Repository, served: Files, box: TestBox, v2: StoredBundle, said: dict[str, Any], code: UpdateCode
) -> None:
    model = repository.release(v2, facts_of(v2, **said))
    repository.publish()
    rejected(box, repository.assign(model), code)
    assert served.sent_below("targets/") == 0


def test_a_model_of_another_name(tmp_path: Path, repository: Repository, box: TestBox) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", name="another"))
    repository.publish()
    rejected(box, repository.assign(model), "E_CONFIG")


def test_a_draft(tmp_path: Path, repository: Repository, box: TestBox) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", draft=True))
    repository.publish()
    rejected(box, repository.assign(model), "E_QUALITY")


def test_a_release_whose_note_cannot_be_read(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2, chunks=[])
    repository.publish()
    rejected(box, repository.assign(model), "E_HOSTILE")
