"""What a pushed model must show: real bundles in the real stage, live pictures, a real child for the self-test."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest

from contracts.update import UpdateState
from device.pipeline.doubts import DISAGREEMENT, doubts_of
from device.update.proof_options import ProofOptions
from device.update.trial import Trial
from tests.device.update.bad_models import blind, failing, looping
from tests.device.update.box import bundle
from tests.device.update.rig import Rig, a_rig
from tests.vision.test_tryout import swelling
from vision.bundle import StoredBundle, read_bundle
from vision.bundle_write import write_bundle
from vision.detector import Detector, open_detector
from vision.planes import read_picture
from vision.types import Detections, Planes, Scene

pytestmark = pytest.mark.timeout(120)


def more(rig: Rig, frames: int) -> None:
    """Wait until so many more were answered."""
    wanted, waiting = len(rig.answers) + frames, threading.Event()
    for _ in range(1200):
        if len(rig.answers) >= wanted:
            return
        waiting.wait(0.05)
    raise AssertionError(f"{len(rig.answers)} of {wanted} frames")


def test_a_good_model_serves_from_one_frame_to_the_next_and_none_is_lost(tmp_path: Path) -> None:
    new = bundle(tmp_path / "new.vdb", "2.0.0")
    with a_rig(tmp_path) as rig:
        verdict = rig.prove(new)
        assert (verdict.accepted, verdict.code) == (True, None), verdict.words
        assert rig.serves == new.digest
        assert rig.said == ["selftest", "shadow", "trial"]
        assert rig.serving == [new.digest]
        figures = verdict.figures
        assert (figures.golden_pictures, figures.agreement) == (1, 1.0)
        assert figures.p95_ms and figures.memory_mb and figures.shadow_frames and figures.shadow_frames >= 5
        assert figures.detections_per_frame == pytest.approx(1.0)
    assert len(rig.answers) == rig.offered
    assert rig.statuses() == {"ok": rig.offered}
    assert rig.models() == [rig.old.digest, new.digest]
    assert [answer.frame.seq for answer in rig.answers] == list(range(rig.offered))
    assert rig.boots.count().trial == ""


REFUSED_IN_A_CHILD = [
    ({"model": swelling(8), "golden": [], "input": {"name": "image", "size": (64, 96)}}, {"memory_mb": 1024}, "E_BUDGET", "memory|alloc"),
    ({"model": looping(1 << 62, always=True)}, {}, "E_BUDGET", "gives no answer within"),
    ({"model": looping(120_000, always=True)}, {"p95_ms": 5, "looks": 8}, "E_BUDGET", "95 of 100 looks take"),
    ({"golden": [{"image": "golden/lit.png", "boxes": [[60, 40, 90, 60, 1.0, 0]]}]}, {}, "E_GOLDEN", "golden"),
]


@pytest.mark.parametrize(("made", "said", "code", "words"), REFUSED_IN_A_CHILD, ids=["swells", "hangs", "slow", "wrong"])
def test_what_is_wrong_in_the_self_test_never_comes_near_the_frames(
    tmp_path: Path, made: dict[str, Any], said: dict[str, Any], code: str, words: str
) -> None:
    new = bundle(tmp_path / "new.vdb", "2.0.0", **made)
    with a_rig(tmp_path, **said) as rig:
        if "no answer" in words:
            object.__setattr__(rig.proof._selftest._limits, "seconds", 4.0)
        verdict = rig.prove(new)
        assert (verdict.accepted, verdict.code) == (False, code), verdict.words
        assert rig.serves == rig.old.digest
        assert rig.serving == []
        assert re.search(words, verdict.words)
    assert rig.statuses() == {"ok": rig.offered}


@pytest.mark.soak
@pytest.mark.timeout(1800)  # six processes, one after another
def test_a_slower_model_is_measured_against_the_one_in_force(tmp_path: Path) -> None:
    new = bundle(tmp_path / "new.vdb", "2.0.0", looping(120_000, always=True))
    with a_rig(tmp_path, p95_ms=None, slower=2, looks=8) as rig:
        verdict = rig.prove(new)
    assert verdict.code == "E_BUDGET"
    assert "the old model takes" in verdict.words


def test_a_model_that_sees_nothing_does_not_agree_and_the_pictures_are_marked(tmp_path: Path) -> None:
    new = bundle(tmp_path / "new.vdb", "2.0.0", blind())
    kept: list[Scene] = []

    class Kept:
        def put(self, item: Scene, wait: bool = False) -> bool:
            kept.append(item)
            return True

    with a_rig(tmp_path, disagreements=3) as rig:
        rig.marking.go_before(kept_inbox := Kept(), [kept_inbox])
        verdict = rig.prove(new)
        for answer in rig.answers[-2:]:
            rig.marking.put(answer)
    assert verdict.code == "E_SHADOW"
    assert "agreement 0.00" in verdict.words
    assert "box: both 0, old" in verdict.words
    assert rig.models() == [rig.old.digest]
    assert rig.tally.get("left", "compared", DISAGREEMENT) >= 5
    assert [doubts_of(scene) for scene in kept if doubts_of(scene)] == [(DISAGREEMENT,)]


TAKEN_BACK = [
    (blind(), {}, "boxes a frame"),
    (failing(), {}, "no answer to"),
    (looping(120_000), {"p95_ms": 60, "trial_frames": 15}, "95 of 100 looks take"),
]


@pytest.mark.parametrize(("model", "said", "words"), TAKEN_BACK, ids=["blind", "fails", "slow"])
def test_a_model_that_turns_bad_on_live_frames_is_taken_back_and_says_why(
    tmp_path: Path, model: bytes, said: dict[str, Any], words: str
) -> None:
    new = bundle(tmp_path / "new.vdb", "2.0.0", model)
    with a_rig(tmp_path, shadow_s=0, trial_s=20, **said) as rig:
        verdict = rig.prove(new)
        assert (verdict.accepted, verdict.code) == (False, "E_QUALITY"), verdict.words
        assert words in verdict.words
        assert rig.serves == rig.old.digest
        assert rig.serving == [new.digest, rig.old.digest]
        more(rig, 20)
    assert len(rig.answers) == rig.offered
    assert rig.models() == [rig.old.digest, new.digest, rig.old.digest]
    assert {answer.detections.status for answer in rig.answers[-10:]} == {"ok"}


def test_a_model_that_hangs_in_its_trial_takes_no_worker_with_it(tmp_path: Path) -> None:
    """Both are stuck in the engine; others take their place, and frames are looked at again."""
    new = bundle(tmp_path / "new.vdb", "2.0.0", looping(20_000_000))
    with a_rig(tmp_path, shadow_s=0, trial_s=60, timeout_ms=200) as rig:
        object.__setattr__(rig.proof._live.switch, "_patience_s", 0.5)  # type: ignore[union-attr]
        verdict = rig.prove(new)
        assert verdict.code == "E_QUALITY", verdict.words
        assert "no answer to" in verdict.words
        more(rig, 30)
    assert {answer.detections.status for answer in rig.answers[-10:]} == {"ok"}
    assert rig.answers[-1].model == rig.old.digest


@pytest.mark.soak
def test_a_shadow_that_hangs_is_left_alone_and_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.update.shadow.STUCK_S", 1.0)
    monkeypatch.setattr("device.update.shadow.JOIN_S", 0.2)
    new = bundle(tmp_path / "new.vdb", "2.0.0", looping(5_000_000))
    with a_rig(tmp_path) as rig:
        verdict = rig.prove(new)
        assert verdict.code == "E_SHADOW"
        assert "gave no answer for" in verdict.words
    assert rig.statuses() == {"ok": rig.offered}


class Leaking:
    """A detector that keeps two MB of each look."""

    def __init__(self, inner: Detector) -> None:
        self._inner, self._kept = inner, list[bytearray]()
        self.labels, self.digest = inner.labels, inner.digest

    def detect(self, planes: Planes) -> Detections:
        self._kept.append(bytearray(b"x" * (2 << 20)))
        return self._inner.detect(planes)

    def close(self) -> None:
        self._kept.clear()
        self._inner.close()


def test_a_model_that_leaks_is_taken_back(tmp_path: Path) -> None:
    new = bundle(tmp_path / "new.vdb", "2.0.0")
    with a_rig(tmp_path, shadow_s=0, trial_s=60, growth_mb=60) as rig:
        object.__setattr__(rig.proof._live, "open", lambda stored: Leaking(open_detector(stored)))
        verdict = rig.prove(new)
        assert (verdict.code, rig.serves) == ("E_BUDGET", rig.old.digest)
    assert "this box grew by" in verdict.words
    assert rig.statuses() == {"ok": rig.offered}


def test_a_bundle_that_was_exchanged_between_its_self_test_and_its_frames_is_refused(tmp_path: Path) -> None:
    """What is looked with is what was proved."""
    new, other = bundle(tmp_path / "new.vdb", "2.0.0"), bundle(tmp_path / "other.vdb", "3.0.0")
    with a_rig(tmp_path) as rig:
        object.__setattr__(rig.proof._live, "open", lambda _stored: open_detector(other))
        verdict = rig.prove(new)
        assert (verdict.code, rig.serves, rig.serving) == ("E_MIX", rig.old.digest, [])
    assert rig.statuses() == {"ok": rig.offered}


def test_mode_shadow_compares_and_changes_nothing(tmp_path: Path) -> None:
    new = bundle(tmp_path / "new.vdb", "2.0.0")
    with a_rig(tmp_path, shadow_s=0) as rig:
        verdict = rig.prove(new, "shadow")
        assert verdict.accepted
        assert rig.said == ["selftest", "shadow"]
    assert (rig.models(), rig.serving) == ([rig.old.digest], [])


@pytest.mark.parametrize("during", ["selftest", "shadow", "trial"])
def test_work_that_is_let_go_of_leaves_the_old_model(tmp_path: Path, during: str) -> None:
    class Stop(Exception):
        pass

    new = bundle(tmp_path / "new.vdb", "2.0.0")
    with a_rig(tmp_path) as rig:
        calls = 0

        def told(state: UpdateState, percent: float | None = None, words: str = "", left_s: float | None = None) -> None:
            nonlocal calls
            calls += state == during
            if calls > 1:
                raise Stop

        with pytest.raises(Stop):
            rig.proof.prove(new, told)
        assert rig.serves == rig.old.digest
        assert rig.boots.count().trial == ""
        more(rig, 5)
    assert rig.models()[-1] == rig.old.digest
    assert rig.statuses() == {"ok": rig.offered}


def test_a_box_that_ends_by_a_crash_in_a_trial_leaves_word_of_it(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def told(state: UpdateState, percent: float | None = None, words: str = "", left_s: float | None = None) -> None:
        if state == "trial":
            raise Stop

    new = bundle(tmp_path / "new.vdb", "2.0.0")
    with a_rig(tmp_path, shadow_s=0) as rig:
        object.__setattr__(rig.proof, "_died", lambda: True)
        with pytest.raises(Stop):
            rig.proof.prove(new, told)
        assert rig.boots.count().trial == new.digest
        rig.boots.begin()
        assert rig.boots.count().deaths == 1


def test_a_rejected_digest_is_not_even_tried(tmp_path: Path) -> None:
    new = bundle(tmp_path / "new.vdb", "2.0.0")
    with a_rig(tmp_path) as rig:
        for _ in range(3):
            rig.boots.trying(new.digest)
            rig.boots.begin()
        verdict = rig.prove(new)
        assert verdict.code == "E_CRASHLOOP"
        assert rig.said == []
        rig.boots.pardon(new.digest)
        assert rig.prove(new).accepted


def test_a_trial_says_that_it_serves_already(tmp_path: Path) -> None:
    """A cut between the verdict and the link: it is not proved by itself."""
    new = bundle(tmp_path / "new.vdb", "2.0.0")
    with a_rig(tmp_path) as rig:
        assert rig.prove(new).accepted
        assert rig.prove(new).accepted
        assert rig.serving == [new.digest]
    assert isinstance(rig.proof._live.trial, Trial)  # type: ignore[union-attr]


MODELS = Path(__file__).resolve().parents[3] / "models"


def street(path: Path, version: str, **fields: Any) -> StoredBundle:
    """The default model under another version, which is another bundle."""
    stored = read_bundle(MODELS / "person-street")
    known = {**stored.manifest.model_dump(mode="json", exclude={"model", "files", "chunks"}), "version": version, **fields}
    files = {entry.path: stored.read(entry.path) for entry in stored.manifest.files}
    return write_bundle(path, known, {"model.onnx": stored.model(), **files})


def test_the_default_model_on_street_pictures_agrees_with_itself_and_is_accepted(tmp_path: Path) -> None:
    old = read_bundle(MODELS / "person-street")
    shown = [read_picture(old.read(each.image), each.image) for each in old.manifest.golden]
    new = street(tmp_path / "new.vdb", "1.0.1")
    with a_rig(tmp_path, normal=15, factory=old, shown=shown, looks=8, trial_frames=10) as rig:
        verdict = rig.prove(new)
        assert (verdict.accepted, rig.serves) == (True, new.digest), verdict.words
    assert verdict.figures.agreement == 1.0
    assert verdict.figures.detections_per_frame
    assert verdict.figures.golden_pictures == 2
    assert rig.models() == [old.digest, new.digest]
    assert rig.statuses() == {"ok": rig.offered}


@pytest.mark.soak
def test_the_default_model_that_is_never_sure_enough_sees_nobody_in_the_street(tmp_path: Path) -> None:
    """Its golden answers were made of itself, and say so too: it is the live frames that tell."""
    old = read_bundle(MODELS / "person-street")
    shown = [read_picture(old.read(each.image), each.image) for each in old.manifest.golden]
    nobody = [{"image": each.image, "boxes": []} for each in old.manifest.golden]
    new = street(tmp_path / "new.vdb", "1.0.1", min_confidence=0.999, golden=nobody)
    with a_rig(tmp_path, normal=15, factory=old, shown=shown, looks=8, trial_frames=10) as rig:
        verdict = rig.prove(new)
        assert verdict.code == "E_SHADOW", verdict.words
        assert "person: both 0, old" in verdict.words
        without = ProofOptions(**{**rig.proof._options.model_dump(), "shadow_s": 0})
        object.__setattr__(rig.proof, "_options", without)
        verdict = rig.prove(new)
        assert (verdict.code, rig.serves) == ("E_QUALITY", old.digest)
        assert "0.00 boxes a frame" in verdict.words
    assert rig.statuses() == {"ok": rig.offered}
