from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ProtocolError
from dataset.marks import box
from dataset.native import NativeReader
from tests.trainer.review.homes import Place, Shot, add, place
from trainer.review.desk import Desk
from trainer.review.labels import Decision, Draft, Marked, check, read
from trainer.review.listing import one
from trainer.review.refusals import Closed, Misused, Stale, Unknown
from trainer.review.settling import Settling
from trainer.review.stats import statistics

PERSON = Marked(box=(10.0, 10.0, 20.0, 20.0), category="person")


def decision(answer: str = "boxes", **more: Any) -> Decision:
    boxes = [PERSON] if answer == "boxes" else []
    return Decision(answer=answer, **{"boxes": boxes, "exhaustive_for": ["person"] if boxes else [], "seconds": 3.0, **more})  # type: ignore[arg-type]


@pytest.fixture
def filled(here: Place) -> Place:
    add(here.sets / "yard", [Shot(n) for n in range(4)])
    here.fill(names=["yard"])
    return here


def test_what_a_box_kept_is_in_the_queue_with_why_and_how_likely(filled: Place) -> None:
    first = filled.items()[0]
    assert [first[name] for name in ("reason", "probability", "state", "version", "count")] == ["low_confidence", 0.5, "open", 1, 1]
    whole = one(filled.database, filled.sets, first["id"])
    (seen,) = whole["labels"]["boxes"]
    assert (seen["box"], seen["category"], seen["source"], seen["confidence"]) == ([10, 10, 20, 20], "person", "model", 0.5)
    assert (whole["labels"]["answer"], whole["draft"], whole["categories"]) == (None, None, ["person"])


def test_an_answer_becomes_an_observation_of_the_data_set(filled: Place) -> None:
    item = filled.ids()[0]
    answered = filled.desk.answer(item, 1, decision(ignore=[(40.0, 0.0, 10.0, 10.0)]), "ann")
    assert answered.version == 2
    assert answered.next in filled.ids()
    assert Settling(filled.database, filled.sets).settle().written == 1
    reader = NativeReader(filled.sets / "yard")
    (said,) = [each for shot in reader for each in reader.records(shot.id) if each.action_type == "review"]
    assert (said.source, said.action_id, said.reviewed, said.exhaustive_for) == ("ann", item, True, ["person"])
    assert [(each.bbox, each.verified, each.source) for each in said.labels] == [((10, 10, 20, 20), True, "box")]
    assert said.ignore[0].bbox == (40, 0, 10, 10)
    now = reader.item(said.image_id)
    assert now is not None
    assert [each.verified for each in now.labels] == [True], "a person stands before the machine"
    reader.close()


def test_nothing_here_is_said_of_all_classes_and_skip_and_unsure_say_nothing(filled: Place) -> None:
    nothing, skipped, unsure, _ = filled.ids()
    filled.desk.answer(nothing, 1, decision("nothing"), "ann")
    filled.desk.answer(skipped, 1, decision("skip"), "ann")
    filled.desk.answer(unsure, 1, decision("unsure"), "ann")
    assert Settling(filled.database, filled.sets).settle().written == 1
    reader = NativeReader(filled.sets / "yard")
    items = {shot.id: shot for shot in reader}
    reader.close()
    empty = [shot for shot in items.values() if shot.exhaustive_for == ("person",)]
    assert [shot.labels for shot in empty] == [()]
    assert sum(len(shot.labels) for shot in items.values()) == 3, "of the others stays what the machine said"
    assert {item["id"]: item["state"] for item in filled.items(state="")}[unsure] == "unsure"


def test_reopened_counts_as_it_was_answered_last_and_all_of_it_is_kept(filled: Place) -> None:
    item, settling = filled.ids()[0], Settling(filled.database, filled.sets)
    filled.desk.answer(item, 1, decision(), "ann")
    settling.settle()
    assert filled.desk.reopen(item, "bob") == 3
    settling.settle()
    image = image_of(filled, item)
    assert [label.verified for label in image.labels] == [False], "taken back: the machine's word is all there is"
    again = one(filled.database, filled.sets, item)
    assert (again["state"], again["labels"]["answer"], again["labels"]["boxes"][0]["source"]) == ("open", None, "person")
    moved = decision(boxes=[PERSON.model_copy(update={"box": (30.0, 5.0, 12.0, 12.0)})], exhaustive_for=[])
    filled.desk.answer(item, 3, moved, "bob")
    settling.settle()
    assert [label.box for label in image_of(filled, item).labels if label.verified] == [(30, 5, 12, 12)]
    with NativeReaderOf(filled) as reader:
        assert [record.source for record in reader.records(image.id) if record.action_type == "review"] == ["ann", "bob", "bob"]
    with pytest.raises(Closed, match="only what was answered"):
        filled.desk.reopen(filled.ids()[0], "ann")


class NativeReaderOf:
    def __init__(self, where: Place) -> None:
        self._reader = NativeReader(where.sets / "yard")

    def __enter__(self) -> NativeReader:
        return self._reader

    def __exit__(self, *_: object) -> None:
        self._reader.close()


def image_of(where: Place, item: str) -> Any:
    with where.database.read() as connection:
        from trainer.review.rows import item_of

        image = item_of(connection, item).image
    with NativeReaderOf(where) as reader:
        found = reader.item(image)
    assert found is not None
    return found


def test_who_was_too_late_is_told_who_was_faster_and_what_they_left(filled: Place) -> None:
    item = filled.ids()[0]
    assert filled.desk.draft(item, 1, Draft(boxes=[PERSON]), "ann") == 2
    with pytest.raises(Stale) as late:
        filled.desk.draft(item, 1, Draft(), "bob")
    now = late.value.now
    assert (now.version, now.by) == (2, "ann")
    assert now.draft is not None
    assert now.draft.boxes == [PERSON]
    assert one(filled.database, filled.sets, item)["draft"]["boxes"][0]["category"] == "person"
    with pytest.raises(Stale):
        filled.desk.answer(item, 1, decision(), "bob")


def test_an_answer_that_is_sent_again_is_the_same_answer(filled: Place) -> None:
    item = filled.ids()[0]
    first = filled.desk.answer(item, 1, decision(), "ann", "key-1")
    again = filled.desk.answer(item, 1, decision(), "ann", "key-1")
    assert (again.version, again.next, again.repeated) == (first.version, first.next, True)
    assert filled.desk.revisions() == 1
    with pytest.raises(Misused, match="another answer"):
        filled.desk.answer(item, 2, decision("nothing"), "ann", "key-1")
    with pytest.raises(Closed, match="is done"):
        filled.desk.answer(item, 2, decision("nothing"), "ann", "key-2")


def test_two_labellers_are_handed_different_pictures_until_one_has_gone(filled: Place) -> None:
    ann, bob = filled.desk.next("ann"), filled.desk.next("bob")
    assert (ann, bob) == tuple(filled.ids()[:2])
    assert filled.desk.next("ann") == ann, "what one has is given to the same one again"
    filled.clock.now_ns += 200 * 10**9
    assert filled.desk.next("carl") == ann


def test_of_an_unknown_picture_it_is_said_that_it_is_not_there(filled: Place) -> None:
    with pytest.raises(Unknown, match="is not in the queue"):
        filled.desk.draft("nonsense", 1, Draft(), "ann")


def test_the_desk_is_the_same_on_both_databases(tmp_path: Path, url: str) -> None:
    with place(tmp_path / "home", url) as made:
        add(made.sets / "yard", [Shot(n) for n in range(6)])
        filled = made.fill(most=4)
        assert (filled.added, filled.open, filled.passed) == (6, 4, 2)
        item = made.desk.next("ann")
        assert item is not None
        made.desk.draft(item, 1, Draft(boxes=[PERSON]), "ann")
        with pytest.raises(Stale):
            made.desk.draft(item, 1, Draft(), "bob")
        answered = made.desk.answer(item, 2, decision(), "ann", "k")
        assert made.desk.answer(item, 2, decision(), "ann", "k").version == answered.version == 3
        assert made.fill(most=4).written == 1
        assert len(made.items(state="done")) == 1
        assert len(made.items(state="open", limit=2)) == 2
        stats = statistics(made.database, made.sets)
        assert (stats["states"]["done"], stats["states"]["passed"], stats["unwritten"], stats["seconds"]) == (1, 1, 0, 3.0)
        assert stats["estimates"]["person"]["precision"]["estimate"] == 1.0


def test_of_many_who_answer_at_once_one_is_heard(tmp_path: Path, url: str) -> None:
    with place(tmp_path / "home", url) as made:
        add(made.sets / "yard", [Shot(1)])
        made.fill()
        (item,) = made.ids()
        heard: list[str] = []
        late: list[str] = []

        def go(who: str) -> None:
            desk = Desk(made.database, made.sets, made.clock)
            try:
                desk.answer(item, 1, decision(), who)
                heard.append(who)
            except Stale as error:
                late.append(error.now.by)

        threads = [threading.Thread(target=go, args=(f"p{n}",)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(heard) == 1
        assert late == heard * 5, "the others are told by whom"
        assert made.desk.revisions() == 1


def test_drafts_without_end_are_refused_and_an_answer_is_still_taken(filled: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.review.desk.MOST_REVISIONS", 3)
    item = filled.ids()[0]
    assert [filled.desk.draft(item, version, Draft(), "ann") for version in (1, 2)] == [2, 3]
    with pytest.raises(Closed, match="answer it now"):
        filled.desk.draft(item, 3, Draft(), "ann")
    assert filled.desk.answer(item, 3, decision(), "ann").version == 4


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["boxes", "box", "category", "answer", "ignore"]), inner),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(JSON | st.fixed_dictionaries({"answer": st.just("boxes"), "boxes": st.lists(JSON, max_size=3), "seconds": JSON}))
def test_whatever_is_sent_is_read_or_refused_in_words(said: object) -> None:
    try:
        found = read(Decision, json.dumps(said).encode())
        check(found, 64, 48, ["person"])
    except ProtocolError as error:
        assert str(error)
    else:
        assert all(each.box[0] + 1 >= 0 and each.box[0] + each.box[2] <= 65 for each in found.boxes)


def test_confidence_of_what_a_model_saw_and_a_person_approved_is_kept(filled: Place) -> None:
    item = filled.ids()[0]
    approved = PERSON.model_copy(update={"source": "model", "confidence": 0.5})
    filled.desk.answer(item, 1, decision(boxes=[approved]), "ann")
    Settling(filled.database, filled.sets).settle()
    (label,) = image_of(filled, item).labels
    assert (label.verified, label.source, label.confidence, dict(label.attributes)) == (True, "detection", 1.0, {"model_confidence": 0.5})
    assert box("x", (0, 0, 1, 1), 0.5).verified is False
