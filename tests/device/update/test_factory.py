"""The model that comes with the software, and whatever was taken: in force without any network, for ever, whatever expires."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from contracts.update import AssignmentKeys
from device.following import trusted
from device.update.https import Https
from tests.device.update.box import HandClock, TestBox, a_box, bundle
from tests.device.update.repository import NOW, Repository
from tests.device.update.server import Files
from vision.bundle import StoredBundle

TIMES = [datetime(1970, 1, 1, tzinfo=timezone.utc), NOW, NOW + timedelta(days=3653), datetime(2261, 1, 1, tzinfo=timezone.utc)]
NAMES = ["1970", "now", "in ten years", "in 2261"]


def at(when: datetime) -> HandClock:
    clock = HandClock()
    clock.at(when)
    return clock


def looks_for_news(box: TestBox) -> None:
    box.updater._refreshed_ns = -(10**18)
    box.go()


@pytest.mark.parametrize("when", TIMES, ids=NAMES)
def test_the_factory_model_is_in_force_without_any_network(
    tmp_path: Path, repository: Repository, factory: StoredBundle, when: datetime
) -> None:
    """From the first start on, and at each that follows; with a road that leads nowhere too."""
    for url in (None, None, "http://127.0.0.1:9"):
        with a_box(tmp_path / "data", repository, factory, url, clock=at(when)) as box:
            looks_for_news(box)
            assert (box.current, box.board.parts().get("update")) == (factory.digest, None)
            assert box.parts.slots.open(factory.digest).manifest.version == "1.0.0"


@pytest.mark.parametrize("when", TIMES, ids=NAMES)
def test_a_pushed_model_stays_in_force_although_all_that_released_it_has_expired(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle, when: datetime
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    raw = repository.assign(model)
    with a_box(tmp_path / "data", repository, factory, served.url) as box:
        assert box.told(raw).state == "committed"
    for _ in range(2):
        with a_box(tmp_path / "data", repository, factory, served.url, clock=at(when)) as box:
            looks_for_news(box)
            report = box.told(raw)  # retained: it comes at each connection, expired or not
            assert (box.current, report.refused) == (model.digest, None)


@pytest.mark.parametrize("when", TIMES, ids=NAMES)
def test_what_a_box_was_provisioned_with_is_read_at_any_time(tmp_path: Path, repository: Repository, when: datetime) -> None:
    """A root that has expired installs nothing; it does not keep the box from starting."""
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust" / "root.json").write_bytes(repository.root)
    (tmp_path / "trust" / "assignment.json").write_text(repository.keys.model_dump_json())
    root, keys = trusted(tmp_path / "trust", at(when))
    assert (root, keys) == (repository.root, AssignmentKeys.model_validate(repository.keys))


def test_a_box_that_slept_for_ten_years_goes_on_when_somebody_signs_anew(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle
) -> None:
    late = NOW + timedelta(days=3653)
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    with a_box(tmp_path / "data", repository, factory, served.url, clock=at(late)) as box:
        raw = repository.assign(model, expires=late + timedelta(days=7))
        assert (box.told(raw).code, box.current) == ("E_FREEZE", factory.digest)
        repository.new_root(expires=late + timedelta(days=730))
        repository.publish(now=late)
        assert box.go().current == model.digest


def test_nothing_is_asked_of_a_network_that_is_not_configured(tmp_path: Path, repository: Repository, factory: StoredBundle) -> None:
    with a_box(tmp_path / "data", repository, factory, roads=[]) as box:
        looks_for_news(box)
        report = box.told(repository.assign(repository.release(bundle(tmp_path / "v2.vdb"))))
        assert (report.code, report.current) == ("E_FETCH", factory.digest)
        assert "no road leads to the repository" in report.words
    assert Https("http://127.0.0.1:9", HandClock())._live is None  # building a road opens nothing
