"""MobileNetV2 up to stride 16: the part of the network that can start from weights learnt on ImageNet."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

# expansion, channels, blocks, stride of the first block: Sandler et al. 2018, table 2, cut after 96 channels
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1))
STRIDE_8 = 6  # the last block at stride 8
CHANNELS = (32, 96)  # at stride 8 and at stride 16


class Residual(nn.Module):
    """Widen, look around with one filter a channel, narrow again; added to the input where the shapes allow it."""

    def __init__(self, inputs: int, outputs: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = inputs * expand
        widen = [nn.Conv2d(inputs, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(inplace=True)]
        look = [nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(inplace=True)]
        narrow = [nn.Conv2d(wide, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*(widen if expand > 1 else []), *look, *narrow)
        self.add = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.add else y


def _widened(channels: int, wide: float) -> int:
    """To a multiple of 8, as the paper's authors do it."""
    return channels if wide == 1 else max(8, int(channels * wide + 4) // 8 * 8)


class Backbone(nn.Module):
    """Gives the features at stride 8 and at stride 16. The names of its weights are those of the published ones."""

    def __init__(self, wide: float = 1.0) -> None:
        """`wide`: channels against those of the published one."""
        super().__init__()
        channels = _widened(32, wide)
        stem = nn.Sequential(nn.Conv2d(3, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU6(inplace=True))
        blocks: list[nn.Module] = [stem]
        self.channels = _widened(CHANNELS[0], wide), _widened(CHANNELS[1], wide)
        for expand, published, count, first in STAGES:
            outputs = _widened(published, wide)
            for i in range(count):
                blocks.append(Residual(channels, outputs, first if i == 0 else 1, expand))
                channels = outputs
        self.features = nn.ModuleList(blocks)
        self.published = False  # whether its weights were learnt elsewhere
        self.frozen = 0  # blocks that stay what they are

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for block in self.features[: STRIDE_8 + 1]:
            x = block(x)
        eighth = x
        for block in self.features[STRIDE_8 + 1 :]:
            x = block(x)
        return eighth, x

    def load(self, weights: Path) -> None:
        """The published weights; what lies beyond stride 16 is left out, anything else missing is an error."""
        state = torch.load(weights, weights_only=True, map_location="cpu")
        own = self.state_dict()
        self.load_state_dict({name: state[name] for name in own})
        self.published = True

    def freeze(self, blocks: int) -> None:
        """The first `blocks` blocks keep their weights, and the statistics of their norms: exported, they are the same bytes again."""
        self.frozen = blocks
        for block in self.features[:blocks]:
            block.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Backbone:
        """Published statistics stay: batches here are small and of one scene."""
        super().train(mode)
        for module in self.modules():
            if self.published and isinstance(module, nn.BatchNorm2d):
                module.eval()
        for block in self.features[: self.frozen]:
            block.eval()
        return self
