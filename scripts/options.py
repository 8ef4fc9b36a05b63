#!/usr/bin/env python3
"""Write docs/guide/options.md, every key of a configuration with default and meaning, from the classes; `--check` only compares."""

from __future__ import annotations

import argparse
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from device.capture import SOURCES  # noqa: E402  # the path first, so that this runs without an installation
from device.config import Camera, Settings  # noqa: E402
from device.stages import STAGES  # noqa: E402

PAGE = ROOT / "docs" / "guide" / "options.md"
HEAD = """# Every option

Written from the code by `make options`; [configure.md](configure.md) explains how the files go together. Unknown keys are errors.
"""
DEFAULTS = {
    ("device_id",): "the host's name",
    ("data",): "`vedette-data`, under systemd its state folder",
}  # those that depend on the machine


def sections() -> Iterator[tuple[str, str, type[BaseModel]]]:
    """Title, words, model of each table, in the order of the page."""
    yield "The top of device.yaml", "", Settings
    for name, info in Settings.model_fields.items():
        model = model_in(info.annotation)
        if model and name not in {"cameras", "pipeline"}:
            yield from with_inner(name, info.description or "", model)
    yield from with_inner("cameras.<name>", "`use` names the source; its own options stand beside these.", Camera)
    for kind, table in (("source", SOURCES), ("stage", STAGES)):
        for use, target in table.items():
            (_, words, model), *inner = with_inner(use, "", resolve_name(target).Options)
            yield f"{kind} `{use}`", words, model
            yield from inner


def with_inner(path: str, words: str, model: type[BaseModel]) -> Iterator[tuple[str, str, type[BaseModel]]]:
    """A model, and those that its fields are of."""
    yield f"`{path}`", words, model
    for name, info in model.model_fields.items():
        inner = model_in(info.annotation)
        if inner:
            mapping = typing.get_origin(info.annotation) is dict
            yield from with_inner(f"{path}.{name}" + (".<name>" if mapping else ""), info.description or "", inner)


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field is of, or may be of."""
    candidates = [annotation, *typing.get_args(annotation)]
    return next((each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)), None)


def rows(model: type[BaseModel]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        if name == "use" or model_in(info.annotation):
            continue
        words, choice = (info.description or "").replace("|", "\\|"), [f"`{each}`" for each in choices(info.annotation)]
        if choice and not all(each.strip("`") in words for each in choice):
            words = f"{words} ({' or '.join(choice)})" if words else " or ".join(choice)
        yield f"| `{info.alias or name}` | {default(name, info)} | {words} |"


def default(name: str, info: FieldInfo) -> str:
    if (name,) in DEFAULTS:
        return DEFAULTS[(name,)]
    if info.is_required():
        return "**needed**"
    value = info.get_default(call_default_factory=True) if info.default is PydanticUndefined else info.default
    if value is None or value in ("", (), [], {}):
        return ""
    return f"`{value}`"


def choices(annotation: Any) -> list[str]:
    """The words that are allowed, where only some are: of a Literal, alone or in a list."""
    if typing.get_origin(annotation) is typing.Literal:
        return [each for each in typing.get_args(annotation) if isinstance(each, str)]
    return [word for inner in typing.get_args(annotation) for word in choices(inner)]


def rendered() -> str:
    parts = [HEAD]
    for title, words, model in sections():
        lines = list(rows(model))
        if lines:
            parts.append(
                "\n".join([f"## {title}", *([words, ""] if words else []), "| key | default | meaning |", "| --- | --- | --- |", *lines])
                + "\n"
            )
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when the page is not what the code says")
    text = rendered()
    if parser.parse_args().check:
        stale = not PAGE.exists() or PAGE.read_text() != text
        if stale:
            print("docs/guide/options.md is behind the code; run `make options`", file=sys.stderr)
        return stale
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
