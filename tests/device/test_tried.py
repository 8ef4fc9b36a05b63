"""Which bundles are tried before their first run, and which are believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import BundleError
from device import tried
from device.bundles import opener
from device.config import SHARED, Model, Settings
from device.tried import REMEMBERED, Tried, key_of, shipped
from tests.vision.bundles import white_box_bundle
from tests.vision.test_tryout import SPEC, endless
from vision.bundle import StoredBundle, read_bundle

MODELS = SHARED[0] / "models"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    white_box_bundle(tmp_path / "own" / "white", name="white")
    (tmp_path / "data").mkdir()
    return Settings(data=tmp_path / "data", model=Model(folders=[tmp_path / "own"]))


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of those that were tried, for real."""
    names: list[str] = []
    real = tried.try_bundle

    def count(bundle: StoredBundle, *args: object, **options: object) -> None:
        names.append(bundle.manifest.name)
        real(bundle, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(tried, "try_bundle", count)
    return names


def test_only_the_first_start_pays(settings: Settings, trials: list[str]) -> None:
    for _ in range(3):
        opener(settings)("white", None).close()
    assert trials == ["white"]
    assert (settings.data / "tried.json").stat().st_mode & 0o777 == 0o640


def test_another_model_or_other_software_is_tried_anew(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = read_bundle(tmp_path / "own" / "white")
    other = white_box_bundle(tmp_path / "own" / "other", name="white", version="1.0.1")
    basic = Model(options={"graph_level": "basic"})
    keys = {key_of(bundle, Model()), key_of(bundle, Model(engine="tensorrt")), key_of(bundle, basic), key_of(other, Model())}
    monkeypatch.setattr(tried, "versions", lambda: {"vedette": "9.9.9"})
    assert len({*keys, key_of(bundle, Model())}) == 5


def test_a_model_that_hangs_is_refused_every_time(settings: Settings, tmp_path: Path) -> None:
    white_box_bundle(tmp_path / "own" / "endless", endless(), name="endless", input=SPEC)
    short = settings.model_copy(update={"model": settings.model.model_copy(update={"trial_s": 2.0})})
    for _ in range(2):
        with pytest.raises(BundleError, match="endless: gives no answer within 2 s"):
            opener(short)("endless", None)


def test_what_came_with_the_software_is_believed_as_it_was_handed_out(settings: Settings, trials: list[str], tmp_path: Path) -> None:
    opener(settings)("person-street", None).close()
    assert trials == []
    manifest = (MODELS / "person-street" / "bundle.json").read_text()
    changed = tmp_path / "own" / "person-street"
    changed.symlink_to(MODELS / "person-street")
    assert shipped(read_bundle(changed))  # wherever it lies: the digest is what counts
    changed.unlink()
    changed.mkdir()
    for path in (MODELS / "person-street").rglob("*"):
        if path.is_file():
            (changed / path.relative_to(MODELS / "person-street")).parent.mkdir(parents=True, exist_ok=True)
            (changed / path.relative_to(MODELS / "person-street")).write_bytes(path.read_bytes())
    (changed / "bundle.json").write_text(manifest + "\n")
    assert not shipped(read_bundle(changed))


def test_every_bundle_that_is_handed_out_is_listed() -> None:
    """After `make model`: sha256sum */bundle.json > SHA256SUMS, in models/."""
    bundles = [read_bundle(path.parent) for path in MODELS.glob("*/bundle.json")]
    assert bundles and all(shipped(bundle) for bundle in bundles)
    assert len((MODELS / "SHA256SUMS").read_text().splitlines()) == len(bundles)


def test_an_owner_may_do_without(settings: Settings, trials: list[str]) -> None:
    without = settings.model_copy(update={"model": settings.model.model_copy(update={"trial_s": 0.0})})
    opener(without)("white", None).close()
    assert trials == []


def test_where_there_is_no_data_folder_none_is_made(settings: Settings) -> None:
    settings.data.rmdir()
    opener(settings)("white", None).close()
    assert not settings.data.exists()


@pytest.mark.parametrize("content", [b"", b"\0", b"[]", b'{"tried": 3}', b'{"tried": [[]]}', b"[" * 100_000])
def test_a_spoilt_list_is_forgotten_not_fatal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tried.json").write_bytes(content)
    known = Tried(tmp_path)
    assert "a" not in known
    known.add("a")
    assert "a" in known


def test_the_list_is_bounded_and_the_oldest_are_forgotten(tmp_path: Path) -> None:
    known = Tried(tmp_path)
    for number in range(REMEMBERED + 5):
        known.add(str(number))
    assert "4" not in known and "5" in known and str(REMEMBERED + 4) in known
