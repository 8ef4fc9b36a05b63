"""Exact: values of scenes as JSON and back, to the last bit; what JSON has no word for gets one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from contracts.errors import ConfigError, StorageError


def plain(value: Any) -> Any:
    """None, words, numbers, lists, tuples, mappings by words, NumPy's arrays and scalars. ConfigError for anything else."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, np.ndarray):
        return {"array": value.dtype.str, "shape": list(value.shape), "values": [plain(item) for item in value.ravel().tolist()]}
    if isinstance(value, np.generic):
        return {"scalar": value.dtype.str, "value": plain(value.item())}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, tuple):
        return {"tuple": [plain(item) for item in value]}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"map": {key: plain(item) for key, item in value.items()}}
    raise ConfigError(f"a stage put a {type(value).__name__} into a scene: only words, numbers, lists, mappings and arrays can be kept")


def back(value: Any) -> Any:
    """What `plain` was given. StorageError when it is nothing that `plain` makes."""
    if isinstance(value, list):
        return [back(item) for item in value]
    if not isinstance(value, dict):
        return value
    try:
        return _tagged(value)
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(f"a value of a scene is damaged ({error}); look at that part again") from error


def _tagged(value: dict[str, Any]) -> Any:
    if "map" in value:
        return {key: back(item) for key, item in value["map"].items()}
    if "tuple" in value:
        return tuple(back(item) for item in value["tuple"])
    if "float" in value:
        return float(value["float"])
    if "scalar" in value:
        return np.array(back(value["value"]), value["scalar"])[()]
    items = [back(item) for item in value["values"]]
    array = np.empty(len(items), value["array"])
    for at, item in enumerate(items):  # one by one: lists among objects are values, not rows
        array[at] = item
    return array.reshape(value["shape"])
