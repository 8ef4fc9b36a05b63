"""The training loop: what is resumed is what would have been."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.trainer.pictures import Drawer, rendered
from trainer.backbone import Backbone
from trainer.learn import Schedule, learn
from trainer.network import Network


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def train(rounds: int, checkpoint: Path | None, total: int = 2) -> Network:
    torch.manual_seed(3)
    schedule = Schedule(rounds=total, batches=2, batch=2, warm_up=1, frozen=3)
    if rounds == total:
        return learn(Network(), lambda number: Drawer([rendered(number)]), schedule, checkpoint)
    stop = StopAfter(rounds)
    with pytest.raises(KeyboardInterrupt):
        learn(Network(), stop, schedule, checkpoint)
    return Network()


class StopAfter:
    """Pictures that end like a run that is broken off."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds

    def __call__(self, number: int) -> Drawer:
        if number == self._rounds:
            raise KeyboardInterrupt
        return Drawer([rendered(number)])


def test_a_run_broken_off_and_resumed_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = train(2, None)
    train(1, tmp_path / "learning.ckpt")
    resumed = train(2, tmp_path / "learning.ckpt")
    for (name, a), (_, b) in zip(whole.state_dict().items(), resumed.state_dict().items(), strict=True):
        assert torch.allclose(a, b, atol=1e-6), name
    assert not list(tmp_path.glob("*.part"))


def test_frozen_blocks_keep_their_weights() -> None:
    torch.manual_seed(3)
    before = {name: value.clone() for name, value in Network().state_dict().items()}
    after = train(2, None).state_dict()
    moved = {name for name, value in after.items() if "weight" in name and not torch.allclose(value, before[name], atol=1e-6)}
    assert any(name.startswith("centre") for name in moved)
    assert any(name.startswith("backbone.features.5") for name in moved)
    assert not any(name.startswith(("backbone.features.0.0", "backbone.features.2.conv.0")) for name in moved)


def test_published_weights_bring_their_statistics_and_keep_them(tmp_path: Path) -> None:
    torch.manual_seed(1)
    source = Backbone()
    torch.nn.init.uniform_(source.features[0][1].running_mean)  # type: ignore[index,arg-type]
    torch.save({**source.state_dict(), "features.17.conv.0.weight": torch.zeros(1)}, tmp_path / "weights.pt")
    network = Network()
    network.backbone.load(tmp_path / "weights.pt")
    network.train()
    network(torch.rand(2, 3, 96, 128) * 255)
    for name, value in source.state_dict().items():
        assert torch.equal(network.backbone.state_dict()[name], value), name
