"""The network we train: sizes, peaks, boxes, and that it can learn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.trainer.pictures import Drawer, rendered
from trainer.evaluate import Answers, Truth, average_precision
from trainer.learn import Progress, Schedule, learn
from trainer.loss import box_loss, centre_loss, giou
from trainer.network import PEAKS, STRIDE, Answer, Network, weights
from trainer.targets import target


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_it_has_under_a_million_weights() -> None:
    assert 100_000 < weights(Network()) < 1_000_000


@pytest.mark.parametrize(("height", "width", "classes"), [(96, 128, 1), (128, 96, 3)])
def test_answers_are_of_stride_eight_and_a_hundred_boxes_best_first(height: int, width: int, classes: int) -> None:
    network = Network(classes).eval()
    with torch.no_grad():
        centre, sides = network(torch.zeros(2, 3, height, width))
        rows = Answer(network)(torch.zeros(2, height, width, 3, dtype=torch.uint8))
    assert centre.shape == (2, classes, height // STRIDE, width // STRIDE)
    assert sides.shape == (2, 4, height // STRIDE, width // STRIDE)
    assert rows.shape == (2, PEAKS, 6)
    assert bool((rows[:, 1:, 4] <= rows[:, :-1, 4]).all())
    assert set(rows[..., 5].unique().tolist()) <= {float(i) for i in range(classes)}


class Planted(torch.nn.Module):
    """Stands in for the network with an answer that is known."""

    def __init__(self, centre: torch.Tensor, sides: torch.Tensor) -> None:
        super().__init__()
        self.centre, self.sides = centre, sides

    def forward(self, _: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.centre, self.sides


def test_a_peak_becomes_its_box_and_its_lower_neighbours_are_silent() -> None:
    centre = torch.full((1, 2, 12, 16), -9.0)
    centre[0, 1, 5, 7], centre[0, 1, 5, 8], centre[0, 0, 2, 3] = 3.0, 2.0, 1.0
    sides = torch.ones(1, 4, 12, 16)
    sides[0, :, 5, 7] = torch.tensor([10.0, 20.0, 30.0, 40.0])
    rows = Answer(Planted(centre, sides))(torch.zeros(1, 96, 128, 3, dtype=torch.uint8))[0]  # type: ignore[arg-type]  # stands in for it
    x, y = 7 * STRIDE + STRIDE / 2, 5 * STRIDE + STRIDE / 2
    assert rows[0].tolist() == pytest.approx([x - 10, y - 20, x + 30, y + 40, 1 / (1 + np.exp(-3)), 1])
    assert rows[1].tolist() == pytest.approx([27, 19, 29, 21, 1 / (1 + np.exp(-1)), 0])
    assert float(rows[2, 4]) < 0.01


def test_the_loss_of_the_right_answer_is_small_and_an_area_not_judged_costs_nothing() -> None:
    goal = target(np.array([[16, 8, 48, 88]], np.float32), np.zeros(1, np.int64), np.array([[80, 0, 128, 96]], np.float32), 96, 128)
    centre, judged = torch.from_numpy(goal.centre)[None], torch.from_numpy(goal.judged)[None]
    right = torch.where(centre == 1, 8.0, -8.0)
    assert float(centre_loss(right, centre, judged)) < 0.05
    shouting = right.clone()
    shouting[:, :, :, 10:] = 8.0
    assert float(centre_loss(shouting, centre, judged)) == pytest.approx(float(centre_loss(right, centre, judged)))
    shouting[:, :, 10, 0] = 8.0
    assert float(centre_loss(shouting, centre, judged)) > 1


def test_giou_is_one_for_the_same_box_and_falls_below_zero_far_away() -> None:
    a = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]])
    b = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [90, 90, 100, 100]])
    assert giou(a, b).tolist() == pytest.approx([1.0, 50 / 150, -0.98], abs=1e-5)


def test_boxes_weigh_only_where_there_is_one() -> None:
    sides = torch.full((1, 4, 4, 4), 8.0, requires_grad=True)
    loss = box_loss(sides, torch.zeros(1, 4, 4, 4), torch.zeros(1, 4, 4))
    assert loss.item() == 0.0
    loss.backward()  # type: ignore[no-untyped-call]
    assert sides.grad is not None


def test_the_highest_cell_of_a_target_is_one_and_the_smaller_of_two_boxes_wins_a_cell() -> None:
    boxes = np.array([[0, 0, 120, 90], [52, 37, 68, 53]], np.float32)
    goal = target(boxes, np.zeros(2, np.int64), np.zeros((0, 4), np.float32), 96, 128)
    assert goal.centre.max() == 1
    assert goal.box[:, 5, 7].tolist() == boxes[1].tolist()
    assert (goal.weight > 0).sum() > 1


@pytest.mark.soak  # that the small one learns is seen in tests/trainer/train/test_learning.py and tests/trainer/ship
def test_it_learns_eight_pictures_by_heart() -> None:
    samples = [rendered(i) for i in range(8)]
    schedule = Schedule(rounds=4, batches=20, batch=8, rate=3e-3, backbone_rate=3e-3, warm_up=10, average=0.8, frozen=0, decay=0.0)
    losses: list[float] = []

    def note(progress: Progress) -> None:
        losses.append(progress.loss)

    torch.manual_seed(0)
    learnt = Answer(learn(Network(), lambda _: Drawer(samples), schedule, report=note))
    truths, answers = [], []
    for sample in samples:
        with torch.no_grad():
            rows = learnt(torch.from_numpy(sample.image)[None])[0].numpy()
        truths.append(Truth(sample.boxes, sample.ignored))
        answers.append(Answers(rows[:, :4], rows[:, 4]))
    assert losses[-1] < losses[0] / 3
    assert average_precision(truths, answers) > 0.9
