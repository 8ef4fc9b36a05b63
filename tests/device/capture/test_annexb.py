"""Annex B: conversions against FFmpeg's own filter, and no input that breaks the parser."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.capture.annexb import START, ParameterSets, configuration, from_lengths, join, kind, split
from tests.device.capture.fakes import even, film

NAL = st.binary(min_size=1, max_size=40).filter(lambda n: b"\x00\x00" not in n and n[-1] != 0 and n[0] != 0)


@given(st.lists(NAL, max_size=8))
def test_splitting_undoes_joining(nals: list[bytes]) -> None:
    assert split(join(nals)) == nals


@given(st.lists(NAL, max_size=8), st.sampled_from([1, 2, 4]))
def test_lengths_are_read_whatever_their_size(nals: list[bytes], size: int) -> None:
    assert from_lengths(b"".join(len(n).to_bytes(size, "big") + n for n in nals), size) == nals


@given(st.sampled_from(["h264", "hevc"]), st.binary(max_size=80), st.binary(max_size=80), st.booleans())
def test_no_bytes_break_it(codec: str, extradata: bytes, data: bytes, key: bool) -> None:
    for head in (extradata, b"\x01" + extradata):
        sets = ParameterSets(codec, head)
        sets.normalise(data, key)
        sets.extradata()


def needed(codec: str, data: bytes) -> list[bytes]:
    """All units but what an encoder says of itself."""
    return sorted(nal for nal in split(data) if kind(codec, nal) != {"h264": 6, "hevc": 39}[codec])


@pytest.mark.parametrize(("codec", "encoder", "bsf"), [("h264", "libx264", "h264_mp4toannexb"), ("hevc", "libx265", "hevc_mp4toannexb")])
def test_it_gives_the_units_that_the_filter_of_ffmpeg_gives(tmp_path: Path, codec: str, encoder: str, bsf: str) -> None:
    if encoder not in av.codecs_available:
        pytest.skip(f"this build has no {encoder}")
    path = film(tmp_path / "film.mp4", even(30), codec=encoder)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        sets = ParameterSets(codec, stream.codec_context.extradata or b"")
        theirs = av.bitstream.BitStreamFilterContext(bsf, stream)
        for packet in container.demux(stream):
            if not packet.size:
                continue
            ours = sets.normalise(bytes(packet), packet.is_keyframe)
            expected = b"".join(bytes(p) for p in theirs.filter(packet))
            assert needed(codec, ours) == needed(codec, expected)
            if packet.is_keyframe:
                assert {7, 8} <= {kind(codec, n) for n in split(ours)} or {32, 33, 34} <= {kind(codec, n) for n in split(ours)}
        assert sets.extradata().startswith(START)


def test_a_key_frame_without_parameter_sets_gets_those_of_the_header_behind_its_delimiter() -> None:
    header = join([b"\x67sps", b"\x68pps"])
    sets = ParameterSets("h264", header)
    got = split(sets.normalise(join([b"\x09\xf0", b"\x65slice"]), key=True))
    assert [n[0] & 31 for n in got] == [9, 7, 8, 5]
    assert sets.normalise(join([b"\x41slice"]), key=False) == join([b"\x41slice"])


def test_parameter_sets_in_the_stream_replace_those_of_the_header() -> None:
    sets = ParameterSets("h264", join([b"\x67old", b"\x68pps"]))
    data = join([b"\x67new", b"\x65slice"])
    assert split(sets.normalise(data, key=True)) == [b"\x67new", b"\x68pps", b"\x65slice"]
    assert sets.sequence() == [b"\x67new"]
    assert split(sets.extradata()) == [b"\x67new", b"\x68pps"]


def test_without_a_header_nothing_is_known_until_the_stream_says_it() -> None:
    sets = ParameterSets("h264", b"")
    assert sets.extradata() == b""
    whole = join([b"\x67sps", b"\x68pps", b"\x65slice"])
    assert sets.normalise(whole, key=True) is whole
    assert split(sets.extradata()) == [b"\x67sps", b"\x68pps"]


def test_the_size_of_length_fields_is_read() -> None:
    avcc = bytes([1, 100, 0, 30, 0xFD, 0xE1, 0, 3, 0x67, 1, 2, 1, 0, 2, 0x68, 3])
    assert configuration("h264", avcc) == (2, [b"\x67\x01\x02", b"\x68\x03"])
