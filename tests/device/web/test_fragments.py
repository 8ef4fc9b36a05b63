"""MP4 for a browser, over changes of the stream."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from device.web.fragments import FragmentStream, head_size
from tests.device.web.footage import FPS, STEP_NS, packets

SECOND = 1_000_000_000


def test_only_the_first_piece_has_a_header_and_each_knows_whether_it_is_a_key_frame() -> None:
    stream = FragmentStream(-SECOND)
    street = packets("street", 0, 0)[: FPS * 2]
    pieces = [piece for packet in street if (piece := stream.push(packet))]
    assert len(pieces) == len(street) - 1  # the last is known when the next one comes
    assert [bool(piece.header) for piece in pieces] == [True] + [False] * (len(pieces) - 1)
    assert [n for n, piece in enumerate(pieces) if piece.key] == [0, FPS]
    assert pieces[0].words["offset"] == 1.0
    assert {piece.data[4:8] for piece in pieces} == {b"moof"}


def test_nothing_comes_before_a_key_frame() -> None:
    stream = FragmentStream(0)
    assert [stream.push(packet) for packet in packets("street", 0, 0)[1:FPS]] == [None] * (FPS - 1)


def test_a_new_stream_begins_with_its_own_header_at_its_own_time() -> None:
    stream = FragmentStream(0)
    street = packets("street", 0, 0)
    for packet in street[:FPS]:
        stream.push(packet)
    renewed = replace(street[0].stream, epoch=1)
    later = [replace(p, stream=renewed, pts_ns=p.pts_ns + 9 * SECOND, dts_ns=p.dts_ns + 9 * SECOND) for p in street[FPS - 2 : FPS + 3]]
    pieces = [piece for packet in later if (piece := stream.push(packet))]
    assert pieces[0].header
    assert pieces[0].key
    assert pieces[0].words["offset"] == (9 * SECOND + FPS * STEP_NS) / SECOND


def test_what_is_not_h264_makes_no_mp4() -> None:
    packet = packets("street", 0, 0)[0]
    assert FragmentStream(0).push(replace(packet, stream=replace(packet.stream, codec="mjpeg"))) is None


@given(st.binary(max_size=200))
def test_any_bytes_have_a_head_within_them(data: bytes) -> None:
    assert 0 <= head_size(data) <= len(data)
