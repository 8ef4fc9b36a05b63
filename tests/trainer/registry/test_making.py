from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

pytest.importorskip("onnx")
pytest.importorskip("cryptography")
pytest.importorskip("sqlalchemy")

from contracts.errors import BundleError, ConfigError, ProtocolError
from contracts.evaluation import SavedAnswers
from tests.trainer.registry.works import (
    ROOT,
    RUN,
    brighter,
    data_set,
    draft,
    manifest,
    passed,
    run_of,
    trained_home,
    verdict,
    write_run,
    write_verdict,
)
from tests.vision.models import white_box
from trainer.home import Home
from trainer.jobs.told import Told
from trainer.registry import making
from trainer.registry.checking import check_bundle
from trainer.registry.making import Request, make_bundle
from trainer.registry.verdicts import verdict_path
from vision.bundle import read_bundle
from vision.detector import open_detector
from vision.golden import check_golden


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return trained_home(tmp_path / "home")


def test_a_draft_chooses_its_confidence_and_its_golden_pictures_on_validation(home: Home) -> None:
    path = draft(home)
    stored = read_bundle(path)
    said = stored.manifest
    assert path == home.bundles / f"{stored.digest.removeprefix('sha256:')}.zip"
    assert said.draft and said.gates == [] and said.lineage is not None and said.lineage.judged is None
    assert 150 / 255 < said.class_confidence["box"] < 225 / 255  # the dim one it takes for the whole picture
    assert said.min_confidence == said.class_confidence["box"]
    names = [golden.image for golden in said.golden]
    assert names[:4] == ["golden/01-sure.png", "golden/02-hard.png", "golden/03-empty.png", "golden/04-class-box.png"]
    test = {hashlib.sha256(each.read_bytes()).hexdigest() for each in (home.sets / "yard").rglob("test-*.png")}
    val = {hashlib.sha256(each.read_bytes()).hexdigest(): each.name for each in (home.sets / "yard").rglob("val-*.png")}
    carried = [hashlib.sha256(stored.read(name)).hexdigest() for name in names]
    assert test and set(carried) <= set(val)
    assert [val[each] for each in carried[:3]] == ["val-sure.png", "val-hard.png", "val-empty.png"]


def test_every_golden_answer_holds_and_the_empty_one_is_empty(home: Home) -> None:
    stored = read_bundle(draft(home))
    detector = open_detector(stored)
    report = check_golden(detector, stored)
    detector.close()
    assert report.pictures == 5 and report.largest_difference < 0.001
    boxes = {golden.image: golden.boxes for golden in stored.manifest.golden}
    assert boxes["golden/03-empty.png"] == [] and len(boxes["golden/01-sure.png"]) == 1


def test_the_bundle_says_where_it_comes_from_and_what_the_gates_said(home: Home) -> None:
    judged = read_bundle(draft(home))
    path = passed(home)
    said = read_bundle(path).manifest
    assert not said.draft and said.dataset == ROOT and said.parent is None and said.license == "Apache-2.0"
    assert said.gates[0]["rule"] == "finds-boxes" and said.gates[0]["answer"] == "pass"
    assert said.metrics["test"] == {"recall": {"box": {"value": 0.95, "low": 0.92, "high": 0.97, "recordings": 40, "objects": 300}}}
    assert said.metrics["validation"] == {"ap": 0.8, "ap50": 0.9}
    lineage = said.lineage
    assert lineage is not None
    assert (lineage.run, lineage.split, lineage.seed, lineage.judged) == (RUN, ROOT, 7, judged.digest)
    assert lineage.test_root == "sha256:" + "e" * 64 and lineage.points_root and lineage.points_root.startswith("sha256:")
    assert lineage.examples == {"box": 4} and lineage.sampling["not said"].pictures == 5
    assert said.chunks == [hashlib.sha256(white_box()).hexdigest()]
    assert said.needs == {"opset": 17, "vedette": version("vedette"), "memory_mib": 16}
    assert verdict_path(home, str(lineage.verdict_sha256)).read_bytes() == read_bundle(path).read("verdict.json")
    assert said.class_confidence == judged.manifest.class_confidence and said.golden == judged.manifest.golden


def test_the_card_is_plain_words_and_a_draft_says_so_first(home: Home) -> None:
    rough = read_bundle(draft(home)).read("CARD.md").decode()
    assert rough.startswith("# boxes 1.0.0 (draft)\n\n**A draft.**") and "They were not asked." in rough
    card = read_bundle(passed(home)).read("CARD.md").decode()
    wanted = [
        "Finds: box.", "**pass.** It may become the champion.", "| recall | box | 0.950 | 0.920 | 0.970 | 40 |", ROOT, "hard, and right",
        "Apache-2.0", "| finds-boxes | pass |", "5 were kept for `not said`", "The test set is fresh",
    ]  # fmt: skip
    for words in wanted:
        assert words in card, words
    assert "draft" not in card


def test_the_same_inputs_give_the_same_bytes_in_another_home_too(home: Home, tmp_path: Path) -> None:
    first = passed(home)
    again = trained_home(tmp_path / "elsewhere")
    second = passed(again)
    assert first.name == second.name and first.read_bytes() == second.read_bytes()
    assert passed(home) == first and first.read_bytes() == second.read_bytes()
    assert not [path for path in home.bundles.iterdir() if path.suffix != ".zip"]


def test_the_zip_is_plain_sorted_and_without_a_clock(home: Home) -> None:
    with zipfile.ZipFile(passed(home)) as archive:
        names = archive.namelist()
        assert names[0] == "bundle.json" and names[1:] == sorted(names[1:])
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_without_a_verdict_that_passes_only_a_draft_is_made(home: Home) -> None:
    with pytest.raises(ConfigError, match="needs --verdict FILE that passes"):
        make_bundle(home, RUN, Request("boxes", "1.0.0"))
    judged = read_bundle(draft(home))
    for answer, words in (("fail", "it fails: finds-boxes: recall"), ("not_enough_data", "there is not enough data: finds-boxes")):
        file = write_verdict(home.path / "v.json", verdict(judged.digest, answer))
        with pytest.raises(ConfigError, match=words):
            make_bundle(home, RUN, Request("boxes", "1.0.0"), file)
    kept = read_bundle(make_bundle(home, RUN, Request("boxes", "1.0.0", draft=True), file))
    assert kept.manifest.draft and kept.manifest.gates[0]["answer"] == "not_enough_data"


def test_a_verdict_about_another_model_is_refused(home: Home) -> None:
    other = read_bundle(draft(home, run=brighter(home, "01KAKV1Q0X0000000000000001", 240.0)))
    draft(home)
    file = write_verdict(home.path / "v.json", verdict(other.digest))
    with pytest.raises(BundleError, match="whose network is another than that of"):
        make_bundle(home, RUN, Request("boxes", "1.0.0"), file)
    for stranger in ("sha256:" + "0" * 64, "new-model", "../../etc/passwd"):
        file = write_verdict(home.path / "v.json", verdict(stranger))
        with pytest.raises(ConfigError, match="no bundle of that digest"):
            make_bundle(home, RUN, Request("boxes", "1.0.0"), file)


def test_a_draft_that_somebody_changed_is_not_what_was_judged(home: Home) -> None:
    path = draft(home)
    other = draft(home, "others")
    shutil.copy(other, path)
    file = write_verdict(home.path / "v.json", verdict(f"sha256:{path.stem}"))
    with pytest.raises(BundleError, match="another than its name"):
        make_bundle(home, RUN, Request("boxes", "1.0.0"), file)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[" * 10_000, b'{"answer": "pass"}', b"\xff"])
def test_a_verdict_that_is_none_is_refused(home: Home, raw: bytes) -> None:
    (home.path / "v.json").write_bytes(raw)
    with pytest.raises(ProtocolError, match="is none"):
        make_bundle(home, RUN, Request("boxes", "1.0.0"), home.path / "v.json")


def test_a_model_made_elsewhere_is_bundled_with_the_pictures_given(home: Home, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "adapter", trainer="libreyolo 1.6.0", licence="MIT")
    with pytest.raises(ConfigError, match="give --golden PICTURE"):
        make_bundle(home, str(folder), Request("boxes", "1.0.0", draft=True))
    pictures = tuple(sorted((home.path / "scratch").glob("val-[hs]*.png")))
    said = read_bundle(make_bundle(home, str(folder), Request("boxes", "2.0.0", draft=True, golden=pictures, parent=ROOT))).manifest
    assert [golden.image for golden in said.golden] == ["golden/01-given.png", "golden/02-given.png"]
    assert (said.license, said.parent, said.dataset) == ("MIT", ROOT, None)
    assert said.lineage is not None and said.lineage.trainer == "libreyolo 1.6.0" and said.min_confidence == 0.25


def test_points_that_were_chosen_before_are_taken_as_they_are(home: Home) -> None:
    saved = SavedAnswers(model="x", labels=["box"], points={"box": 0.7}, points_root=ROOT, pictures={})
    (home.path / "points.json").write_text(saved.model_dump_json())
    said = read_bundle(make_bundle(home, RUN, Request("boxes", "1.0.0", draft=True, points=home.path / "points.json"))).manifest
    assert said.class_confidence == {"box": 0.7} and said.min_confidence == 0.7
    assert said.lineage is not None and said.lineage.points_root == ROOT
    (home.path / "none.json").write_text(saved.model_copy(update={"points_root": None}).model_dump_json())
    with pytest.raises(ConfigError, match="no operating points were chosen"):
        make_bundle(home, RUN, Request("boxes", "1.0.0", draft=True, points=home.path / "none.json"))


def test_what_was_judged_is_what_is_bundled(home: Home) -> None:
    """No other confidences, no other pictures after the verdict."""
    judged = read_bundle(draft(home))
    file = write_verdict(home.path / "v.json", verdict(judged.digest))
    with pytest.raises(ConfigError, match="are those of the draft that was judged"):
        make_bundle(home, RUN, Request("boxes", "1.0.0", points=file), file)
    shutil.rmtree(home.sets / "yard")  # the data set is not even looked at any more
    assert read_bundle(make_bundle(home, RUN, Request("boxes", "1.0.0"), file)).manifest.golden == judged.manifest.golden


FAULTS = {
    "no run of that id": (lambda home: None, "01KAKV1Q0X0000000000000009", "has no export.json"),
    "a name that is none": (lambda home: None, "..", "is no name"),
    "a run that goes on": (lambda home: write_run(home.runs / RUN, run=run_of(state="running")), RUN, "is running"),
    "a run that failed": (lambda home: write_run(home.runs / RUN, run=run_of(state="failed", why="disk full")), RUN, "disk full"),
    "a network that was changed": (lambda home: (home.runs / RUN / "model.onnx").write_bytes(b"x"), RUN, "not the file that was exported"),
    "an export that is none": (lambda home: (home.runs / RUN / "export.json").write_bytes(b"{"), RUN, "is damaged"),
    "a data set that is gone": (lambda home: shutil.rmtree(home.sets / "yard"), RUN, "is not here; bring it back"),
    "a form that was not made": (lambda home: None, RUN, "has no form 'int8'"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_what_no_bundle_can_be_made_of_is_said(home: Home, case: str) -> None:
    change, run, message = FAULTS[case]
    change(home)
    form = "int8" if "form" in case else "onnx"
    with pytest.raises((ConfigError, ProtocolError), match=message):
        make_bundle(home, run, Request("boxes", "1.0.0", draft=True, form=form))
    assert list(home.bundles.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "number"), [("Boxes", "1.0.0"), ("b", "1.0.0"), ("a/b", "1.0.0"), ("boxes", "1"), ("boxes", "1.0.0-x"), ("x\0y", "1.0.0")]
)
def test_names_and_versions_are_plain(home: Home, name: str, number: str) -> None:
    with pytest.raises(BundleError, match=r"^bundle (name|version) '"):
        draft(home, name, number)
    assert list(home.bundles.iterdir()) == []


class Stopping:
    """Asks to stop at the third word."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def progress(self, done: float, said: str) -> None:
        assert 0 <= done <= 1
        self.said.append(said)

    def stopped(self) -> bool:
        return len(self.said) >= 3


def test_it_tells_how_far_it_is_and_can_be_stopped(home: Home) -> None:
    listener: Told = Stopping()
    with pytest.raises(making.Stopped, match="nothing was written"):
        make_bundle(home, RUN, Request("boxes", "1.0.0", draft=True), told=listener)
    assert list(home.bundles.iterdir()) == []
    assert "golden pictures: 3 of 5 looked at" in listener.said  # type: ignore[attr-defined]


def test_a_card_takes_no_markup_from_outside(home: Home, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "hostile", labels=["<img src=x>"], licence="**free** | [x](http://y)")
    golden = ((home.path / "scratch" / "val-sure.png"),)
    card = read_bundle(make_bundle(home, str(folder), Request("boxes", "1.0.0", draft=True, golden=golden))).read("CARD.md").decode()
    assert "<img" not in card.replace("\\<", "") and "](http" not in card.replace("\\]", "")


def test_what_was_made_passes_the_check(home: Home) -> None:
    checked = check_bundle(passed(home), {})
    assert checked.golden == 5 and checked.signers == () and checked.verdict is not None and checked.verdict.takes_the_title
    assert "draft" not in manifest(checked.bundle.path), "only drafts say it: digests stay what they were"
    assert data_set(home, "again").is_dir()


def test_what_a_kill_left_goes_after_a_day_and_what_is_being_made_stays(home: Home) -> None:
    old, fresh, strange = (home.bundles / name for name in (".making-old", ".making-fresh", "notes"))
    for folder in (old, fresh, strange):
        folder.mkdir()
        (folder / "asked.vdb").write_bytes(b"half")
    for folder in (old, strange):
        os.utime(folder, (1_700_000_000, 1_700_000_000))
    path = draft(home)
    assert sorted(each.name for each in home.bundles.iterdir()) == [".making-fresh", path.name, "notes"]
