"""How wrong an answer is: focal loss on the map of centres, generalised IoU on the boxes near them."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.network import STRIDE

HARD = 2  # what is answered right already weighs little (Lin et al. 2017)
NEAR = 4  # and being wrong next to a centre weighs little too (Law and Deng 2018)
BOX = 2.0  # weight of the boxes against the centres


def centre_loss(logits: Tensor, wanted: Tensor, judged: Tensor) -> Tensor:
    """Per centre there is; `judged` 0 takes a cell out: (B, H, W) for every class, (B, C, H, W) for one."""
    judged = judged if judged.dim() == wanted.dim() else judged.unsqueeze(1)
    p = torch.sigmoid(logits).clamp(1e-5, 1 - 1e-5)
    there = (wanted == 1).float()
    hit = there * (1 - p) ** HARD * torch.log(p)
    miss = (1 - there) * (1 - wanted) ** NEAR * p**HARD * torch.log(1 - p)
    return -((hit + miss) * judged).sum() / there.sum().clamp(min=1)


def box_loss(sides: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """1 - GIoU (Rezatofighi et al. 2019) of the cells with a weight."""
    near = weight > 0
    if not bool(near.any()):
        return sides.sum() * 0
    got = _boxes(sides).permute(0, 2, 3, 1)[near]
    loss = 1 - giou(got, wanted.permute(0, 2, 3, 1)[near])
    return (loss * weight[near]).sum() / weight[near].sum()


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Row by row, xyxy."""
    common = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    whole = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - common
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1)
    return common / whole.clamp(min=1e-6) - (hull - whole) / hull.clamp(min=1e-6)


def _boxes(sides: Tensor) -> Tensor:
    rows, columns = sides.shape[2:]
    x = torch.arange(columns, device=sides.device) * STRIDE + STRIDE / 2
    y = (torch.arange(rows, device=sides.device) * STRIDE + STRIDE / 2).unsqueeze(1)
    left, top, right, bottom = sides.unbind(1)
    return torch.stack((x - left, y - top, x + right, y + bottom), dim=1)


def loss(answer: tuple[Tensor, Tensor], centre: Tensor, judged: Tensor, box: Tensor, weight: Tensor) -> Tensor:
    logits, sides = answer
    return centre_loss(logits, centre, judged) + BOX * box_loss(sides, box, weight)
