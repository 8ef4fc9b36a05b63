"""Opening: the engine a box names, loaded with a bundle's model and with options that were checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from pydantic import ValidationError

from contracts.errors import ConfigError
from vision.bundle import StoredBundle
from vision.engines import ENGINES
from vision.engines.engine import Engine, Model
from vision.engines.progress import Told, unheard


def open_engine(
    stored: StoredBundle, name: str, threads: int, options: Mapping[str, Any] | None = None, work: Path | None = None, told: Told = unheard
) -> Engine:
    """`threads` of one run, where the engine has that choice; `work`: the folder it compiles into; `told` how far that is."""
    if name not in ENGINES:
        raise ConfigError(f"engine {name}: not known; choose one of {', '.join(ENGINES)}")
    made = resolve_name(ENGINES[name])
    own = {"threads": threads} if "threads" in made.Options.model_fields else {}
    try:
        parsed = made.Options.model_validate({**own, **(options or {})})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"engine {name}: option {'.'.join(map(str, first['loc']))}: {first['msg']}; correct it") from error
    loader: Callable[..., Engine] = made
    if made.compiles:
        return loader(Model(stored.manifest.model.sha256, stored.model), stored.manifest.input, parsed, work, told=told)
    return loader(stored.model(), stored.manifest.input, parsed, work)
