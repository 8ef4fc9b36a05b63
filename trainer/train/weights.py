"""Weights on disk: safetensors with what they are in its header, read without running anything of the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from contracts.errors import ConfigError
from contracts.files import write_durably
from dataset.layout import read_small
from trainer.network import Network
from trainer.train.family import FAMILY, build

KEY = "vedette"
LARGEST = 1 << 30
HEAD = "centre.1"  # the layer that has a row for each class


@dataclass(frozen=True)
class About:
    """What weights are of."""

    architecture: str
    classes: tuple[str, ...]
    size: tuple[int, int]


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> str:
    """Whole or not at all; the file's `sha256:` digest."""
    data = safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()}, {KEY: json.dumps(header)})
    write_durably(path, data)
    return f"sha256:{sha256(data).hexdigest()}"


def read_tensors(path: Path) -> tuple[dict[str, Tensor], Any]:
    """ConfigError for what is no safetensors file of ours."""
    try:
        data = read_small(path, LARGEST)
        tensors = safetensors.torch.load(data)  # checks the header first
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return tensors, json.loads(header.get("__metadata__", {}).get(KEY, "null"))
    except (SafetensorError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is no safetensors file that can be read ({error}); train or fetch it again") from error


def write_network(path: Path, network: Network, about: About, more: Mapping[str, Any]) -> str:
    return write_tensors(path, network.state_dict(), {**asdict(about), **more})


def read_network(path: Path) -> tuple[Network, About]:
    """On the CPU, ready to answer."""
    tensors, said = read_tensors(path)
    about = about_of(path, said)
    if not any(name.startswith(HEAD) and value.ndim and len(value) == len(about.classes) for name, value in tensors.items()):
        raise ConfigError(f"{path}: its weights are of another number of classes than the {len(about.classes)} it names; train it again")
    network = build(about.architecture, len(about.classes))
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ConfigError(f"{path}: its weights are not those of {about.architecture}: {str(error)[:200]}") from error
    return network.eval(), about


def about_of(path: Path, said: Any) -> About:
    try:
        about = About(str(said["architecture"]), tuple(map(str, said["classes"])), (int(said["size"][0]), int(said["size"][1])))
    except (TypeError, KeyError, ValueError, IndexError) as error:
        raise ConfigError(f"{path}: does not say what it is the weights of; name the best.safetensors of a run") from error
    if about.architecture not in FAMILY or not about.classes:
        raise ConfigError(f"{path}: its architecture {about.architecture} is none of ours; name the best.safetensors of a run")
    return about


def digest_of(path: Path) -> str:
    return f"sha256:{sha256(read_small(path, LARGEST)).hexdigest()}"
