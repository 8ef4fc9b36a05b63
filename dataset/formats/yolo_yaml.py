"""data.yaml: classes and where the pictures of each split lie; read without trusting it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from contracts.errors import ConfigError, ProtocolError
from dataset.bounds import MOST_CATEGORIES, ItemError, check_name

LARGEST = 4 << 20  # bytes
DEEPEST = 20
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", "all": "all"}


@dataclass(frozen=True, slots=True)
class YoloSet:
    document: Path
    root: Path
    names: tuple[str, ...]
    places: Mapping[str, list[str]]  # split -> folders or lists, relative to root


def read_yaml(path: Path) -> YoloSet:
    """Of the file, or of the folder it lies in."""
    document = path / "data.yaml" if path.is_dir() else path
    content = _parsed(document)
    names = _names(content.get("names"), document)
    root = _root(content.get("path"), document.parent)
    places = {SPLITS[key]: _places(content[key], document) for key in SPLITS if content.get(key)}
    if not places:
        raise ProtocolError(f"{document}: names none of train, val, test; give at least one folder of pictures")
    places = {split: [_seen(root, place) for place in each] for split, each in places.items()}
    if "all" in places:
        places = {split: each for split, each in places.items() if split == "all" or each != places["all"]}
    return YoloSet(document, root, names, places)


def _parsed(document: Path) -> Mapping[str, Any]:
    try:
        with document.open("rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{document}: {error.strerror}; name a data.yaml or the folder it lies in") from error
    if len(text) > LARGEST:
        raise ProtocolError(f"{document}: has more than {LARGEST} bytes; is it a data.yaml?")
    try:
        _harmless(text, document)
        content = yaml.load(text, LOADER)  # noqa: S506 (it is the safe one)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ProtocolError(f"{document}: is not YAML: {str(error)[:300]}") from error
    if not isinstance(content, dict):
        raise ProtocolError(f"{document}: is not a mapping; give it `names` and `train`")
    return content


def _harmless(text: bytes, document: Path) -> None:
    """Aliases make gigabytes of a few lines, and brackets in each other take quadratic time."""
    depth = 0
    for event in yaml.parse(text, LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise ProtocolError(f"{document}: has aliases (*name); write the values out")
        if depth > DEEPEST:
            raise ProtocolError(f"{document}: has more than {DEEPEST} lists in each other; is it a data.yaml?")


def _names(given: object, document: Path) -> tuple[str, ...]:
    if isinstance(given, dict) and sorted(given, key=str) == sorted(range(len(given)), key=str):
        given = [given[index] for index in range(len(given))]
    if not isinstance(given, list) or len(given) > MOST_CATEGORIES:
        raise ProtocolError(f"{document}: `names` is not a list of classes, nor a mapping of 0, 1, 2, ... to them")
    names = tuple(str(name) for name in given)
    try:
        for name in names:
            check_name(name, "names")
    except ItemError as error:
        raise ProtocolError(f"{document}: {error}") from error
    if len(set(names)) < len(names):
        raise ProtocolError(f"{document}: a class is there twice in `names`; give each its own name")
    return names


def _root(given: object, folder: Path) -> Path:
    """`path` where it is below the file's folder; elsewhere (another machine's, mostly) the file's folder itself."""
    if isinstance(given, str) and given not in {"", "."} and "\0" not in given:
        below = folder / given
        if below.resolve().is_relative_to(folder.resolve()) and below.is_dir():
            return below
    return folder


def _places(given: object, document: Path) -> list[str]:
    places = given if isinstance(given, list) else [given]
    if not all(isinstance(place, str) and "\0" not in place for place in places):
        raise ProtocolError(f"{document}: a split is not a folder's name or a list of them")
    return [str(place) for place in places]


def _seen(root: Path, place: str) -> str:
    """Exporters write `../train/images` for a folder beside data.yaml."""
    for candidate in _candidates(place):
        if (root / candidate).exists():
            return candidate
    return place.removeprefix("./")


def _candidates(place: str) -> Iterable[str]:
    yield place.removeprefix("./")
    while place.startswith("../"):
        place = place.removeprefix("../")
        yield place
