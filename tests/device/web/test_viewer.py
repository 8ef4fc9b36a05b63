"""A slow browser: bounded, and told what it missed."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from device.web.viewer import MAX_WORDS, Viewer


def all_of(viewer: Viewer) -> list[str | bytes]:
    async def take() -> list[str | bytes]:
        return [await viewer.next() for _ in range(len(viewer._waiting))]

    return asyncio.run(take())


def test_what_fits_comes_in_order() -> None:
    viewer = Viewer(100)
    viewer.say({"type": "video"})
    viewer.header(b"head")
    viewer.picture(b"key", True)
    viewer.picture(b"delta", False)
    assert all_of(viewer) == ['{"type":"video"}', b"head", b"key", b"delta"]


def test_a_full_viewer_gives_up_until_the_next_key_frame_and_says_how_many() -> None:
    viewer = Viewer(10)
    for data, key in ((b"kkkk", True), (b"dddd", False), (b"eeee", False), (b"ffff", False), (b"KKKK", True), (b"gggg", False)):
        viewer.picture(data, key)
    said, *pictures = all_of(viewer)
    assert json.loads(said)["pictures"] == 4
    assert pictures == [b"KKKK", b"gggg"]


def test_the_header_is_never_given_up() -> None:
    viewer = Viewer(5)
    viewer.header(b"head")
    viewer.picture(b"kkkkk", True)
    viewer.picture(b"KKKKK", True)
    assert all_of(viewer)[0] == b"head"


def test_words_do_not_pile_up_either() -> None:
    viewer = Viewer()
    for n in range(MAX_WORDS * 3):
        viewer.say({"n": n})
    assert len(all_of(viewer)) == MAX_WORDS


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=80), st.integers(0, 5))
def test_sent_and_missed_is_all_there_was_and_every_run_begins_with_a_key(pictures: list[tuple[int, bool]], sent_between: int) -> None:
    viewer, got, missed = Viewer(60), [], 0

    async def play() -> None:
        nonlocal missed
        for n, (size, key) in enumerate([*pictures, (1, True)]):
            viewer.picture(bytes([n % 256]) * size + (b"K" if key else b"d"), key)
            for _ in range(min(sent_between if n % 3 == 0 else 0, len(viewer._waiting))):
                await take()
        while viewer._waiting:
            await take()

    async def take() -> None:
        nonlocal missed
        message = await viewer.next()
        if isinstance(message, str):
            missed += json.loads(message)["pictures"]
            got.append(None)
        else:
            got.append(message)

    asyncio.run(play())
    shown = [message for message in got if message is not None]
    assert len(shown) + missed == len(pictures) + 1
    after_a_hole = [later for before, later in pairwise(got) if before is None and later is not None]
    assert all(message.endswith(b"K") for message in after_a_hole)
