from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trainer.ingest.sequences import MOST_GAPS, Gap, Sequence


def holes(sequence: Sequence) -> set[int]:
    return {seq for gap in sequence.gaps for seq in range(gap.first, gap.last + 1)}


@given(st.lists(st.integers(1, 120), max_size=150))
def test_in_any_order_and_any_number_of_times_the_gaps_are_what_did_not_come(numbers: list[int]) -> None:
    sequence, had = Sequence(), set[int]()
    for seq in numbers:
        sequence.take(seq, seq not in had, 0)
        had.add(seq)
        assert sequence.low == min(had)
        assert sequence.high == max(had)
        assert holes(sequence) == set(range(min(had), max(had) + 1)) - had
        assert sequence.missing() == len(holes(sequence))
        assert all(one.last < other.first - 1 for one, other in zip(sequence.gaps, sequence.gaps[1:], strict=False))
    assert sequence.journal == 1


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 20)), max_size=10), st.integers(1, 60), st.integers(0, 30))
def test_what_is_gone_is_no_longer_waited_for(spans: list[tuple[int, int]], first: int, count: int) -> None:
    sequence = Sequence()
    for at, width in spans:
        for seq in range(at, at + width):
            sequence.take(seq, False, 0)
    before = holes(sequence)
    lost = {seq for gap in sequence.gone(first, first + count) for seq in range(gap.first, gap.last + 1)}
    assert lost == before & set(range(first, first + count + 1))
    assert holes(sequence) == before - lost


def test_another_message_under_a_number_that_was_used_is_a_new_journal() -> None:
    sequence = Sequence()
    for seq in (1, 2, 5):
        sequence.take(seq, True, 0)
    sequence.take(2, False, 0)
    assert (sequence.journal, sequence.high) == (1, 5)
    sequence.take(1, True, 7)
    assert (sequence.journal, sequence.low, sequence.high, sequence.gaps) == (2, 1, 1, [])
    assert sequence.lost == [Gap(3, 4, 0)]


def test_what_the_box_says_it_has_sent_is_missing_until_it_comes() -> None:
    sequence = Sequence()
    sequence.told_last(9, 0)
    assert sequence.gaps == []
    sequence.take(3, True, 0)
    sequence.told_last(5, 1)
    assert sequence.gaps == [Gap(4, 5, 1)]
    sequence.take(5, True, 2)
    sequence.take(4, True, 2)
    assert (sequence.gaps, sequence.filled) == ([], 2)


def test_gaps_are_bounded_whatever_comes() -> None:
    sequence = Sequence()
    for seq in range(1, 5000, 3):
        sequence.take(seq, True, 0)
    assert len(sequence.gaps) == MOST_GAPS
    for seq in range(1, 5000):
        sequence.take(seq, False, 0)
    assert sequence.gaps == []
    sequence.take(1 << 59, True, 0)
    assert sequence.missing() == (1 << 59) - 4999 - 1
