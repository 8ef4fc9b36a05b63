from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import trainer.main
from contracts.errors import ConfigError, ProtocolError
from contracts.split import Fractions, Side, Split
from dataset.exporter import Exporter
from dataset.items import Item, Origin
from dataset.native import NativeReader
from tests.dataset.scenery import about, seen, view
from tests.trainer.datasets.sets import ListReader, picture, pictures
from trainer.datasets.lineage import recordings, sightings
from trainer.datasets.split_file import read_split, write_split
from trainer.datasets.splitting import Division, Frozen, Plan, continued, empty_sides, split
from trainer.datasets.verify import verify

NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)
THIRDS = Fractions(train=0.5, val=0.25, test=0.25)


def divided(items: list[Item], plan: Plan | None = None) -> Division:
    return split(ListReader(items), plan or Plan("salt", THIRDS), NOW)


def sides(items: list[Item], division: Division) -> dict[str, Side | None]:
    frozen = Frozen(division.split)
    return {item.id: frozen.side(item) for item in items}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    sessions=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    cut=st.integers(0, 30),
    order=st.randoms(use_true_random=False),
    salt=st.text(min_size=1, max_size=8),
)
def test_adding_items_never_moves_old_ones(tmp_path: Path, sessions: list[int], cut: int, order: object, salt: str) -> None:
    items = [picture(tmp_path, n, f"s{session}") for n, session in enumerate(sessions)]
    first = divided(items[:cut], Plan(salt, THIRDS))
    mixed = list(items)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    then = divided(mixed, continued(first.split, hold=False))
    before, after = sides(items[:cut], first), sides(items, then)
    assert {name: after[name] for name in before} == before
    assert then.split.after == first.split.root
    for item in items:
        group = next(each for each in then.split.groups if each.session == item.origin.session)
        assert after[item.id] == group.side


def test_a_recording_is_on_one_side_and_two_boxes_with_one_session_name_are_two(tmp_path: Path) -> None:
    items = [picture(tmp_path, n, f"s{n % 20}", device=f"box-{n % 2}") for n in range(100)]
    division = divided(items)
    assert len(division.split.groups) == 20
    placed = sides(items, division)
    for group in division.split.groups:
        kin = [item for item in items if (item.origin.device, item.origin.session) == (group.device, group.session)]
        assert {placed[item.id] for item in kin} == {group.side}
        assert len(kin) == group.items
    same = [picture(tmp_path, n, "one name", device=f"box-{n}") for n in range(60)]
    assert len({group.side for group in divided(same).split.groups}) == 3


def test_fractions_are_reached_with_many_recordings(tmp_path: Path) -> None:
    division = divided([picture(tmp_path, n, f"s{n}") for n in range(600)])
    for side, share in zip(("train", "val", "test"), THIRDS.shares(), strict=True):
        assert abs(division.pictures[side] / 600 - share) < 0.08  # type: ignore[index]
    other = divided([picture(tmp_path, n, f"s{n}") for n in range(600)], Plan("other", THIRDS))
    assert [group.side for group in other.split.groups] != [group.side for group in division.split.groups]


def twins(tmp_path: Path) -> tuple[list[Item], str, str]:
    """A set in which one picture of a test recording is nearly one of a train recording, and the same file as one of val."""
    items = pictures(tmp_path, 20)
    division = divided(items)
    by_side = {side: [g.session for g in division.split.groups if g.side == side] for side in ("train", "val", "test")}
    train = next(item for item in items if item.origin.session == by_side["train"][0])
    late = picture(tmp_path, 777, by_side["test"][0])
    return [*items, replace(late, phash=(train.phash or 0) ^ 0b10101)], train.id, late.id


def test_near_duplicates_on_two_sides_are_named(tmp_path: Path) -> None:
    items, early, late = twins(tmp_path)
    division = divided(items)
    assert division.leak_count == 1
    assert division.leaks[0].words() == f"{late} (test) is nearly {early} (train): 3 of 64 bits differ"
    held = divided(items, Plan("salt", THIRDS, hold=True))
    assert (held.leak_count, [(each.id, each.near, each.side) for each in held.split.held]) == (0, [(late, early, "test")])
    assert Frozen(held.split).side(items[-1]) is None
    assert verify(ListReader(items), held.split).ok


def test_one_side_may_have_as_many_of_a_kind_as_it_likes(tmp_path: Path) -> None:
    """Near to one of its own side first, and to another of that side: still found from the other side."""
    items = pictures(tmp_path, 20)
    division = divided(items)
    train = [g.session for g in division.split.groups if g.side == "train"]
    test = next(g.session for g in division.split.groups if g.side == "test")
    a = replace(picture(tmp_path, 500, train[0]), phash=0)
    b = replace(picture(tmp_path, 501, train[1]), phash=0b111111)
    c = replace(picture(tmp_path, 502, test), phash=0b111111_111111)
    found = divided([a, b, c])
    assert [(leak.late, leak.early) for leak in found.leaks] == [(c.id, b.id)]


def test_the_same_file_on_two_sides_is_found_whatever_its_hash(tmp_path: Path) -> None:
    items, early, _ = twins(tmp_path)
    path = next(item.path for item in items if item.id == early)
    twin = replace(items[-1], path=path, phash=None, id="copy")
    found = divided([*items[:-1], twin])
    assert [leak.late for leak in found.leaks] == ["copy"]


def test_check_finds_what_was_forged_changed_and_added(tmp_path: Path) -> None:
    items = pictures(tmp_path, 12)
    kept = divided(items).split
    assert verify(ListReader(items), kept).faults == ()
    group = kept.groups[0]
    moved = group.model_copy(update={"side": "test" if group.side == "train" else "train"})
    forged = kept.model_copy(update={"groups": [moved, *kept.groups[1:]]})
    assert any("is written down as" in fault for fault in verify(ListReader(items), forged).faults)
    grown = verify(ListReader([*items, picture(tmp_path, 9999, "new")]), kept).faults
    assert any("yard-1/new came after the split" in fault for fault in grown)
    assert any("the set is another" in fault for fault in grown)
    (tmp_path / "0.png").write_bytes(b"another")
    assert any("the set is another" in fault for fault in verify(ListReader(items), kept).faults)
    fewer = verify(ListReader(items[3:]), kept).faults
    assert any("yard-1/s0 is not in the set any more" in fault for fault in fewer)


def test_pictures_of_no_recording_are_split_one_by_one(tmp_path: Path) -> None:
    items = [replace(picture(tmp_path, n, ""), origin=Origin()) for n in range(60)]
    division = divided(items)
    assert division.split.groups == []
    assert sum(division.split.singles.values()) == 60
    assert verify(ListReader(items), division.split).ok
    video = [replace(item, sequence="film") for item in items]
    assert [group.name for group in divided(video).split.groups] == ["/video film"]


def test_two_recordings_cannot_give_three_sides(tmp_path: Path) -> None:
    assert empty_sides(divided(pictures(tmp_path, 2)))


def test_a_split_is_written_once_and_read_as_it_was(tmp_path: Path) -> None:
    made = divided(pictures(tmp_path, 5)).split
    write_split(tmp_path / "split.json", made)
    assert read_split(tmp_path / "split.json") == made
    with pytest.raises(ConfigError, match="is there already"):
        write_split(tmp_path / "split.json", made)
    for wrong in (b"", b"[]", b"{}", b'{"format":"x"}', json.dumps({**made.model_dump(mode="json"), "root": "md5:1"}).encode()):
        (tmp_path / "wrong.json").write_bytes(wrong)
        with pytest.raises(ProtocolError, match="is not a split"):
            read_split(tmp_path / "wrong.json")
    with pytest.raises(ValueError, match="add up to 1"):
        Fractions(train=0.5, val=0.5, test=0.5)


def test_a_picture_is_traced_to_all_that_was_said_of_it(tmp_path: Path) -> None:
    with Exporter(tmp_path / "set") as exporter:
        first = exporter.add(view(1), [seen("car")], about(1, session="one"))
        exporter.add(view(1), [seen("car")], about(2, session="two"))
    reader = NativeReader(tmp_path / "set")
    image = next(iter(reader)).id
    assert [origin.session for origin in sightings(reader, image)] == ["one", "two"]
    assert [row.session for row in recordings(reader)] == ["one"]
    assert first
    reader.close()


def test_the_document_has_a_schema_that_a_split_passes(tmp_path: Path) -> None:
    import jsonschema

    schema = json.loads((Path(trainer.main.__file__).parents[1] / "contracts" / "schemas" / "split.json").read_text())
    made: Split = divided(pictures(tmp_path, 4)).split
    jsonschema.validate(made.model_dump(mode="json"), schema)
