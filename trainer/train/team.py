"""Team: the processes of one training, as torchrun starts them; of one alone too. Nothing but tensors goes between them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from types import TracebackType

import torch
import torch.distributed as dist
from torch import Tensor

from trainer.train.feed import Shard

VARIABLE = "WORLD_SIZE"


class Team:
    """Gradients are averaged over all; only the first writes anything."""

    def __init__(self, device: torch.device) -> None:
        world = int(os.environ.get(VARIABLE, "1"))
        self.shard = Shard(int(os.environ["RANK"]), world) if world > 1 else Shard()
        self.device = device
        if world > 1:
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")

    @property
    def first(self) -> bool:
        return self.shard.rank == 0

    @property
    def alone(self) -> bool:
        return self.shard.world == 1

    def mean(self, tensors: Iterable[Tensor]) -> None:
        """Each becomes the mean of all processes' own, in place; one message for all."""
        several = list(tensors)
        if self.alone or not several:
            return
        flat = torch.cat([tensor.detach().reshape(-1).float() for tensor in several])
        dist.all_reduce(flat)
        flat /= self.shard.world
        for tensor, part in zip(several, torch.split(flat, [tensor.numel() for tensor in several]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def any(self, mine: bool) -> bool:
        """Whether it is so for one of them."""
        if self.alone:
            return mine
        flag = torch.tensor([float(mine)], device=self.device)
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag.item())

    def told(self, text: str, length: int) -> str:
        """What the first says, `length` letters of ASCII, at all of them."""
        if self.alone:
            return text
        letters = torch.tensor(list(text.encode()) if self.first else [0] * length, dtype=torch.uint8, device=self.device)
        dist.broadcast(letters, 0)
        return bytes(letters.tolist()).decode()

    def __enter__(self) -> Team:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not self.alone:
            dist.destroy_process_group()
