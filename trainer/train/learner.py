"""Learner: the network, its running average and the optimiser: one step at a time, and all of it as tensors for a checkpoint."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from trainer.loss import BOX, box_loss, centre_loss
from trainer.network import Network
from trainer.train.config import Training
from trainer.train.feed import Batch
from trainer.train.team import Team

LAST = 0.01  # of the highest rate, at the end
MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # what AdamW keeps of each weight


class Learner:
    def __init__(self, network: Network, options: Training, steps: int, warm_up: int, backbone_rate: float, team: Team) -> None:
        """`steps` of the whole run decide the rate of each."""
        self.network = network.to(team.device)
        self.average = copy.deepcopy(self.network).eval()
        self._options, self._steps, self._warm_up, self._team = options, steps, warm_up, team
        self._optimiser = _optimiser(self.network, options, backbone_rate)
        self._mixed = options.precision == "mixed" or (options.precision == "auto" and team.device.type == "cuda")
        half = team.device.type == "cuda" and not torch.cuda.is_bf16_supported()
        self._dtype = torch.float16 if half else torch.bfloat16
        self._scaler = torch.amp.GradScaler(team.device.type, enabled=self._mixed and half)

    def rate(self, step: int) -> float:
        """Up in a line, down along half a cosine; of the highest."""
        if step < self._warm_up:
            return (step + 1) / self._warm_up
        done = (step - self._warm_up) / max(self._steps - self._warm_up, 1)
        return LAST + (1 - LAST) * (1 + math.cos(math.pi * min(done, 1.0))) / 2

    def step(self, number: int, batches: list[Batch]) -> dict[str, float]:
        """One step of the optimiser on so many batches; the mean losses of all processes. What is not a number is told, not learnt."""
        self.network.train()
        for group in self._optimiser.param_groups:
            group["lr"] = group["top"] * self.rate(number)
        self._optimiser.zero_grad(set_to_none=True)
        losses = torch.zeros(2, device=self._team.device)
        for batch in batches:
            centre, box = self._losses(batch)
            self._scaler.scale((centre + BOX * box) / len(batches)).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            losses += torch.stack([centre.detach(), box.detach()]) / len(batches)
        self._scaler.unscale_(self._optimiser)
        learnt = [p for p in self.network.parameters() if p.grad is not None]
        self._team.mean([*(p.grad for p in learnt if p.grad is not None), losses])
        said = {"centre": float(losses[0]), "box": float(losses[1]), "total": float(losses[0] + BOX * losses[1])}
        if not math.isfinite(said["total"]):
            return said
        torch.nn.utils.clip_grad_norm_(learnt, self._options.clip)
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._follow(min(self._options.average, (1 + number) / (10 + number)))
        return said

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        batch = batch.to(self._team.device)
        with self._precision():
            logits, sides = self.network(batch.images)
        wanted, judged, box, weight = batch.goals
        return centre_loss(logits.float(), wanted, judged), box_loss(sides.float(), box, weight)

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast(self._team.device.type, self._dtype) if self._mixed else nullcontext()

    @torch.no_grad()
    def _follow(self, keep: float) -> None:
        theirs = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            if value.dtype.is_floating_point:
                value.mul_(keep).add_(theirs[name], alpha=1 - keep)
            else:
                value.copy_(theirs[name])

    def agree(self) -> None:
        """Statistics of the norms are of each process's pictures: the mean of them is everybody's."""
        for network in (self.network, self.average):
            self._team.mean(each for each in network.buffers() if each.dtype.is_floating_point)

    def tensors(self) -> dict[str, Tensor]:
        """All that a resumed run needs."""
        found = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        found |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        for name, weight in self._learnt():
            found |= {f"{moment}.{name}": value for moment, value in self._optimiser.state[weight].items() if moment in MOMENTS}
        return found

    def scaling(self) -> dict[str, float]:
        return {name: float(value) for name, value in self._scaler.state_dict().items()}

    def restore(self, tensors: dict[str, Tensor], scaling: dict[str, float]) -> None:
        for part, network in (("network.", self.network), ("average.", self.average)):
            network.load_state_dict({name.removeprefix(part): value for name, value in tensors.items() if name.startswith(part)})
        for name, weight in self._learnt():
            kept = {moment: tensors[f"{moment}.{name}"].clone() for moment in MOMENTS if f"{moment}.{name}" in tensors}
            if kept:
                self._optimiser.state[weight] = {m: v if m == "step" else v.to(self._team.device) for m, v in kept.items()}
        if scaling:
            self._scaler.load_state_dict(dict(scaling))

    def _learnt(self) -> Iterator[tuple[str, nn.Parameter]]:
        return ((name, weight) for name, weight in self.network.named_parameters() if weight.requires_grad)


def _optimiser(network: Network, options: Training, backbone_rate: float) -> torch.optim.AdamW:
    """Biases and norms have no decay."""
    groups = []
    for name, rate in (("backbone.", backbone_rate), ("", options.rate)):
        mine = [p for n, p in network.named_parameters() if p.requires_grad and n.startswith("backbone.") == bool(name)]
        groups.append({"params": [p for p in mine if p.dim() > 1], "top": rate, "weight_decay": options.decay})
        groups.append({"params": [p for p in mine if p.dim() <= 1], "top": rate, "weight_decay": 0.0})
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=options.rate)
