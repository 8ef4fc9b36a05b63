"""Charsets: what a bundle lists, and what of it a place may hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import BundleError, ConfigError
from vision.text.charset import LANGUAGES, Charset, expand

KNOWN = Charset(tuple("0123456789ABCabcäÄß日か-: "))


def readable(language: str | None, characters: str | None) -> str:
    mask = KNOWN.allowed(language, characters)
    assert mask is not None
    assert mask[0], "the blank is always allowed"
    return "".join(each for each, may in zip(KNOWN.characters, mask[1:], strict=True) if may)


def test_nothing_asked_allows_everything() -> None:
    assert KNOWN.allowed(None, None) is None


def test_a_range_stands_for_what_lies_between() -> None:
    assert readable(None, "0-9:") == "0123456789:"
    assert expand("a-e-") == set("abcde-")
    assert expand("-+") == set("-+")


def test_a_language_allows_its_letters_only() -> None:
    assert readable("english", None) == "0123456789ABCabc-: "
    assert readable("german", None) == "0123456789ABCabcäÄß-: "
    assert readable("japanese", None) == "0123456789ABCabc日か-: "
    assert readable("chinese", None) == "0123456789ABCabc日-: "


def test_both_asked_must_both_allow() -> None:
    assert readable("english", "aä日") == "a"


def test_what_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot read 'Ж'"):
        KNOWN.allowed(None, "0-9Ж")
    with pytest.raises(ConfigError, match="no character in common"):
        KNOWN.allowed("english", "日")
    with pytest.raises(ConfigError, match="language klingon: not known; choose one of english"):
        KNOWN.allowed("klingon", None)


@pytest.mark.parametrize("characters", ["9-0", "\0-\U0010ffff"])
def test_a_range_that_is_none_is_refused(characters: str) -> None:
    with pytest.raises(ConfigError, match="backwards or too far"):
        expand(characters)


@pytest.mark.parametrize("data", [b"a\nb\na\n", b"ab\n", b"a\n\nb\n", b"\xff", b"\x07\n", b"", b"a\n\xe2\x80\xa8\n"])
def test_a_listing_of_other_things_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match=r"charset: .*; make the bundle again"):
        Charset.parse(data)


def test_a_listing_keeps_its_order() -> None:
    assert Charset.parse("b\na\n \n日\n".encode()).characters == ("b", "a", " ", "日")


@given(st.text(max_size=40))
def test_any_charset_is_taken_or_refused_in_words(characters: str) -> None:
    try:
        assert expand(characters) or not characters
    except ConfigError as error:
        assert "; " in str(error)


def test_every_language_knows_ascii() -> None:
    for language in LANGUAGES:
        assert set("0123456789ABCabc-: ") <= set(readable(language, None))
