"""A camera's packets made anew with what its owner hides black in them: times, sound and shape stay; nothing passes unpainted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from device.capture.decoder import PENDING, Decoder
from device.capture.encoder import SOFTWARE, Encoder
from device.capture.file import FileSource
from device.capture.hidden import packets_of
from device.capture.masking import Masking
from device.capture.pattern import PatternSource
from device.pipeline.board import Board
from device.pipeline.channel import nothing
from device.pipeline.packets import Outlines, Packet
from device.pipeline.ring import PacketRing
from device.pipeline.sound import Sound
from device.pipeline.tally import Tally
from tests.device.capture.fakes import CLOCK, even, film, number_in
from vision.types import Frame

LOWER: Outlines = (((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)),)  # the number of a picture is in the upper half


class Made:
    """What comes out of a worker that was given all of it at once."""

    def __init__(self, packets: Sequence[Packet], live: bool = False) -> None:
        self.board, self.tally = Board(), Tally()
        came, shown = PacketRing(600, lead_ns=1 << 60), PacketRing(600)
        self.masking = Masking("yard", came, shown, live=live, board=self.board, tally=self.tally, clock=CLOCK)
        reader = shown.reader()
        for packet in packets:
            came.append(packet)
        came.close()
        self.masking.run(nothing)
        assert self.masking.done.is_set()
        self.packets = list(reader.each())


def frames(packets: Sequence[Packet]) -> list[Frame]:
    decoder = Decoder(packets[0].stream)
    return [frame for packet in packets for frame in decoder.decode(packet)] + decoder.flush()


@pytest.fixture(scope="module")
def came(tmp_path_factory: pytest.TempPathFactory) -> list[Packet]:
    """H.264 as cameras send it at its worst: B-frames, long groups."""
    path = film(tmp_path_factory.mktemp("film") / "a.mkv", even(45), bframes=2, gop=40, moving=lambda _ms: True)
    return list(packets_of(FileSource("yard", FileSource.Options(path=path), CLOCK), LOWER))


def test_every_picture_comes_out_once_with_its_time_and_number_and_nothing_of_what_is_hidden(came: list[Packet]) -> None:
    assert all(packet.stream.hides == LOWER for packet in came)
    made = Made(came).packets
    assert [packet.pts_ns for packet in made] == sorted(packet.pts_ns for packet in came)
    known = {packet.pts_ns: (packet.seq, packet.mono_ns, packet.wall_ns) for packet in came}
    assert all(known[packet.pts_ns] == (packet.seq, packet.mono_ns, packet.wall_ns) for packet in made)
    assert made[0].key and not made[0].stream.hides and made[0].stream.codec == "h264"
    shown = frames(made)
    assert [number_in(frame) for frame in shown] == list(range(45))
    assert max(int(frame.planes.bgr()[92:].max()) for frame in shown) <= 24, "a lossy black"
    plain = frames([replace(packet, stream=replace(packet.stream, hides=())) for packet in came])
    assert min(int(frame.planes.bgr()[92:].max()) for frame in plain) > 200, "there was something to hide"


def test_a_decoder_paints_what_a_stream_hides_and_predicts_from_what_is_there(came: list[Packet]) -> None:
    """The upper halves, which lean on pictures before them, are bit for bit those of an unmasked camera."""
    plain = frames([replace(packet, stream=replace(packet.stream, hides=())) for packet in came])
    for hidden, bare in zip(frames(came), plain, strict=True):
        assert hidden.planes.bgr()[92:].max() == 0
        assert np.array_equal(hidden.planes.luma(10_000)[:86], bare.planes.luma(10_000)[:86])


def test_sound_rides_on(came: list[Packet]) -> None:
    talking = [replace(packet, sounds=(Sound(packet.pts_ns, 1, bytes([n])),)) for n, packet in enumerate(came)]
    heard = [sound.data[0] for packet in Made(talking).packets for sound in packet.sounds]
    assert heard == list(range(len(came)))


def test_where_no_picture_is_made_each_packet_is_counted_and_sound_does_not_wait_without_bound(
    came: list[Packet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Encoder, "encode", lambda *_: (_ for _ in ()).throw(ValueError("never")))
    talking = [replace(packet, sounds=tuple(Sound(packet.pts_ns, 1, b"x") for _ in range(20))) for packet in came]
    made = Made(talking)
    assert made.tally.get("yard", "packets_lost", "masking") == len(came)
    assert len(made.masking._sounds) <= PENDING < 20 * len(came)


def test_a_packet_whose_picture_never_comes_is_counted(came: list[Packet], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decoder, "decode", lambda *_: [])
    monkeypatch.setattr(Decoder, "flush", lambda *_: [])
    monkeypatch.setattr("device.capture.masking.PENDING", 10)
    assert Made(came).tally.get("yard", "packets_lost", "masking") == len(came)


def test_what_hides_nothing_goes_on_as_it_came(came: list[Packet]) -> None:
    bare = [replace(packet, stream=replace(packet.stream, hides=())) for packet in came]
    assert Made(bare).packets == bare


def test_a_live_camera_that_is_behind_goes_on_at_the_newest_key_frame_and_the_rest_is_counted(came: list[Packet]) -> None:
    late = [replace(packet, pts_ns=packet.pts_ns * 3, dts_ns=packet.dts_ns * 3) for packet in came]  # 5 s, and all of it is there at once
    made = Made(late, live=True)
    assert made.packets[0].pts_ns == next(p.pts_ns for p in reversed(late) if p.key)
    lost = made.tally.get("yard", "packets_lost", "masking")
    assert lost + len(made.packets) == len(late)


def test_an_encoder_that_fails_is_replaced_and_where_none_works_there_are_no_clips_and_the_board_says_so(
    came: list[Packet], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tried = Encoder.encode, []

    def full(encoder: Encoder, picture: av.VideoFrame, pts_ns: int) -> object:
        tried.append(encoder.name)
        if len(tried) < 3:
            raise av.error.ExternalError(542398533, "no room")
        return real(encoder, picture, pts_ns)

    monkeypatch.setattr(Encoder, "encode", full)
    made = Made(came)
    assert set(tried) == {SOFTWARE} and len(made.packets) == len(came) - 2 and made.packets[0].key
    assert made.board.parts()["masks"].state == "ok" and made.tally.get("yard", "packets_lost", "masking") == 2
    monkeypatch.setattr(Encoder, "encode", lambda *_: (_ for _ in ()).throw(ValueError("never")))
    made = Made(came)
    assert not made.packets and made.board.parts()["masks"].state == "failed" and "has no clips" in made.board.parts()["masks"].reason


def test_any_other_kind_of_source_is_marked_too() -> None:
    source = PatternSource("yard", PatternSource.Options(width=160, height=90, seconds=0.2, pace="free"), CLOCK)
    assert {packet.stream.hides for packet in packets_of(source, LOWER)} == {LOWER}


def test_raw_pictures_are_painted_before_they_are_encoded(tmp_path: Path) -> None:
    path = film(tmp_path / "raw.avi", even(4), codec="rawvideo", moving=lambda _ms: True)
    packets = list(packets_of(FileSource("yard", FileSource.Options(path=path), CLOCK), LOWER))
    assert not packets[0].stream.hides and max(int(frame.planes.bgr()[92:].max()) for frame in frames(packets)) <= 24
