"""A bundle from anywhere is looked over before anybody relies on it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

pytest.importorskip("cryptography")
pytest.importorskip("sqlalchemy")

from contracts.bundle import Lineage
from contracts.errors import BundleError
from tests.trainer.registry.works import verdict
from tests.vision.bundles import png, scene, white_box_bundle
from tests.vision.models import constant, white_box
from tests.vision.test_tryout import SPEC, endless
from trainer.registry import checking
from trainer.registry.checking import check_bundle
from trainer.registry.facts import facts_of
from trainer.registry.keys import SigningKey
from trainer.registry.signing import sign_bundle
from trainer.registry.verdicts import verdict_of
from vision.bundle import StoredBundle, read_bundle
from vision.tryout import Limits

ADA = SigningKey(b"a" * 32)
PICTURE = png(scene(96, 64, (10, 10, 40, 40)))
ANSWER = {"image": "golden/a.png", "boxes": [[10, 10, 40, 40, 1.0, 0]]}


def good(path: Path, model: bytes | None = None, **fields: Any) -> StoredBundle:
    return white_box_bundle(path, model, {"golden/a.png": PICTURE}, **{"golden": [ANSWER], **fields})


def test_a_good_bundle_passes_folder_or_file_signed_or_not(tmp_path: Path) -> None:
    for name in ("b", "b.vdb"):
        checked = check_bundle(good(tmp_path / name).path, {})
        assert (checked.golden, checked.signers, checked.facts.opset) == (1, (), 17)
    sign_bundle(read_bundle(tmp_path / "b.vdb"), ADA)
    assert check_bundle(tmp_path / "b.vdb", {ADA.public.keyid: ADA.public}, signed=True).signers == (ADA.public.keyid,)


def test_one_that_nobody_signed_is_refused_where_a_signature_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nobody signed it"):
        check_bundle(good(tmp_path / "b.vdb").path, {ADA.public.keyid: ADA.public}, signed=True)


def with_domain(domain: str) -> bytes:
    model = onnx.load_model_from_string(white_box())
    model.graph.node[0].domain = domain
    model.opset_import.append(helper.make_opsetid(domain, 1))
    return bytes(model.SerializeToString())


def weights_outside() -> TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def with_outside(where: str) -> bytes:
    model = onnx.load_model_from_string(white_box())
    node = helper.make_node("Constant", [], ["never"], value=weights_outside())
    if where == "weight":
        model.graph.initializer.append(weights_outside())
    elif where == "constant":
        model.graph.node.append(node)
    else:
        opsets = [helper.make_opsetid("", 17)]
        model.functions.append(helper.make_function("ai.onnx", "hidden", [], ["never"], [node], opsets))
    return bytes(model.SerializeToString())


def with_function(domain: str) -> bytes:
    model = onnx.load_model_from_string(white_box())
    node = helper.make_node("Run", [], ["never"], domain=domain)
    model.functions.append(helper.make_function("ai.onnx", "hidden", [], ["never"], [node], [helper.make_opsetid("", 17)]))
    return bytes(model.SerializeToString())


HOSTILE = {
    "operators of a stranger": (with_domain("evil.ops"), "operators of evil.ops are not ONNX's own"),
    "operators of one engine only": (with_domain("com.microsoft"), "operators of com.microsoft are not ONNX's own"),
    "operators inside a function": (with_function("evil.ops"), "operators of evil.ops are not ONNX's own"),
    "a weight in another file": (with_outside("weight"), "weight w is in another file"),
    "a constant in another file": (with_outside("constant"), "weight w is in another file"),
    "a function's constant in another file": (with_outside("function"), "weight w is in another file"),
    "no network at all": (b"\x08\x01", "not an ONNX file"),
    "junk": (b"junk" * 100, "not an ONNX file"),
    "other answers": (constant([np.array([[[1, 1, 30, 30, 0.99, 0]]])]), "golden golden/a.png on onnx"),
    "a class that has no label": (constant([np.array([[[10, 10, 40, 40, 1.0, 7]]])]), "golden|label|class"),
    "answers of another layout": (constant([np.zeros((1, 3))]), "gives no answer|layout|shape|rows"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_network_with_is_refused(tmp_path: Path, case: str) -> None:
    model, message = HOSTILE[case]
    with pytest.raises(BundleError, match=message):
        check_bundle(good(tmp_path / "b.vdb", model).path, {})


def test_a_network_that_never_answers_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "LIMITS", Limits(seconds=4))
    with pytest.raises(BundleError, match="gives no answer within 4 s"):
        check_bundle(good(tmp_path / "b.vdb", endless(), input=SPEC).path, {})


def test_a_bundle_without_golden_pictures_is_a_draft_or_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="has no golden pictures"):
        check_bundle(white_box_bundle(tmp_path / "a.vdb").path, {})
    assert check_bundle(white_box_bundle(tmp_path / "b.vdb", draft=True).path, {}).golden == 0


def test_a_manifest_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = good(tmp_path / "b.vdb").path
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents["bundle.json"] = json.dumps({**json.loads(contents["bundle.json"]), "pad": "x" * (300 << 10)}).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    with pytest.raises(BundleError, match="at most 262144 are allowed"):
        check_bundle(path, {})


def carrying(tmp_path: Path, raw: bytes, **lineage: Any) -> Path:
    said = Lineage(**lineage).model_dump(mode="json")
    return white_box_bundle(tmp_path / "b.vdb", None, {"golden/a.png": PICTURE, "verdict.json": raw}, golden=[ANSWER], lineage=said).path


def test_a_verdict_in_a_bundle_is_the_one_it_names_and_passes(tmp_path: Path) -> None:
    mine = "sha256:" + "1" * 64
    kept = verdict_of(verdict(mine).model_dump_json().encode(), "x")
    checked = check_bundle(carrying(tmp_path, kept.raw, verdict_sha256=kept.sha256, judged=mine), {})
    assert checked.verdict is not None and checked.verdict.verdict.answer == "pass"
    failed = verdict_of(verdict(mine, "fail").model_dump_json().encode(), "x")
    cases = [
        (kept.raw, {"verdict_sha256": "0" * 64, "judged": mine}, "another than its lineage names"),
        (kept.raw, {}, "another than its lineage names"),
        (kept.raw, {"verdict_sha256": kept.sha256, "judged": "sha256:" + "2" * 64}, "its lineage names another"),
        (failed.raw, {"verdict_sha256": failed.sha256, "judged": mine}, "does not pass"),
        (b"{}", {"verdict_sha256": kept.sha256, "judged": mine}, "is none"),
    ]
    for raw, lineage, message in cases:
        with pytest.raises(BundleError, match=message):
            check_bundle(carrying(tmp_path, raw, **lineage), {})


def test_a_lineage_that_names_a_verdict_which_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"verdict\.json is not in it"):
        check_bundle(good(tmp_path / "b.vdb", lineage={"verdict_sha256": "0" * 64}).path, {})


def test_memory_is_estimated_from_weights_and_the_largest_moment(tmp_path: Path) -> None:
    spec = good(tmp_path / "b").manifest.input
    small = facts_of(white_box(), spec)
    assert small.memory_mib == 16
    large = facts_of(white_box(), spec.model_copy(update={"size": (2048, 4096)}))
    pixels = 2048 * 4096 * 3
    assert pixels * 5 < large.memory_mib << 20 < pixels * 12  # the picture, and itself as floats
    heavy = onnx.load_model_from_string(white_box())
    heavy.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(8 << 20, np.float32), "ballast"))
    assert 64 <= facts_of(bytes(heavy.SerializeToString()), spec).memory_mib <= 96
