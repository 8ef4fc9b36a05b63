"""Configurations that are pushed: put in force by a restart, kept when the box is as well as before, else taken back by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.update import MAX_CONFIG_BYTES, Receipt
from device.update.boots import FAILED
from device.update.config_slots import Revisions
from device.update.config_starts import Starts
from device.update.ledger import Ledger
from device.update.state import State
from device.update.vitals import Vitals
from tests.device.update.box import TestBox, bundle
from tests.device.update.configs import WELL, World, a_life, lived
from tests.device.update.repository import Repository, changed
from tests.device.update.server import Files
from vision.bundle import StoredBundle

AWAY = Vitals(online={"yard": False}, looked_at={"yard": 10}, parts={"mqtt": "ok"}, reasons={"yard": "retrying: no route"})


@pytest.fixture
def world(tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle) -> World:
    return World(tmp_path / "data", repository, factory, served.url)


def assigned(repository: Repository, text: str, rev: int = 1, model: Any = None, **said: Any) -> tuple[bytes, str]:
    """What is signed, and the hash of the file."""
    revision = repository.release_config(text, rev)
    repository.publish()
    return repository.assign(model, config=revision, **said), revision.sha256


def last(world: World) -> tuple[str, str | None, str]:
    """Of the ledger: state, code and words."""
    state = State(world.data / "update" / "state.sqlite")
    try:
        row = Ledger(state).last()
        assert row is not None and Ledger(state).flaw() == ""
        return row.state, row.code, str(row.body["words"])
    finally:
        state.close()


def test_a_good_one_is_in_force_after_a_restart_and_stays_when_the_box_is_well(world: World, repository: Repository) -> None:
    raw, digest = assigned(repository, "detection_fps: 4\n", rev=7)
    with a_life(world) as box:
        box.told(raw)
        assert box.states == ["offered", "downloading", "preflight", "trial"] and world.restarts == 1
        assert world.links == (digest, None, None)
    with a_life(world) as box:
        report = box.go()
        assert (report.state, report.config, report.config_rev, report.config_current) == ("committed", digest, 7, digest)
        assert box.states == ["offered", "downloading", "preflight", "trial", "committed"] and world.links == (digest, digest, None)
        assert report.receipt is not None
        receipt = Receipt.model_validate_json(report.receipt.payload)
        assert receipt.config is not None and receipt.config.sha256 == digest and receipt.model is None
    assert world.revisions.path(digest).read_text() == "detection_fps: 4\n" and world.restarts == 1


def refused_at_once(world: World, raw: bytes) -> tuple[TestBox, str | None]:
    with a_life(world) as box:
        report = box.told(raw)
        code = report.refused.code if report.refused else report.code
    assert world.links == (None, None, None) and world.restarts == 0
    return box, code


def test_what_was_not_released_or_is_another_is_refused(world: World, repository: Repository) -> None:
    revision = repository.release_config("detection_fps: 4\n")
    raw = repository.assign(None, config=revision)
    repository.targets.clear()
    repository.publish()
    assert refused_at_once(world, raw)[1] == "E_SIG"
    raw, _ = assigned(repository, "detection_fps: 4\n")
    other = repository.release_config("detection_fps: 5\n")
    repository.publish()
    mixed = repository.assign(None, config=other.model_copy(update={"sha256": revision.sha256}))
    assert refused_at_once(world, mixed)[1] == "E_MIX"
    assert refused_at_once(world, changed(raw, seq=9))[1] == "E_SIG"
    assert refused_at_once(world, raw)[1] == "E_REPLAY"


def test_bytes_that_are_not_what_was_signed_are_never_laid_down(world: World, repository: Repository, served: Files) -> None:
    raw, digest = assigned(repository, "detection_fps: 4\n")
    path = next((repository.folder / "targets" / "configs").rglob("*.yaml"))
    served.lies[str(path.relative_to(repository.folder))] = lambda data: data.replace(b"4", b"5")
    assert refused_at_once(world, raw)[1] == "E_MIX" and not world.revisions.has(digest)


def test_a_file_over_the_bound_is_refused_before_its_first_byte(world: World, repository: Repository, served: Files) -> None:
    raw, _ = assigned(repository, "#" * (MAX_CONFIG_BYTES + 1))
    assert refused_at_once(world, raw)[1] == "E_SIZE" and not served.sent_below("targets/")


def test_what_check_has_against_it_is_said_and_nothing_restarts(world: World, repository: Repository) -> None:
    raw, _ = assigned(repository, "detection_fsp: 4\n")
    world.check = lambda path: f"{path.name}:1: detection_fsp: is not a known key; did you mean `detection_fps`?"
    box, code = refused_at_once(world, raw)
    assert code == "E_CONFIG" and "did you mean" in box.last.words


def test_with_mode_shadow_it_is_checked_and_stays_out_of_force(world: World, repository: Repository) -> None:
    checked: list[Path] = []
    world.check = lambda path: checked.append(path) or ""  # type: ignore[func-returns-value]
    raw, _ = assigned(repository, "detection_fps: 4\n", mode="shadow")
    box, _ = refused_at_once(world, raw)
    assert box.last.state == "committed" and len(checked) == 1 and "stays out of force" in box.last.words


BAD = {
    "a camera that was online is not": (AWAY, "camera yard was online before"),
    "a part fails": (WELL.model_copy(update={"parts": {"mqtt": "failed"}, "reasons": {"mqtt": "failed: no"}}), "mqtt is worse than before"),
    "nothing of a camera is looked at": (WELL.model_copy(update={"looked_at": {"yard": 0}}), "nothing of it is looked at"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_with_which_the_box_is_not_well_is_taken_back_by_itself(name: str, world: World, repository: Repository) -> None:
    first, digest = assigned(repository, "detection_fps: 4\n")
    lived(world, first)
    assert world.links == (digest, digest, None)
    world.old, (world.seen.with_new, words) = digest, BAD[name]
    second, worse = assigned(repository, "detection_fps: 9\n", rev=2)
    box, states = lived(world, second)
    assert last(world)[:2] == ("rejected", "E_QUALITY") and words in last(world)[2]
    assert world.links == (digest, digest, None) and box.parts.configuring is not None and box.parts.configuring.running == digest
    assert states[-2:] == ["trial", "rejected"] and not world.revisions.has(worse)
    assert box.last.config_current == digest


def test_the_first_one_that_is_not_good_leaves_the_box_without_any(world: World, repository: Repository) -> None:
    world.seen.with_new = AWAY
    raw, _ = assigned(repository, "detection_fps: 4\n")
    box, _ = lived(world, raw)
    assert last(world)[1] == "E_QUALITY" and world.links == (None, None, None) and box.parts.configuring is not None
    assert box.parts.configuring.running is None


def test_a_camera_that_was_away_before_or_that_the_revision_removes_is_no_reason(world: World, repository: Repository) -> None:
    world.seen.with_old = WELL.model_copy(update={"online": {"yard": True, "roof": False, "gone": True}})
    world.seen.with_new = WELL.model_copy(update={"online": {"yard": True, "roof": False}})
    world.cameras = frozenset({"yard", "roof"})
    raw, digest = assigned(repository, "detection_fps: 4\n")
    lived(world, raw)
    assert world.links[:2] == (digest, digest)


def test_a_box_that_does_not_come_up_with_it_goes_back_after_three_starts(world: World, repository: Repository) -> None:
    raw, digest = assigned(repository, "detection_fps: 4\n")
    with a_life(world) as box:
        box.told(raw)
    assert world.links[0] == digest
    for _ in range(FAILED):
        assert Starts(world.data).begin() == ""  # and then it crashed
    assert "did not live through 3 starts" in Starts(world.data).begin()
    assert world.links == (None, None, None)
    box, _ = lived(world)
    assert last(world)[:2] == ("rejected", "E_CRASHLOOP") and world.links == (None, None, None)
    again = repository.assign(None, config=repository.release_config("detection_fps: 4\n"))
    repository.publish()
    with a_life(world) as box:
        assert box.told(again).code == "E_CRASHLOOP" and world.restarts == 1


def test_a_stop_in_the_trial_counts_for_nothing(world: World, repository: Repository) -> None:
    raw, digest = assigned(repository, "detection_fps: 4\n")
    with a_life(world) as box:
        box.told(raw)
    for _ in range(FAILED + 2):
        with a_life(world) as box:
            box.updater.close()  # as soon as it looks
            box.updater.step()
    lived(world)
    assert world.links[:2] == (digest, digest) and last(world)[0] == "committed"


def test_one_that_cannot_be_read_after_the_restart_is_refused_with_the_reason(world: World, repository: Repository) -> None:
    raw, digest = assigned(repository, "detection_fps: 4\n")
    world.set_aside = lambda linked: "revision.yaml:1: no" if linked == digest else ""
    lived(world, raw)
    assert last(world)[:2] == ("rejected", "E_CONFIG") and "revision.yaml:1: no" in last(world)[2] and world.links == (None, None, None)


def test_a_newer_assignment_takes_the_one_on_trial_back_first(world: World, repository: Repository) -> None:
    raw, first = assigned(repository, "detection_fps: 4\n")
    with a_life(world) as box:
        box.told(raw)
    newer, second = assigned(repository, "detection_fps: 5\n", rev=2)
    with a_life(world) as box:
        box.told(newer)
        assert world.links[0] is None and first != second
    lived(world)
    assert world.links == (second, second, None) and last(world)[0] == "committed"


def test_model_and_configuration_come_together_and_go_back_together(world: World, repository: Repository, tmp_path: Path) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    world.seen.with_new = AWAY
    raw, _ = assigned(repository, "detection_fps: 4\n", model=model)
    with a_life(world) as box:
        factory = box.current
        box.told(raw)
        assert box.current == model.digest
    box, _ = lived(world)
    assert last(world)[1] == "E_QUALITY" and world.links == (None, None, None) and box.current == factory
    world.seen.with_new = WELL
    raw, digest = assigned(repository, "detection_fps: 5\n", rev=2, model=model)
    box, _ = lived(world, raw)
    assert last(world)[0] == "committed" and world.links[0] == digest and box.current == model.digest


def test_a_box_that_takes_none_says_so(box: TestBox, repository: Repository) -> None:
    raw, _ = assigned(repository, "detection_fps: 4\n")
    assert box.told(raw).code == "E_CONFIG"


def test_an_owner_who_goes_back_in_the_trial_is_not_told_that_it_is_in_force(world: World, repository: Repository) -> None:
    raw, digest = assigned(repository, "detection_fps: 4\n")
    with a_life(world) as box:
        box.told(raw)
    well = world.seen.at

    def goes_back(revision: str | None, old: str | None) -> Vitals:
        if revision == digest:
            world.revisions.back()  # `vedette config rollback`
        return well(revision, old)

    world.seen.at = goes_back  # type: ignore[method-assign]
    lived(world)
    assert last(world)[:2] == ("rejected", "E_CONFIG") and "went back" in last(world)[2]
    assert world.links == (None, None, None) and not world.revisions.has(digest)


def test_a_model_goes_back_with_a_configuration_that_the_boot_guard_or_its_owner_took_back(
    world: World, repository: Repository, tmp_path: Path
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    for rev, takes_back in enumerate((crashes, Revisions.back), 1):
        raw, digest = assigned(repository, f"detection_fps: {rev}\n", rev=rev, model=model)
        with a_life(world) as box:
            factory = box.current
            box.told(raw)
            assert box.current == model.digest and world.links[0] == digest
        with a_life(world, guarded=False) as box:
            box.updater.close()  # as soon as it looks
            box.updater.step()
        takes_back(world.revisions)
        before = world.restarts
        box, _ = lived(world)
        assert last(world)[0] == "rejected" and world.links == (None, None, None)
        assert box.current == factory, "what is refused is refused as a whole"
        assert world.restarts > before, "the model that was loaded at the start serves until the next one"


def crashes(revisions: Revisions) -> None:
    for _ in range(FAILED + 1):
        Starts(revisions.folder.parent.parent).begin()
