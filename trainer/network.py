"""The detector we train: one map of centres at stride 8 and the distances to the four sides; no anchors, no NMS."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn

from trainer.backbone import Backbone

STRIDE = 8
PEAKS = 100  # boxes the exported graph answers with
MEAN = (0.485, 0.456, 0.406)  # of ImageNet, RGB 0..1
STD = (0.229, 0.224, 0.225)
RARE = -4.0  # first answer of the centre map: nothing is there (sigmoid: 0.018)


def depthwise(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    """One filter a channel, then one mix of the channels."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, size, stride, size // 2, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Network(nn.Module):
    """(B, 3, H, W) RGB, 0..255 -> centre logits (B, C, H/8, W/8) and sides (B, 4, H/8, W/8) in pixels."""

    def __init__(self, classes: int = 1, width: int = 64, backbone: float = 1.0) -> None:
        super().__init__()
        self.classes = classes
        self.backbone = Backbone(backbone)
        channels = self.backbone.channels
        self.down = depthwise(channels[1], width, stride=2, size=5)
        self.deep = depthwise(width, width, size=5)
        self.lateral16 = nn.Sequential(nn.Conv2d(channels[1], width, 1, bias=False), nn.BatchNorm2d(width))
        self.lateral8 = nn.Sequential(nn.Conv2d(channels[0], width, 1, bias=False), nn.BatchNorm2d(width))
        self.mix16 = depthwise(width, width)
        self.mix8 = depthwise(width, width)
        self.centre = nn.Sequential(depthwise(width, width, size=5), nn.Conv2d(width, classes, 1))
        self.side = nn.Sequential(depthwise(width, width, size=5), nn.Conv2d(width, 4, 1))
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1) * 255)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1) * 255)
        last = self.centre[1]
        assert isinstance(last, nn.Conv2d) and last.bias is not None  # noqa: S101  for the type checker: built above
        nn.init.constant_(last.bias, RARE)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        eighth, sixteenth = self.backbone((x - self.mean) / self.std)
        deep = self.deep(self.down(sixteenth))
        mid = self.mix16(F.relu(self.lateral16(sixteenth) + F.interpolate(deep, scale_factor=2.0)))
        fine = self.mix8(F.relu(self.lateral8(eighth) + F.interpolate(mid, scale_factor=2.0)))
        return self.centre(fine), torch.exp(self.side(fine).clamp(-4, 5)) * STRIDE


class Answer(nn.Module):
    """The network as it ships: (B, H, W, 3) uint8 RGB in, (B, 100, 6) x1, y1, x2, y2, score, class out, best first."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        centre, sides = self.network(image.float().permute(0, 3, 1, 2))
        height, width = centre.shape[2], centre.shape[3]
        # a cell answers only where it is the highest of its 3 x 3: that takes the place of NMS
        peak = (centre == F.max_pool2d(centre, 3, 1, 1)).float()
        score, at = torch.topk((torch.sigmoid(centre) * peak).flatten(1), PEAKS, dim=1)
        kind = torch.div(at, height * width, rounding_mode="floor")
        cell = at - kind * (height * width)
        row = torch.div(cell, width, rounding_mode="floor")
        x = (cell - row * width).float() * STRIDE + STRIDE / 2
        y = row.float() * STRIDE + STRIDE / 2
        left, top, right, bottom = sides.flatten(2).gather(2, cell.unsqueeze(1).expand(-1, 4, -1)).unbind(1)
        return torch.stack((x - left, y - top, x + right, y + bottom, score, kind.float()), dim=2)


def weights(network: nn.Module) -> int:
    """How many numbers were learnt."""
    return sum(p.numel() for p in network.parameters())
