"""YAML as owners write it, and as nobody should: read or refused in words, in little time and memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from device.documents import MAX_BYTES, parse, read_yaml
from device.problems import BadConfig, Origins

LAUGHS = "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])
TITTERS = "m0: &m0 {b: 1, c: 1}\n" + "\n".join(f"m{n}: &m{n} {{b: *m{n - 1}, c: *m{n - 1}}}" for n in range(1, 20))
BROKEN = {
    "a billion laughs": (LAUGHS, "has more than 20000 values; remove aliases"),
    "laughs as mappings": (TITTERS, "20000 values"),
    "an alias of itself": ("a: &a [*a]", "nested too deeply"),
    "deep brackets": ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
    "deep indentation": ("\n".join(" " * n + "a:" for n in range(600)), "nested too deeply"),
    "an object of Python's": ("a: !!python/object/apply:os.system [true]", "not valid YAML"),
    "a date that there is not": ("a: 2026-13-45", "a value that cannot be read"),
    "a number of more digits than Python reads": ("a: " + "9" * 5000, "a value that cannot be read"),
    "a key that is a number": ("cameras: {1: {use: pattern}}", 'cameras.1: is a key that is not text; put it in quotes: "1"'),
    "a key that is a word for true": ("yes: 1", 'put it in quotes: "yes"'),
    "a key that is a list": ("? [a]\n: b", "not text"),
    "a character without a shape": ('a: "x\\0y"', "has a character that cannot be used"),
    "half a character": ('"\\ud800": 1', "not text"),
    "two documents": ("a: 1\n---\nb: 2", "not valid YAML"),
    "an alias of nothing": ("a: *b", "not valid YAML"),
    "a merge of a number": ("a: {<<: 5}", "not valid YAML"),
    "a bell": ("a: \a", "not valid YAML"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_meant_is_refused_in_words_and_costs_nothing(name: str, tmp_path: Path) -> None:
    text, expected = BROKEN[name]
    path = tmp_path / "device.yaml"
    path.write_text(text, errors="surrogatepass")
    tracemalloc.start()
    with pytest.raises(BadConfig) as bad:
        read_yaml(path, Origins())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert expected in str(bad.value)
    assert str(path) in str(bad.value)
    assert most < 64 << 20


def test_a_folder_a_missing_file_an_endless_file_and_a_name_that_cannot_be_are_named(tmp_path: Path) -> None:
    for path, what in (
        (tmp_path, "Is a directory"),
        (tmp_path / "no", "No such file"),
        (Path("/dev/zero"), f"is larger than {MAX_BYTES >> 10} KiB"),
        (tmp_path / ("x" * 300), "File name too long"),
        (Path("a\0b"), "null byte"),
    ):
        with pytest.raises(BadConfig, match=what):
            read_yaml(path, Origins())


def test_aliases_and_merges_in_reason_are_followed_and_each_place_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "device.yaml"
    path.write_text("\ufeffzone: &zone\n  points: [1, 2]\ncameras:\n  a:\n    <<: *zone\n    use: pattern\n", encoding="utf-8")
    origins = Origins()
    assert read_yaml(path, origins)["cameras"]["a"] == {"use": "pattern", "points": [1, 2]}
    assert origins.where(("cameras", "a", "use")) == f"{path}:6"
    assert origins.where(("cameras", "a", "points", 1)) == f"{path}:2"
    assert origins.where(("cameras", "a", "nothing")) == f"{path}:4"


@pytest.mark.parametrize("text", ["", "# only a comment", "null", "---\n"])
def test_nothing_is_an_empty_configuration(text: str, tmp_path: Path) -> None:
    (tmp_path / "device.yaml").write_text(text)
    assert read_yaml(tmp_path / "device.yaml", Origins()) == {}


def test_a_value_by_itself_is_read_as_yaml_reads_it() -> None:
    assert [parse(text, "x")[0] for text in ("5", "true", "[1, a]", "", "10:20")] == [5, True, [1, "a"], None, 620]
