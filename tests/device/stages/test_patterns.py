"""Patterns: fields out of texts; expressions that could take for ever are refused, and no text is slow."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from contracts.errors import ConfigError
from device.stages.patterns import MAX_PATTERN, MAX_TEXT, MAX_WORDS, Expressions, Fields, Vocabulary, bare, clean

KILL = r"(?P<killer>\S+) \[(?P<weapon>[^\]]+)\] (?P<victim>\S+)(?: (?P<how>headshot))?"
OUTCOMES = ("SURVIVED", "KILLED IN ACTION", "MISSING IN ACTION", "RUN THROUGH")
WORD = st.text("abcdefgh ", min_size=1, max_size=14).filter(lambda word: bool(bare(word)))


def test_named_groups_become_fields() -> None:
    fields = Expressions([KILL]).fields("Ann [M4A1] Bob headshot")
    assert fields == {"killer": "Ann", "weapon": "M4A1", "victim": "Bob", "how": "headshot"}


def test_a_group_that_took_no_part_is_no_field() -> None:
    assert Expressions([KILL]).fields("Ann [M4A1] Bob") == {"killer": "Ann", "weapon": "M4A1", "victim": "Bob"}


def test_the_first_expression_that_is_found_counts() -> None:
    both = Expressions([r"^(?P<time>\d+:\d+)$", r"(?P<number>\d+)"])
    assert both.fields("12:30") == {"time": "12:30"}
    assert both.fields("wave 12") == {"number": "12"}
    assert both.fields("nothing") is None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"(?=x)a", "looks ahead or behind"),
        (r"(?<!x)a", "looks ahead or behind"),
        (r"(?P<a>x)\1", "refers back to a group"),
        (r"(?P<a>x)(?P=a)", "refers back to a group"),
        (r"(?P<a>x", "missing )"),
        (r"(?P<a>x)(?P<a>y)", "'a' is there twice"),
        (r"(a{1000}){1000}", "repeats too often"),
        (r"((\w{1,900}){1,900}){1,900}", "repeats too often"),
        (r"*", "no argument for repetition"),
        ("x" * (MAX_PATTERN + 1), "at most 1000 are taken"),
        ("\ud800", "correct the expression"),
    ],
)
def test_what_cannot_be_bounded_is_refused_in_words(pattern: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"pattern .*; ") as refused:
        Expressions([pattern])
    assert said in str(refused.value)


CATASTROPHES = [
    (r"^(a+)+$", "a" * MAX_TEXT + "!"),
    (r"^(a|aa)+$", "a" * MAX_TEXT + "!"),
    (r"^(.*a){20}$", "a" * MAX_TEXT + "!"),
    (r"(x+x+)+y", "x" * MAX_TEXT),
    (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * MAX_TEXT),
    (r"(?:(?:.{0,300}){0,3}x){0,3}y", "x" * MAX_TEXT),
    (r"\w*\w*\w*\w*\w*\w*\w*\w*!", "ß" * MAX_TEXT),
]


@pytest.mark.parametrize(("pattern", "text"), CATASTROPHES)
def test_catastrophes_of_other_expression_engines_are_over_at_once(pattern: str, text: str) -> None:
    """Python's own `re` takes longer than the world is old on some of these."""
    try:
        expressions = Expressions([pattern])
    except ConfigError:
        return
    before = time.process_time()
    expressions.fields(text)
    assert time.process_time() - before < 1


def test_time_grows_with_the_text_and_not_faster() -> None:
    """8 times the text, and less than 40 times the time: far from a square of it."""

    def cost(length: int) -> float:
        expressions, best = Expressions([r"^(?P<x>(a+)+)$"]), 1.0
        for _ in range(5):
            before = time.process_time()
            for _ in range(50):
                expressions.fields("a" * length + "!")
            best = min(best, time.process_time() - before)
        return best

    assert cost(800) < 40 * max(cost(100), 0.0005)


@given(st.text(st.characters(), max_size=60), st.sampled_from([KILL, r"(?P<all>.*)", r"(?P<w>\w+)\s*$", r"(?i)(?P<b>survived|killed)"]))
def test_any_text_gives_fields_or_nothing(text: str, pattern: str) -> None:
    fields = Expressions([pattern]).fields(text)
    assert fields is None or all(isinstance(value, str) and value.encode() is not None for value in fields.values())


@given(st.text(max_size=120))
def test_any_expression_is_taken_or_refused_in_words(pattern: str) -> None:
    try:
        Expressions([pattern]).fields("SURVIVED 12:30")
    except ConfigError as error:
        assert str(error).startswith("pattern ")
        assert "; " in str(error)


def test_long_texts_are_cut() -> None:
    assert len(clean("x" * 10**6)) == MAX_TEXT
    assert Expressions(["y"]).fields("x" * MAX_TEXT + "y") is None


@pytest.mark.parametrize(
    ("read", "word"),
    [
        ("SURVIVED", "SURVIVED"), ("survived", "SURVIVED"), ("SURV1VED", "SURVIVED"), ("5URV1VED", "SURVIVED"), ("SURVIVE", "SURVIVED"),
        ("KILLEDINACTION", "KILLED IN ACTION"), ("KILLED\nIN\nACTI0N", "KILLED IN ACTION"), ("M1SSING 1N ACTION", "MISSING IN ACTION"),
        ("5VRV1VED", None), ("", None), ("MENU", None), ("x" * 5000, None), ("\ud800", None),
    ],
)  # fmt: skip
def test_a_misread_word_is_the_one_it_must_be_or_none(read: str, word: str | None) -> None:
    assert Vocabulary(OUTCOMES, 2).word(read) == word


def test_two_words_that_are_as_near_are_none() -> None:
    assert Vocabulary(("Factory", "Factors"), 2).word("Factorx") is None
    assert Vocabulary(("Factory", "Factors"), 2).word("Factorys") is None
    assert Vocabulary(("Factory", "Factors"), 2).word("Factors") == "Factors"


def test_a_list_as_long_as_may_be_costs_far_less_than_comparing_word_by_word() -> None:
    """A screen is read ten times a second, in several places."""
    letters = "abcdefghij"
    words = ["".join(letters[int(digit)] for digit in f"{n * 7919 % 10**8:08d}") for n in range(MAX_WORDS)]
    known, read = Vocabulary(words, 2), "zzcdefgh"

    def seconds(look: Callable[[], object]) -> float:
        begins = [(time.thread_time(), look(), time.thread_time()) for _ in range(5)]
        return min(over - begun for begun, _, over in begins)

    assert seconds(lambda: known.word(read)) < seconds(lambda: [Levenshtein.distance(read, word, score_cutoff=2) for word in words]) / 2


def test_short_words_are_not_made_of_others() -> None:
    assert Vocabulary(("PMC", "SCAV"), 5).word("PMG") == "PMC"
    assert Vocabulary(("PMC", "SCAV"), 5).word("PXG") is None
    assert Vocabulary(("on", "no"), 5).word("of") is None


@given(st.lists(WORD, min_size=1, max_size=8, unique_by=bare), st.text("abcdefghij", max_size=14), st.integers(0, 6))
def test_words_are_found_as_the_plain_definition_says(words: Sequence[str], read: str, most: int) -> None:
    edits = {word: Levenshtein.distance(bare(read), bare(word)) for word in words}
    near = {word: count for word, count in edits.items() if count == 0 or count <= min(most, len(bare(word)) // 3)}
    nearest = [word for word, count in near.items() if count == min(near.values())]
    assert Vocabulary(words, most).word(read) == (nearest[0] if len(nearest) == 1 else None)


@given(st.lists(WORD, min_size=2, max_size=8, unique_by=bare), st.randoms(use_true_random=False), st.text("abcdefgh", max_size=14))
def test_the_order_of_the_words_does_not_matter(words: list[str], chance: object, read: str) -> None:
    turned = list(reversed(words))
    assert Vocabulary(words, 3).word(read) == Vocabulary(turned, 3).word(read)


@pytest.mark.parametrize("words", [(), ("",), (" ",), ("a b", "AB"), ("x" * 201,)])
def test_lists_that_are_none_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"vocabulary: .*; "):
        Vocabulary(words, 2)


def test_a_vocabulary_mends_a_group() -> None:
    fields = Fields([KILL], {"weapon": ("M4A1", "AK-74N", "Knife")}, 2)
    assert fields.of("Ann [M4A7] Bob") == {"killer": "Ann", "weapon": "M4A1", "victim": "Bob"}
    assert fields.of("Ann [Banana] Bob") is None
    assert fields.of("Ann killed Bob") is None


def test_a_vocabulary_alone_takes_the_whole_text() -> None:
    assert Fields([], {"outcome": OUTCOMES}, 2).of("KILLED IN\nACTION") == {"outcome": "KILLED IN ACTION"}
    assert Fields([], {"outcome": OUTCOMES}, 2).of("LOADING") is None


def test_without_anything_asked_nothing_is_expected() -> None:
    assert Fields([], {}, 2).of("whatever") == {}
    assert not Fields([], {}, 2).asks


def test_a_vocabulary_of_no_group_is_refused() -> None:
    with pytest.raises(ConfigError, match="no pattern has a group of that name, only how, killer, victim, weapon"):
        Fields([KILL], {"gun": ("M4",)}, 2)
    with pytest.raises(ConfigError, match="add a pattern"):
        Fields([], {"a": ("x",), "b": ("y",)}, 2)
