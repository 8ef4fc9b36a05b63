"""Machine: what a run computes on: a GPU or the CPU, and how many threads."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from contracts.errors import ConfigError
from trainer.train.config import Training


def device_of(options: Training) -> torch.device:
    wanted, there = options.device, torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise ConfigError("training.device cuda: PyTorch sees no GPU here; install its CUDA build and a driver, or write cpu")
    if wanted == "cpu" or not there:
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu, {platform.machine()}, {torch.get_num_threads()} threads"


@contextmanager
def threads(options: Training) -> Iterator[None]:
    """Sums of floats hang on how many threads add them, so the number is part of what is reproduced."""
    before = torch.get_num_threads()
    share = max(1, len(os.sched_getaffinity(0)) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    torch.set_num_threads(options.threads or share)
    try:
        yield
    finally:
        torch.set_num_threads(before)
