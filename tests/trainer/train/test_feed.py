"""Feed: who draws what, how often, in which order; and that nothing is left behind."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from contracts.errors import ConfigError
from tests.trainer.train.worlds import scene
from trainer.train.augment import Augmenter
from trainer.train.config import Augment
from trainer.train.example import Example, Image, Marks
from trainer.train.feed import Batch, Feed, Shard, order, shares


def example(number: int, probability: float | None = None) -> Example:
    return Example(f"i{number}", Path("none"), 128, 96, "", Marks.none(), probability)


def drawn(index: int) -> tuple[Example, Image]:
    return example(index), np.ascontiguousarray(scene(index)[0][..., ::-1])


def feed(loaders: int = 2, shard: Shard | None = None, count: int = 24) -> Feed:
    augmenter = Augmenter(Augment(), (96, 128), drawn, count)
    return Feed(augmenter, np.ones(count), (96, 128), 2, 4, 1, loaders, shard or Shard())


def loading() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("load")]


def same(one: Batch, two: Batch) -> bool:
    return torch.equal(one.images, two.images) and all(torch.equal(a, b) for a, b in zip(one.goals, two.goals, strict=True))


def test_an_epoch_shows_every_picture_once_and_the_next_in_another_order() -> None:
    first, second = order(0, 24, np.ones(24), 1), order(1, 24, np.ones(24), 1)
    assert sorted(first) == sorted(second) == list(range(24))
    assert list(first) != list(second)
    assert list(order(0, 24, np.ones(24), 1)) == list(first)
    assert len(order(0, 50, np.ones(24), 1)) == 50


def test_what_was_kept_rarely_is_drawn_more_often() -> None:
    examples = [example(n, 0.1 if n < 10 else 1.0) for n in range(100)]
    weights = shares(examples, True, 20)
    drawn = np.concatenate([order(epoch, 100, weights, 1) for epoch in range(50)])
    rare = (drawn < 10).sum() / 10 / ((drawn >= 10).sum() / 90)
    assert rare == pytest.approx(10, rel=0.05)
    assert (shares(examples, False, 20) == 1).all()
    capped = shares([example(0, 1e-6), *(example(n, 1.0) for n in range(1, 100))], True, 5)
    assert capped[0] / capped[1] < 1e6
    assert capped.mean() == pytest.approx(1)


def test_batches_do_not_depend_on_how_many_threads_make_them_or_where_one_begins() -> None:
    with feed(1) as alone, feed(4) as many:
        whole = list(alone.batches(3, 6))
        assert all(same(a, b) for a, b in zip(whole, many.batches(3, 6), strict=True))
        assert all(same(a, b) for a, b in zip(whole[4:], many.batches(3, 6, first=4), strict=True))
        assert not same(whole[0], next(many.batches(4, 6)))


def test_processes_draw_disjoint_parts_that_together_are_the_epoch() -> None:
    with feed(shard=Shard(0, 2)) as one, feed(shard=Shard(1, 2)) as two, feed() as alone:
        first = [index for batch in one.batches(0, 3) for index in batch.indices]
        second = [index for batch in two.batches(0, 3) for index in batch.indices]
        whole = [index for batch in alone.batches(0, 6) for index in batch.indices]
    assert not set(first) & set(second)
    assert sorted(first + second) == sorted(whole) == list(range(24))


def test_threads_end_with_the_feed_however_it_ends() -> None:
    before = len(loading())
    with feed(3) as made:
        next(made.batches(0, 6))
        assert len(loading()) > before
    assert len(loading()) == before


def test_what_a_thread_meets_is_raised_where_the_batch_is_asked_for() -> None:
    def broken(index: int) -> tuple[Example, Image]:
        if index == 7:
            raise ConfigError("too many broken pictures")
        return drawn(index)

    augmenter = Augmenter(Augment(mosaic=0), (96, 128), broken, 24)
    with Feed(augmenter, np.ones(24), (96, 128), 2, 4, 1, 2) as made, pytest.raises(ConfigError, match="too many broken"):
        list(made.batches(0, 6))
    assert not loading()
