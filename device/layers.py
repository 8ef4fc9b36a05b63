"""Layers: which file, variable or argument says each key; a later layer wins by key, lists and values whole, and null removes a key."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from device.documents import read_yaml
from device.problems import Loc, Origins, Problem
from device.scrub import QUERY, SECRET, USERINFO

LayerName = Literal["default", "profile", "file", "owner", "pushed", "environment", "command line"]  # in this order
OWNER = Path("config/owner.yaml")  # in the data folder: what the page wrote
PUSHED = Path("config/pushed")  # revisions by digest, and the links current, good and previous
REVISION = "revision.yaml"  # in the folder of one
BELOW = "the folder in which this file lies; say it in device.yaml, VEDETTE_DATA or --set"
# What would move trust, take the box from its owner, or write where nobody expects it.
KEPT_FROM_PUSHED: Mapping[Loc, str] = {
    ("data",): "where everything is kept",
    ("device_id",): "who this box is",
    ("mqtt",): "whom it talks to",
    ("page",): "who may look at it",
    ("web",): "who may look at it",
    ("update",): "whom it believes",
    ("model", "folders"): "where its models lie",
    ("export", "dir"): "where training data is written",
    ("recording", "output_dir"): "where sessions are written",
    ("recording", "calibration_dir"): "where calibrations lie",
    ("storage", "mount"): "which disk it writes to",
    ("record", "masked"): "whether clips hide what its owner hides",
}
OWN_FILES = frozenset({"machine", "path"})  # options that name a file: of this box nothing but what is in the revision may be read
BUNDLES = frozenset({"bundle", "reader", "finder"})  # by a name, not by a place: what lies there nobody signed
A_CAMERA = re.compile(r"/dev/video\d{1,3}")
OF_THE_PLACE = frozenset({"zones", "lines", "masks", "detection_fps"})
Nullable = Callable[[Loc, Mapping[str, Any]], bool]


@dataclass(frozen=True)
class Layer:
    """What one place says. `absent`: a null says that the key shall not be there, whether it is below or not."""

    name: LayerName
    values: Mapping[str, Any]
    lines: Mapping[Loc, str] = field(default_factory=dict)
    absent: bool = False


@dataclass(frozen=True)
class Layered:
    """All of them, one over the other: what counts, and which layer said each key last."""

    values: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[Loc, LayerName] = field(default_factory=dict)

    def layer(self, loc: Loc) -> LayerName:
        """Of the key itself, else of the nearest thing around it; `default` when nobody said it."""
        return next((self.layers[loc[:length]] for length in range(len(loc), 0, -1) if loc[:length] in self.layers), "default")

    def over(self, layer: Layer, nullable: Nullable) -> Layered:
        """With one more on top."""
        said: dict[Loc, LayerName] = dict.fromkeys(keys_of(layer.values), layer.name)
        return Layered(_laid(self.values, layer.values, (), layer.absent, nullable), {**self.layers, **said})


def _laid(under: Mapping[str, Any], over: Mapping[str, Any], at: Loc, absent: bool, nullable: Nullable) -> dict[str, Any]:
    merged = _begun_anew(under, over, at) if absent else dict(under)
    use = {"use": over.get("use", under.get("use"))}
    for key, value in over.items():
        mine = merged.get(key)
        if isinstance(value, Mapping):
            merged[key] = _laid(mine if isinstance(mine, Mapping) else {}, value, (*at, key), absent, nullable)
        elif value is not None or nullable((*at, key), use) or not (absent or key in merged):
            merged[key] = value
        else:
            merged.pop(key, None)
    return merged


def _begun_anew(under: Mapping[str, Any], over: Mapping[str, Any], at: Loc) -> dict[str, Any]:
    """A camera of another kind keeps its zones and lines, and nothing of how the old one was reached."""
    if len(at) != 2 or at[0] != "cameras" or over.get("use") in {None, under.get("use")}:
        return dict(under)
    return {key: value for key, value in under.items() if key in OF_THE_PLACE}


def keys_of(value: Any, at: Loc = ()) -> Iterator[Loc]:
    """The place of every key and of every item of a list."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from keys_of(item, (*at, key))


def null_is_a_value(model: type[BaseModel], options: Callable[[str, str], type[BaseModel] | None]) -> Nullable:
    """Whether null is one of the values of an option, as `record: null` is; then it does not remove the key.
    `options`: the class of a plug's options, by its section and `use`."""

    def nullable(loc: Loc, beside: Mapping[str, Any]) -> bool:
        owner, rest = model, loc
        if len(loc) > 2 and loc[0] in {"cameras", "pipeline"} and not _field(model, loc):
            found = options(str(loc[0]), str(beside.get("use"))) if len(loc) == 3 else None
            if found is None:
                return True  # nobody knows what it means: the class that reads it judges
            owner, rest = found, loc[2:]
        annotation = _field(owner, rest)
        return annotation is not None and type(None) in _kinds(annotation)

    return nullable


def _field(model: type[BaseModel], loc: Loc) -> Any:
    """The annotation of what stands there; None where the model does not say."""
    annotation: Any = model
    for key in loc:
        annotation = next((inner for kind in _kinds(annotation) if (inner := _inside(kind, key)) is not None), None)
        if annotation is None:
            return None
    return annotation


def _inside(kind: Any, key: str | int) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        info = kind.model_fields.get(str(key))
        return info.annotation if info else None
    return get_args(kind)[1] if get_origin(kind) is dict else None


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """Of `X | None` both; of `Annotated[X, ...]` X."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    return get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)


def read_layer(name: LayerName, path: Path, origins: Origins) -> Layer:
    """A file of the data folder, as the layer that it is; what it may not say is in `barred`."""
    mine = Origins()
    values = read_yaml(path, mine)
    origins.last_file = str(path)
    origins.lines.update(mine.lines)
    return Layer(name, values, mine.lines, absent=True)


def barred(layer: Layer, below: Mapping[str, Any], where: str) -> list[Problem]:
    """What this layer may not say."""
    if layer.name == "owner":
        return [_wrong(layer, ("data",), where, f"is {BELOW}")] if "data" in layer.values else []
    return list(_barred(layer, below, where)) if layer.name == "pushed" else []


def _barred(layer: Layer, below: Mapping[str, Any], where: str) -> Iterator[Problem]:
    known = {plug.get("use") for section in ("cameras", "pipeline") for plug in _plugs(below, section)}
    for loc, value in _leaves(layer.values):
        why = next((words for kept, words in KEPT_FROM_PUSHED.items() if _touches(loc, value, kept)), "")
        name = next((str(key) for key in reversed(loc) if isinstance(key, str)), "")
        if why:
            yield _wrong(layer, loc, where, f"is {why}: no pushed revision may change it")
        elif SECRET.search(name) or (isinstance(value, str) and (USERINFO.search(value) or QUERY.search(value))):
            yield _wrong(layer, loc, where, "is a secret, and no pushed revision may hold one")
        elif loc == ("profile",) and isinstance(value, str) and ("/" in value or value.endswith((".yaml", ".yml"))):
            yield _wrong(layer, loc, where, "is a file of this box; a pushed revision may only name a profile")
        elif name == "use" and isinstance(value, str) and ":" in value and value not in known:
            yield _wrong(layer, loc, where, "is code that this box does not use yet; no pushed revision may choose it")
        elif loc[:1] == ("cameras",) and loc[2:] == ("pipeline",) and _value(below, loc) != value:
            yield _wrong(layer, loc, where, "is what a program of this box is started with, which reads and writes any file")
        elif isinstance(value, str) and _is_file(name, value) and _value(below, loc) != value:
            yield _wrong(layer, loc, where, "names a file of this box; write what is in it into the revision")


def _is_file(option: str, value: str) -> bool:
    if option in BUNDLES:
        return "/" in value or value.endswith(".vdb")
    return option in OWN_FILES and not A_CAMERA.fullmatch(value)


def _value(values: Any, loc: Loc) -> Any:
    for key in loc:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _touches(loc: Loc, value: Any, kept: Loc) -> bool:
    """A null around it would take it back to its default. Without sessions or clips, where and how they would be does not matter."""
    return loc[: len(kept)] == kept or (value is None and loc == kept[: len(loc)] and loc not in {("record",), ("recording",)})


def _plugs(values: Mapping[str, Any], section: str) -> list[Mapping[str, Any]]:
    plugs = values.get(section)
    return [plug for plug in plugs.values() if isinstance(plug, Mapping)] if isinstance(plugs, Mapping) else []


def _leaves(value: Any, at: Loc = ()) -> Iterator[tuple[Loc, Any]]:
    if not value or not isinstance(value, (Mapping, list)):
        yield at, value
        return
    for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
        yield from _leaves(item, (*at, key))


def _wrong(layer: Layer, loc: Loc, where: str, what: str) -> Problem:
    place = next((layer.lines[loc[:length]] for length in range(len(loc), 0, -1) if loc[:length] in layer.lines), where)
    mend = "remove it from the revision" if layer.name == "pushed" else "remove it"
    return Problem(place, ".".join(map(str, loc)), "", what, mend)
