"""Parent: where weights come from: a run of ours, a bundle (out of its ONNX graph), or published weights of the backbone."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # its stubs are a package of their own
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from contracts.errors import ConfigError
from trainer.home import Home, named
from trainer.network import Network
from trainer.train.config import Model
from trainer.train.family import FAMILY, build
from trainer.train.weights import HEAD, digest_of, read_network, read_tensors
from vision.bundle import StoredBundle, read_bundle

MEND = "name a bundle of ours with a float model, or a run"


@dataclass(frozen=True)
class Beginning:
    """`digest` of what was taken; `folded`: the norms are only added to, and want their statistics measured."""

    digest: str | None = None
    folded: bool = False


def begin(network: Network, model: Model, classes: tuple[str, ...], home: Home) -> Beginning:
    """Takes the weights in place. ConfigError for a parent that does not fit."""
    if model.backbone is not None:
        return _published(network, Path(model.backbone))
    if model.parent is None:
        return Beginning()
    path, folded = parent_path(model.parent, home), False
    if (path / "best.safetensors").is_file():
        other, about = read_network(path / "best.safetensors")
        theirs, digest, architecture = about.classes, digest_of(path / "best.safetensors"), about.architecture
    else:
        stored = read_bundle(path)
        other, architecture = _of_bundle(stored)
        theirs, digest, folded = tuple(stored.manifest.labels), stored.digest, True
    if architecture != model.architecture:
        raise ConfigError(f"model.parent {model.parent}: is {architecture}; write model.architecture: {architecture}, or begin without it")
    _take(network, other, model, classes, theirs)
    return Beginning(digest, folded)


def parent_path(name: str, home: Home) -> Path:
    """A path, the digest of a bundle of the home, or the id of a run."""
    if "/" in name:
        return Path(name)
    plain = name.removeprefix("sha256:")  # a name has no colon
    places = [named(home.runs, plain), named(home.bundles, plain, ".zip")]
    found = next((path for path in places if path.exists()), None)
    if found is None:
        raise ConfigError(f"model.parent {name}: neither a run nor a bundle of {home.path}; name one of them, or a path with a slash in it")
    return found


def _take(network: Network, other: Network, model: Model, classes: tuple[str, ...], theirs: tuple[str, ...]) -> None:
    """Rows of classes that both know are taken, the others begin anew."""
    mine, given = network.state_dict(), other.state_dict()
    for name, value in given.items():
        if model.take == "backbone" and not name.startswith("backbone."):
            continue
        if not name.startswith(HEAD):
            mine[name].copy_(value)
            continue
        for kind, label in enumerate(classes):
            if label in theirs:
                mine[name][kind].copy_(value[theirs.index(label)])


def _published(network: Network, path: Path) -> Beginning:
    if path.suffix != ".safetensors":
        raise ConfigError(f"model.backbone {path}: only safetensors are read (a .pt is a pickle and may run anything); convert it first")
    given, _ = read_tensors(path)
    own = network.backbone.state_dict()
    wrong = [name for name, value in own.items() if name not in given or given[name].shape != value.shape]
    if wrong:
        what = f"model.backbone {path}: has no fitting {wrong[0]} and {len(wrong) - 1} others"
        raise ConfigError(f"{what}; published MobileNetV2 weights fit architecture medium")
    network.backbone.load_state_dict({name: given[name] for name in own})
    network.backbone.published = True
    return Beginning(digest_of(path))


def _of_bundle(stored: StoredBundle) -> tuple[Network, str]:
    try:
        graph = onnx.load_model_from_string(stored.model()).graph
    except DecodeError as error:
        raise ConfigError(f"model.parent {stored.path}: its model is no ONNX ({error}); {MEND}") from error
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    convolutions = [[constants[name] for name in node.input[1:] if name in constants] for node in nodes]
    for name in FAMILY:
        network = build(name, len(stored.manifest.labels))
        layers = _layers(network)
        if [layer.weight.shape for layer, _ in layers] == [given[0].shape if given else None for given in convolutions]:
            for (layer, norm), (weight, *bias) in zip(layers, convolutions, strict=True):
                _unfold(layer, norm, weight, bias[0] if bias else None)
            return network.eval(), name
    raise ConfigError(f"model.parent {stored.path}: its graph is none of our family, or its weights are no floats; {MEND}")


def _layers(network: Network) -> list[tuple[nn.Conv2d, nn.BatchNorm2d | None]]:
    """Convolutions as they are run, each with the norm behind it; the exported graph has them in the same order."""
    ran: list[nn.Module] = []
    modules = [module for module in network.modules() if isinstance(module, (nn.Conv2d, nn.BatchNorm2d))]
    hooks = [module.register_forward_hook(lambda module, *_: ran.append(module)) for module in modules]
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d | None]] = []
    for module, behind in zip(ran, [*ran[1:], None], strict=True):
        if isinstance(module, nn.Conv2d):
            pairs.append((module, behind if isinstance(behind, nn.BatchNorm2d) else None))
    return pairs


@torch.no_grad()
def _unfold(layer: nn.Conv2d, norm: nn.BatchNorm2d | None, weight: NDArray[np.float32], bias: NDArray[np.float32] | None) -> None:
    """The exporter multiplied the norm into the convolution: what is left of it is the bias."""
    layer.weight.copy_(torch.from_numpy(weight.copy()))
    offset = torch.zeros(len(weight)) if bias is None else torch.from_numpy(bias.copy())
    if norm is None:
        if layer.bias is not None:
            layer.bias.copy_(offset)
        return
    assert norm.running_mean is not None and norm.running_var is not None  # noqa: S101  for the type checker: ours have them
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.fill_(1)
    norm.bias.copy_(offset)


@torch.no_grad()
def measure_norms(network: Network, images: list[Tensor]) -> None:
    """Norms that only add get the statistics of these pictures, and answer exactly as before: now they can learn like any other."""
    sums: dict[nn.BatchNorm2d, list[Tensor]] = {m: [] for m in network.modules() if isinstance(m, nn.BatchNorm2d)}

    def note(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)  # noqa: S101  for the type checker: hooked so below
        sums[norm].append(torch.stack([given[0].double().mean((0, 2, 3)), given[0].double().square().mean((0, 2, 3))]))

    hooks = [norm.register_forward_pre_hook(note) for norm in sums]
    network.eval()
    for each in images:
        network(each)
    for hook in hooks:
        hook.remove()
    for norm, seen in sums.items():
        mean, square = torch.stack(seen).mean(0)
        variance = (square - mean**2).clamp(min=1e-6)
        assert norm.running_mean is not None and norm.running_var is not None  # noqa: S101  for the type checker: ours have them
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)


def state_digest(network: nn.Module) -> str:
    """Of all weights and statistics, in the order of their names."""
    digest = sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return f"sha256:{digest.hexdigest()}"
