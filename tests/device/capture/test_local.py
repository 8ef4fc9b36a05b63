"""What is plugged in: one entry a camera, with an id that stays; twins, strange serial numbers, nodes that refuse."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import HardwareError, Unplugged
from device.capture.device_id import PORT, SERIAL, DeviceId, cleaned
from device.capture.local import LocalCamera, local_cameras
from device.capture.meant import Meant
from device.capture.querycap import LAYOUT, unpacked
from tests.device.capture.sysfs import Bench

four = st.from_regex(r"[0-9a-f]{4}", fullmatch=True)
ids = st.builds(
    DeviceId, four, four, st.one_of(st.just(""), st.from_regex(SERIAL, fullmatch=True)),
    st.one_of(st.just(""), st.from_regex(PORT, fullmatch=True)), st.integers(0, 99),
) | st.builds(DeviceId, port=st.from_regex(PORT, fullmatch=True), nth=st.integers(0, 99))  # fmt: skip


@given(ids)
def test_an_id_is_read_as_it_is_written_and_means_itself(one: DeviceId) -> None:
    assert DeviceId.parse(str(one)) == one
    assert one.means(one)


@given(st.text(max_size=80))
def test_any_other_text_is_refused_and_whatever_a_device_says_can_stand_in_an_id(text: str) -> None:
    try:
        assert str(DeviceId.parse(text)).startswith(("usb:", "bus:"))
    except ValueError as error:
        assert "vedette cameras" in str(error)
    if serial := cleaned(text):
        assert DeviceId.parse(f"usb:046d:0892:{serial}").serial == serial


def test_a_camera_is_listed_once_although_it_has_a_second_node_for_metadata(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.plug_usb("2.3", 0, serial="1A2B3C")
    (one,) = bench.look()
    assert (one.id, one.name, one.node, one.fault) == ("usb:046d:0892:1A2B3C", "C920", tmp_path / "dev/video0", "")


def test_its_id_stays_when_another_one_was_found_first(tmp_path: Path) -> None:
    before, after = Bench(tmp_path / "before"), Bench(tmp_path / "after")
    before.plug_usb("1", 0, serial="A")
    after.plug_usb("2", 0, serial="B")
    after.plug_usb("1", 2, serial="A")
    assert before.look()[0].id == "usb:046d:0892:A"
    assert {camera.id: camera.node.name for camera in after.look()} == {"usb:046d:0892:B": "video0", "usb:046d:0892:A": "video2"}


@pytest.mark.parametrize("serial", ["", "SN0001"])
def test_twins_are_told_apart_by_their_sockets(tmp_path: Path, serial: str) -> None:
    """The same model twice, without serial numbers or, as cheap ones have it, all with the same."""
    bench = Bench(tmp_path)
    bench.plug_usb("1", 0, serial=serial)
    bench.plug_usb("2.4", 2, serial=serial)
    found = bench.look()
    assert [camera.id for camera in found] == ["usb:046d:0892@0000:00:14.0-1", "usb:046d:0892@0000:00:14.0-2.4"]
    assert Meant("door", found[1].id, None, bench.look).node() == tmp_path / "dev/video2"
    with pytest.raises(HardwareError, match=r"2 cameras answer to usb:046d:0892; write usb:046d:0892@.*-1 or usb:046d:0892@.*-2\.4 in"):
        Meant("door", "usb:046d:0892", None, bench.look).node()


def test_a_device_with_two_cameras_in_it_has_two(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.plug_usb("1", 0, serial="S", cameras=2)
    assert [(camera.id, camera.node.name) for camera in bench.look()] == [("usb:046d:0892:S", "video0"), ("usb:046d:0892:S/1", "video2")]


def test_a_camera_that_is_not_on_usb_is_named_by_its_bus(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.plug_platform("vivid.0", "video0", "platform:vivid-000")
    bench.plug_platform("vivid.0", "video1", "platform:vivid-001")
    assert [camera.id for camera in bench.look()] == ["bus:platform:vivid-000", "bus:platform:vivid-001"]


def test_a_camera_that_may_not_be_opened_is_listed_with_the_reason_and_its_metadata_node_is_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.plug_usb("1", 0, serial="S")
    bench.answers.update(video0=errno.EACCES, video1=errno.EACCES)
    (one,) = bench.look()
    assert (one.id, one.fault) == ("usb:046d:0892:S", "permission denied")


def test_what_goes_while_it_is_read_is_left_out_and_strange_words_do_no_harm(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.plug_usb("1", 0, serial="a b/../\x1b[2J", model=("XYZ", "0892"), name="Cam\x1b[31m")
    bench.plug_usb("2", 2, serial="gone")
    bench.answers["video2"] = errno.ENODEV
    (one,) = bench.look()
    assert (one.id, one.name) == ("usb:0000:0892:a_b_.._2J", "Cam?[31m")
    assert DeviceId.parse(one.id)


def test_a_machine_without_cameras_has_none(tmp_path: Path) -> None:
    assert local_cameras(tmp_path / "sys", tmp_path / "dev") == []


def test_a_camera_that_was_plugged_in_elsewhere_is_found_by_its_serial_number_and_said_without(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.plug_usb("4", 0)
    with pytest.raises(Unplugged, match=r"or, if it is the one that is now plugged in as usb:046d:0892@0000:00:14.0-4, write that"):
        Meant("door", "usb:046d:0892@0000:00:14.0-1", None, bench.look).node()


def test_without_a_word_it_is_the_only_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with pytest.raises(Unplugged, match="no camera is plugged in; plug one in"):
        Meant("door", "", None, bench.look).node()
    bench.plug_usb("1", 0)
    assert Meant("door", "", None, bench.look).node() == tmp_path / "dev/video0"
    bench.plug_usb("2", 2)
    with pytest.raises(HardwareError, match="2 cameras are plugged in; write"):
        Meant("door", "", None, bench.look).node()


@pytest.mark.parametrize(
    ("whole", "own", "pictures"), [(1, 0, True), (0x8000_0001, 1, True), (0x80A0_0001, 0x0080_0000, False), (0x4001, 0, False)]
)
def test_what_a_node_can_do_is_what_it_says_of_itself_not_of_the_whole_device(whole: int, own: int, pictures: bool) -> None:
    said = unpacked(LAYOUT.pack(b"uvcvideo", b"C920\0junk", b"usb-0000:00:14.0-1", 6, whole, own))
    assert (said.card, said.bus, said.gives_pictures) == ("C920", "usb-0000:00:14.0-1", pictures)


def test_a_thing_that_is_no_camera_is_none() -> None:
    assert isinstance(local_cameras(), list)
    assert all(isinstance(camera, LocalCamera) for camera in local_cameras())
