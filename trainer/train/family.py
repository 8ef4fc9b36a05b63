"""The family: one network in three sizes. Medium is that of the default model, so it can begin from it or from published weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.network import Network


@dataclass(frozen=True)
class Size:
    """How wide: the backbone against MobileNetV2's own, and the layers behind it."""

    backbone: float
    width: int


FAMILY: Mapping[str, Size] = {"small": Size(0.5, 48), "medium": Size(1.0, 64), "large": Size(1.4, 128)}


def build(architecture: str, classes: int) -> Network:
    """With weights drawn from torch's seed."""
    from trainer.network import Network

    size = FAMILY[architecture]
    return Network(classes, size.width, size.backbone)
