import io
from dataclasses import replace
from pathlib import Path

import av
import pytest

from contracts.errors import HardwareError
from device.pipeline.codec_string import codec_string
from device.pipeline.mux import Fragments, Muxer, container_of, remux
from device.pipeline.packets import Packet
from tests.device.record.footage import decoded, footage, numbers


class Journal(io.BytesIO):
    """Remembers every write, so that a cut after each of them can be played out."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[tuple[int, bytes]] = []

    def write(self, data: bytes, /) -> int:
        self.writes.append((self.tell(), bytes(data)))
        return super().write(data)

    def after(self, count: int) -> bytes:
        file = bytearray()
        for at, data in self.writes[:count]:
            file[len(file) :] = bytes(max(0, at - len(file)))
            file[at : at + len(data)] = data
        return bytes(file)


def muxed(packets: tuple[Packet, ...]) -> Journal:
    file = Journal()
    muxer = Muxer(file, packets[0], "what it is")
    for packet in packets:
        muxer.write(packet)
    muxer.close()
    file.seek(0)
    return file


KINDS = [
    pytest.param({"codec": "h264"}, id="h264"),
    pytest.param({"codec": "h264", "b_frames": 2, "variable": True}, id="h264-b-frames-variable"),
    pytest.param({"codec": "hevc", "b_frames": 2, "variable": True}, id="hevc-b-frames-variable"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_times_are_exact_to_the_microsecond(kind: dict) -> None:
    packets = footage(**kind)
    pictures = decoded(muxed(packets))
    assert numbers(pictures) == list(range(150))
    origin_ns = packets[0].dts_ns
    assert [time for _, time in pictures] == sorted((packet.pts_ns - origin_ns) // 1000 for packet in packets)


@pytest.mark.parametrize("kind", KINDS)
def test_a_closed_clip_knows_its_length_and_what_it_is(kind: dict) -> None:
    packets = footage(**kind)
    with av.open(muxed(packets)) as clip:
        stream = clip.streams.video[0]
        assert (stream.frames, clip.metadata["comment"]) == (150, "what it is")
        assert stream.duration is not None and stream.time_base is not None
        last = max(packets, key=lambda packet: packet.pts_ns)
        asked_us = (last.pts_ns + last.duration_ns - packets[0].pts_ns) // 1000
        assert abs(stream.duration * stream.time_base * 1_000_000 - asked_us) <= 80_000  # B-frames: the decoding time ends earlier


def test_motion_jpeg_goes_into_matroska_to_the_millisecond() -> None:
    packets = footage("mjpeg", variable=True)
    pictures = decoded(muxed(packets))
    assert container_of("mjpeg") == "mkv" and numbers(pictures) == list(range(150))
    for (_, time_us), packet in zip(pictures, packets, strict=True):
        assert abs(time_us - (packet.pts_ns - packets[0].pts_ns) // 1000) <= 500


@pytest.mark.parametrize("kind", [*KINDS, pytest.param({"codec": "mjpeg"}, id="mjpeg")])
def test_cut_after_any_write_it_plays_but_for_the_last_second(kind: dict) -> None:
    packets = footage(**kind, frames=80)
    file = Journal()
    muxer = Muxer(file, packets[0])
    at_write: dict[int, int] = {}  # writes done -> packets given so far
    for count, packet in enumerate(packets, 1):
        muxer.write(packet)
        at_write[len(file.writes)] = count
    muxer.close()
    for writes in range(1, len(file.writes) + 1):
        given = at_write.get(writes, len(packets) if writes > max(at_write) else 0)
        if given > 25:
            assert len(decoded(io.BytesIO(file.after(writes)))) >= given - 25, f"after {writes} of {len(file.writes)} writes"


def test_a_browser_gets_a_head_and_then_a_fragment_a_picture() -> None:
    packets = footage("h264", frames=30)
    stream = Fragments(packets[0])
    pieces = [stream.push(packet) for packet in packets] + [stream.close()]
    assert boxes(pieces[0]) == ["ftyp", "moov"]
    assert all(boxes(piece) == ["moof", "mdat"] for piece in pieces[1:])
    assert numbers(decoded(io.BytesIO(b"".join(pieces)))) == list(range(30))


def boxes(data: bytes) -> list[str]:
    found, at = [], 0
    while at < len(data):
        found.append(data[at + 4 : at + 8].decode())
        at += int.from_bytes(data[at : at + 4], "big")
    assert at == len(data)
    return found


def test_parameter_sets_may_come_out_of_band_only() -> None:
    packets = footage("h264", frames=30, inband=False)
    assert packets[0].stream.extradata and packets[0].stream.extradata not in packets[0].data
    assert numbers(decoded(muxed(packets))) == list(range(30))


def test_parameter_sets_may_come_in_band_only() -> None:
    packets = footage("h264", frames=30)
    assert not packets[0].stream.extradata
    assert numbers(decoded(muxed(packets))) == list(range(30))


def test_times_that_do_not_grow_are_moved_on() -> None:
    packets = footage("h264", frames=30)
    stuck = (*packets[:10], *(replace(packet, dts_ns=packets[9].dts_ns, pts_ns=packets[9].pts_ns) for packet in packets[10:]))
    assert numbers(decoded(muxed(stuck))) == list(range(30))


def test_the_error_of_the_file_comes_out_as_it_is() -> None:
    class Full(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(28, "No space left on device")

    packets = footage("h264", frames=60)
    muxer = Muxer(Full(), packets[0])
    with pytest.raises(OSError, match="No space left") as caught:
        for packet in packets:
            muxer.write(packet)
    assert caught.value.errno == 28


def test_a_stream_that_is_none_is_refused_by_name() -> None:
    first = footage("h264", frames=30)[0]
    broken = replace(first, data=b"\0\0\0\1\x65nonsense", stream=replace(first.stream, extradata=b"", camera="gate"))
    with pytest.raises(HardwareError, match="camera gate: its h264 stream"):
        muxer = Muxer(io.BytesIO(), broken)
        muxer.write(broken)


def test_codecs_have_the_names_browsers_know() -> None:
    assert codec_string(footage("h264", frames=30)[0]).startswith("avc1.42c0")  # constrained baseline, as x264's ultrafast makes it
    hevc = codec_string(footage("hevc", frames=30)[0])
    assert hevc is not None and hevc.startswith("hvc1.1.6.L") and hevc.split(".")[3] in {"L60", "L63"}
    assert codec_string(footage("mjpeg", frames=30)[0]) is None


def test_a_picture_that_lies_on_its_side_is_shown_upright(tmp_path: Path) -> None:
    packets = footage("h264", frames=30)
    turned = tuple(replace(packet, stream=replace(packet.stream, rotation=90)) for packet in packets)
    (tmp_path / "a.mp4").write_bytes(muxed(turned).getvalue())
    with (tmp_path / "b.mp4").open("wb") as copy:
        assert remux(str(tmp_path / "a.mp4"), copy, "") == 30
    for name in ("a.mp4", "b.mp4"):
        with av.open(str(tmp_path / name)) as clip:
            assert next(clip.decode(video=0)).rotation % 360 == 270
