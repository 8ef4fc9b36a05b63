"""Plugs: what a configuration names by `use`, the class it means, and its options checked against that class."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

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
    return found


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


def _takes_options(cls: type) -> bool:
    options = getattr(cls, "Options", None)
    return isinstance(options, type) and issubclass(options, BaseModel)
