"""Memory: when there is not enough, in words that say which number to lower."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from contracts.errors import HardwareError
from trainer.train.config import TrainConfig

CPU = "DefaultCPUAllocator"  # how torch says it without a class of its own


@contextmanager
def enough_memory(config: TrainConfig) -> Iterator[None]:
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise HardwareError(_words(config)) from error
    except RuntimeError as error:
        if CPU in str(error):
            raise HardwareError(_words(config)) from error
        raise


def _words(config: TrainConfig) -> str:
    batch, accumulate = config.training.batch_size, config.training.accumulate
    height, width = config.model.size
    what = f"training: out of memory with batches of {batch} pictures of {width}x{height}"
    if batch == 1:
        return f"{what}; lower model.size, or take a smaller architecture"
    mend = f"write training.batch_size: {batch // 2} and training.accumulate: {accumulate * 2}, which learns the same"
    return f"{what}; {mend}, or lower model.size"
