"""The rendered scene and the encoder: every number can be read after coding, and times and key frames are where they belong."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.capture.decoder import Decoder
from device.capture.encoder import SOFTWARE, Encoder, choose
from device.capture.pattern import PatternSource
from device.capture.scene import burn_in, read_number, render
from device.pipeline.packets import Packet
from tests.device.capture.fakes import CLOCK, MS, SECOND, number_in


def source(**options: object) -> PatternSource:
    return PatternSource("left", PatternSource.Options(**{"pace": "free", "seconds": 2, **options}), CLOCK)  # type: ignore[arg-type]


@given(st.integers(0, (1 << 24) - 1), st.sampled_from([(160, 90), (320, 240), (640, 360), (1280, 720)]))
@settings(max_examples=40, deadline=None)
def test_a_number_burnt_in_is_read_again_at_any_size(number: int, size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 128, np.uint8)
    burn_in(image, number)
    assert read_number(image) == number
    assert read_number(cv2.resize(image, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)) == number


def test_a_picture_without_a_number_has_none() -> None:
    assert read_number(np.full((90, 160), 255, np.uint8)) is None


@pytest.mark.parametrize("fps", [10, 25, 29.97])
def test_every_picture_carries_its_number_and_comes_at_its_time(fps: float) -> None:
    packets = list(source(fps=fps).packets())
    decoder = Decoder(packets[0].stream)
    frames = [f for p in packets for f in decoder.decode(p)] + decoder.flush()
    assert [number_in(f) for f in frames] == list(range(len(packets)))
    assert len(packets) == int(np.ceil(2 * packets[0].stream.rate)) if packets[0].stream.rate else False
    for n, frame in enumerate(frames):
        assert abs(frame.pts_ns - n * SECOND / fps) < MS


def test_a_key_frame_comes_each_second_with_its_parameter_sets() -> None:
    packets = list(source(seconds=5, fps=20).packets())
    assert [p.pts_ns for p in packets if p.key] == [n * SECOND for n in range(5)]
    assert all(p.data.startswith(packets[0].stream.extradata) for p in packets if p.key)
    assert packets[0].stream.codec == "h264"


def test_the_same_options_give_the_same_film_and_identity() -> None:
    one, two, other = source(), source(), source(people=1)
    assert [p.data for p in one.packets()] == [p.data for p in two.packets()]
    assert one.identity == two.identity != other.identity


def test_played_live_it_keeps_its_own_speed_and_stops_when_told() -> None:
    live = source(pace="realtime", seconds=0, fps=50)
    packets: list[Packet] = []
    before = CLOCK.mono_ns()
    for packet in live.packets():
        packets.append(packet)
        if len(packets) == 26:
            live.close()
    took = CLOCK.mono_ns() - before
    assert 490 * MS <= took < 5 * SECOND
    assert live.live and len(packets) == 26


def test_people_walk_and_rest() -> None:
    one = source(walk_s=2, rest_s=3)
    assert [one._walking(s) for s in (0, 1.9, 2.1, 4.9, 5.1)] == [True, True, False, False, True]
    assert (render(0, 1.0, 320, 180, 2) != render(0, 1.0, 320, 180, 0)).any()


def test_an_encoder_that_works_here_is_chosen() -> None:
    name = choose()
    assert name == SOFTWARE or name.startswith("h264_")


def test_the_encoder_takes_odd_sizes_and_uneven_times_and_holds_nothing_back() -> None:
    encoder = Encoder(321, 181, Fraction(25), name=SOFTWARE)
    times = [0, 40 * MS, 41 * MS, 900 * MS, 1000 * MS, 1001 * MS + 7, 5 * SECOND]
    units = []
    for at in times:
        made = list(encoder.encode(av.VideoFrame.from_ndarray(np.zeros((181, 321, 3), np.uint8), "bgr24"), at))
        assert len(made) == 1
        units += made
    assert [u.pts_ns for u in units] == times
    assert [u.key for u in units] == [True, False, False, False, True, False, True]
