"""Plugs: what a configuration names by `use`, the class it means, and its options checked against that class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from device.pipeline.faults import Examined, Giving
from device.problems import Loc, Origins, Problem, from_pydantic, known_keys, meant, shown
from device.scrub import scrub


class Plug(BaseModel):
    """Something named by `use` with options of its own class; they are checked against that class."""

    model_config = ConfigDict(frozen=True, extra="allow")
    use: str


def resolved(
    plugs: Mapping[str, Plug], section: str, table: Mapping[str, str], origins: Origins, problems: list[Problem]
) -> dict[str, tuple[type, Any]]:
    """Each plug's class and its checked options."""
    found: dict[str, tuple[type, Any]] = {}
    for name, plug in plugs.items():
        loc: Loc = (section, name)
        cls = _resolve(table, plug.use, origins, loc, problems)
        if cls is None:
            continue
        options: type[BaseModel] = cls.Options  # type: ignore[attr-defined]  # _resolve checked it
        try:
            found[name] = (cls, options.model_validate(plug.model_extra or {}))
        except ValidationError as error:
            problems += from_pydantic(error.errors(), origins, known_keys(options, loc), loc)
    problems += _examined(found, section, origins, whole=len(found) == len(plugs))
    return found


def _examined(found: Mapping[str, tuple[type, Any]], section: str, origins: Origins, whole: bool) -> Iterator[Problem]:
    """What is wrong with options as a whole, and with the kinds of events that they expect of those before."""
    kinds: frozenset[str] | None = frozenset() if whole else None
    for name, (cls, options) in found.items():
        if isinstance(options, Examined):
            for fault in options.faults(kinds):
                loc: Loc = (section, name, *fault.loc)
                yield Problem(origins.where(loc), ".".join(map(str, loc)), fault.value, fault.what, fault.mend)
        given = _given(cls, options)
        kinds = None if kinds is None or given is None else kinds | given


def _given(cls: type, options: Any) -> frozenset[str] | None:
    """The kinds of a stage's events. Ours say so if they give any; a site's own may give any and need not say."""
    if isinstance(options, Giving):
        return options.gives()
    return frozenset() if cls.__module__.startswith("device.stages.") else None


def _resolve(table: Mapping[str, str], use: str, origins: Origins, loc: Loc, problems: list[Problem]) -> type | None:
    """The class named by `use`: a name of the table, or a site's own `package.module:Class`."""

    def wrong(what: str, mend: str) -> None:
        problems.append(Problem(origins.where((*loc, "use")), ".".join(map(str, (*loc, "use"))), shown("use", use), what, mend))

    target = table.get(use, use)
    if ":" not in target:
        wrong("is not known", meant(use, sorted(table)))
        return None
    module, _, name = target.partition(":")
    try:
        cls = getattr(import_module(module), name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a site's own module: whatever it does when imported is its fault
        mend = "install what it needs, or give the dotted path `package.module:Class` of a class that can be imported"
        wrong(f"cannot be loaded: {scrub(str(error) or type(error).__name__)}", mend)
        return None
    if not isinstance(cls, type) or not _takes_options(cls):
        wrong("has no Options class", "add `class Options(Strict)` to it")
        return None
    return cls


def options_of(use: str, table: Mapping[str, str]) -> type[BaseModel] | None:
    """Of one of ours that can be loaded; a site's own is not imported to ask it."""
    module, _, name = table.get(use, "").partition(":")
    try:
        options: type[BaseModel] | None = getattr(import_module(module), name).Options if module else None
    except ImportError:
        return None
    return options


def _takes_options(cls: type) -> bool:
    options = getattr(cls, "Options", None)
    return isinstance(options, type) and issubclass(options, BaseModel)
