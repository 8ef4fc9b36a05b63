"""A data set looked at a page at a time: every filter says what the manifest says, whatever the writer does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.errors import StorageError
from dataset.browse import Browse
from dataset.exporter import Exporter
from dataset.facets import Kind
from dataset.marks import click, drawn
from dataset.native import NativeReader
from tests.dataset.scenery import WHEN, about, fill, seen, view


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Browse]:
    made = Browse(tmp_path / "set", tmp_path / "browse.sqlite")
    yield made
    made.close()


def listed(browse: Browse) -> None:
    while browse.step(7):
        pass


def ids(browse: Browse, limit: int = 5, **which: str) -> list[str]:
    """All pages."""
    found: list[str] = []
    before = None
    while True:
        page = browse.page({kind.rstrip("_"): value for kind, value in which.items()}, before, limit)  # type: ignore[misc]
        found += [each.about.image_id for each in page.pictures]
        before = page.older
        if before is None:
            return found


def test_nothing_there_is_an_empty_page(browse: Browse) -> None:
    assert browse.step() == 0
    assert (browse.page({}).pictures, browse.overview().pictures, browse.picture("0" * 64)) == ([], 0, None)


def test_pages_are_newest_first_without_loss_or_repetition_even_before_anything_is_listed(browse: Browse, tmp_path: Path) -> None:
    with Exporter(tmp_path / "set") as exporter:
        names = fill(exporter, range(23))
        exporter.commit()
        assert ids(browse) == names[::-1]  # beside its writer
    listed(browse)
    assert ids(browse, camera="yard") == names[::-1]


def test_filters_say_what_holds_now(browse: Browse, tmp_path: Path) -> None:
    with Exporter(tmp_path / "set", near_duplicate_bits=0) as exporter:
        a, b, c = (exporter.add(view(n), [seen()], about(n, reason="event_best")).image_id for n in range(3))
        d = exporter.add(
            view(3), [click("ball", 9, 9)], about(3, source="door", reason="manual", timestamp=WHEN + timedelta(days=3))
        ).image_id
        listed(browse)
        exporter.review(a, [drawn("dog", (1, 1, 9, 9))], about(9, reviewed=True, exhaustive_for=("person", "dog"), source="anna"))
        exporter.remove([b], "budget", WHEN, unacknowledged=True)
    listed(browse)
    assert ids(browse, class_="person") == [c]
    assert ids(browse, class_="dog", verified="yes") == [a]
    assert ids(browse, verified="no") == [c]
    assert ids(browse, source="click") == [d]
    assert ids(browse, day="2026-11-25", camera="door") == [d]
    assert ids(browse, reason="event_best") == [c, a]
    assert ids(browse, camera="anna") == [a]
    assert ids(browse, camera="nobody") == []
    overview = browse.overview()
    assert overview.pictures == 3
    assert {(c.value, c.pictures, c.boxes) for c in overview.choices["class"]} == {("person", 1, 1), ("dog", 1, 1), ("ball", 1, 1)}
    shown = browse.picture(a)
    assert shown is not None
    assert [each.source for each in shown.about.observations] == ["yard", "anna"]
    assert browse.picture(b) is None


def test_near_duplicates_know_each_other(browse: Browse, tmp_path: Path) -> None:
    image = view(1)
    nearly = image.copy()
    nearly[0, 0] = 255 - nearly[0, 0]
    with Exporter(tmp_path / "set") as exporter:
        first, second = (exporter.add(each, [seen()], about(n)).image_id for n, each in enumerate((image, nearly)))
    listed(browse)
    shown = browse.picture(second)
    assert shown is not None
    assert shown.about.near_duplicate_of == first
    assert browse.near(first) == [second]
    assert ids(browse, near="yes") == [second]
    assert browse.beside(1) == (None, second)
    assert browse.beside(2) == (first, None)


ACTS = st.lists(
    st.tuples(st.sampled_from(["add", "review", "remove", "list"]), st.integers(0, 5), st.sampled_from(["person", "dog", "ball"])),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts=ACTS)
def test_after_any_history_every_filter_agrees_with_the_data_set(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("history")
    browse = Browse(folder / "set", folder / "browse.sqlite")
    with Exporter(folder / "set", near_duplicate_bits=0) as exporter:
        names = fill(exporter, range(6))
        exporter.commit()
        for at, (act, number, category) in enumerate(acts):
            if act == "add":
                exporter.add(view(number), [seen(category)], about(100 + at))
            elif act == "review" and exporter.store.known(names[number]):
                exporter.review(names[number], [click(category, 9, 9)], about(100 + at, reviewed=True, exhaustive_for=(category,)))
            elif act == "remove":
                exporter.remove([names[number]], "budget", WHEN, unacknowledged=True)
            else:
                listed(browse)
    listed(browse)
    reader = NativeReader(folder / "set")
    items = list(reader)
    reader.close()
    for kind, said in (
        ("class", lambda item: {each.category for each in item.labels}),
        ("source", lambda item: {each.source for each in item.labels}),
    ):
        for value in ("person", "dog", "ball", "detection", "click"):
            wanted = {item.id for item in items if value in said(item)}
            found = ids(browse, **{f"{kind}_": value})
            assert set(found) == wanted
            assert len(found) == len(wanted)
    counted = {choice.value: choice.boxes for choice in browse.overview().choices["class"]}
    labels = [label.category for item in items for label in item.labels]
    assert counted == {name: labels.count(name) for name in set(labels)}
    browse.close()


def test_it_begins_again_for_another_manifest_and_after_damage(browse: Browse, tmp_path: Path) -> None:
    with Exporter(tmp_path / "set") as exporter:
        fill(exporter, range(4))
    listed(browse)
    browse.close()
    (tmp_path / "browse.sqlite").write_bytes(b"this is no database" * 500)
    listed(browse)
    assert len(ids(browse, class_="person")) == 4
    (tmp_path / "set").rename(tmp_path / "other")
    with Exporter(tmp_path / "set") as exporter:
        names = fill(exporter, range(10, 12))
    listed(browse)
    assert ids(browse, class_="person") == names[::-1]


def test_lines_that_are_damaged_are_passed_over(browse: Browse, tmp_path: Path) -> None:
    with Exporter(tmp_path / "set") as exporter:
        names = fill(exporter, range(3))
    manifest = tmp_path / "set" / "manifest.jsonl"
    data = bytearray(manifest.read_bytes())
    second = data.index(b"\n") + 40
    data[second : second + 3] = b"\xff\xff\xff"
    manifest.write_bytes(data)
    listed(browse)
    assert ids(browse, class_="person") == [names[2], names[0]]
    assert ids(browse) == [names[2], names[0]]


@pytest.mark.parametrize("name", ["manifest.jsonl", "index.sqlite"])
def test_no_link_is_followed(browse: Browse, tmp_path: Path, name: str) -> None:
    with Exporter(tmp_path / "set") as exporter:
        fill(exporter, range(1))
    (tmp_path / "set" / name).rename(tmp_path / name)
    (tmp_path / "set" / name).symlink_to(tmp_path / name)
    with pytest.raises(StorageError):
        browse.page({})


def test_a_disk_that_takes_no_list_shows_unfiltered_pages_all_the_same(tmp_path: Path) -> None:
    with Exporter(tmp_path / "set") as exporter:
        names = fill(exporter, range(2))
    browse = Browse(tmp_path / "set", tmp_path / "no" / "such" / "folder.sqlite")
    with pytest.raises(StorageError):
        browse.step()
    assert ids(browse) == names[::-1]
    (tmp_path / "no" / "such").mkdir(parents=True)
    listed(browse)
    which: dict[Kind, str] = {"class": "person"}
    assert len(browse.page(which).pictures) == 2
    browse.close()
