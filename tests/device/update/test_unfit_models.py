"""Models that do not belong on this box: other classes, other shapes, other software; refused before the first byte where facts say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.update import UpdateCode
from tests.device.update.attacks import rejected
from tests.device.update.box import TestBox, bundle
from tests.device.update.repository import Repository, facts_of
from tests.device.update.server import Files
from tests.vision.models import times_two, white_box
from vision.bundle import StoredBundle

pytestmark = pytest.mark.usefixtures("old_model_serves")


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
