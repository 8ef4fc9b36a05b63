"""Plugging: a camera that comes is opened at once, one that goes is said so and comes back; the kernel's word is only a hint."""

from __future__ import annotations

import errno
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from contracts.errors import Unplugged
from device.capture.camera import Capture
from device.capture.local import LocalCamera
from device.capture.meant import Meant
from device.capture.plugging import Plugging, Waiting
from device.capture.uevents import Uevents, concerns, heard, listening
from device.pipeline.packets import Packet
from tests.device.capture.fakes import CLOCK, Rig, packet
from tests.device.capture.sysfs import Bench

KERNEL = b"add@/devices/pci0000:00/usb1/1-2/1-2:1.0/video4linux/video0\0ACTION=add\0SUBSYSTEM=video4linux\0MAJOR=81\0"
UDEV = b"libudev\0\xfe\xed\xca\xfe" + bytes(28) + b"ACTION=add\0DEVPATH=/devices/x\0SUBSYSTEM=video4linux\0"


@dataclass
class Signals:
    """The production protocol of hints; `give` is the kernel."""

    came: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def wait(self, seconds: float) -> bool:
        return self.came.acquire(timeout=seconds)

    def close(self) -> None: ...


@dataclass
class UsbSource:
    """A source on the bench: gives packets while its camera is plugged in."""

    bench: Bench
    meant: Meant
    camera: str = "door"
    live: bool = True
    identity: str = "door-1"
    closed: threading.Event = field(default_factory=threading.Event)

    def packets(self) -> Iterator[Packet]:
        self.meant.node()
        number = 0
        while not self.closed.wait(0.005):
            self.meant.check()
            yield packet(number, number * 40, key=True)
            number += 1

    def close(self) -> None:
        self.closed.set()

    def plugged(self, cameras: list[LocalCamera]) -> Path | None:
        return self.meant.among(cameras)


def until(state: str, rig: Rig, seen: threading.Condition) -> None:
    def is_so() -> bool:
        camera = rig.board.cameras().get("door")
        return camera is not None and camera.state == state

    with seen:
        assert seen.wait_for(is_so, 20), rig.board.cameras()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Rig], threading.Condition]]:
    """The board tells whenever it is written."""

    def telling(rig: Rig) -> threading.Condition:
        told, real = threading.Condition(), rig.board.camera

        def camera(name: str, **changes: object) -> None:
            real(name, **changes)
            with told:
                told.notify_all()

        monkeypatch.setattr(rig.board, "camera", camera)
        return told

    yield telling


def test_a_camera_is_waited_for_opened_when_it_comes_unplugged_and_given_back_elsewhere(
    tmp_path: Path, seen: Callable[[Rig], threading.Condition], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own pause would be many minutes: only the word that it is there brings it back."""
    bench, rig, signals = Bench(tmp_path), Rig(), Signals()
    told = seen(rig)
    source = UsbSource(bench, Meant("door", "usb:046d:0892:A", None, bench.look))
    one = Capture(source, rig.ring, board=rig.board, tally=rig.tally, clock=CLOCK)
    monkeypatch.setattr(one._backoff, "next_s", lambda lasted: 600.0)
    plugging = Plugging(bench.look, lambda: signals, {"door": Waiting(source, one.wake)})
    threads = [threading.Thread(target=work, args=(lambda: None,)) for work in (one.run, plugging.run)]
    for thread in threads:
        thread.start()
    try:
        until("unplugged", rig, told)
        assert "usb:046d:0892:A is not plugged in; plug it in" in rig.board.cameras()["door"].reason
        bench.plug_usb("1", 0, serial="A")
        signals.came.release()
        until("online", rig, told)
        bench.unplug("video0", "video1")
        signals.came.release()
        until("unplugged", rig, told)
        bench.plug_usb("3.1", 4, serial="A")
        signals.came.release()
        until("online", rig, told)
    finally:
        plugging.close()
        one.stop()
        for thread in threads:
            thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


def test_a_camera_that_nobody_configured_is_said_with_the_id_that_names_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench, changes = Bench(tmp_path), []
    plugging = Plugging(bench.look, Signals, {}, changes.append)
    plugging.step()
    bench.plug_usb("1", 0, serial="NEW")
    with caplog.at_level(logging.INFO):
        plugging.step()
        plugging.step()
    (record,) = caplog.records
    assert record.message == "camera plugged in that is not configured"
    assert vars(record)["device"] == "usb:046d:0892:NEW"
    assert [[camera.id for camera in found] for found in changes] == [["usb:046d:0892:NEW"]]


def test_only_a_camera_that_came_is_opened_at_once(tmp_path: Path) -> None:
    bench, woken = Bench(tmp_path), []
    bench.plug_usb("1", 0, serial="A")
    both = {
        name: Waiting(UsbSource(bench, Meant(name, f"usb:046d:0892:{serial}", None, bench.look)), lambda name=name: woken.append(name))
        for name, serial in (("door", "A"), ("yard", "B"))
    }
    plugging = Plugging(bench.look, Signals, both)
    plugging.step()
    assert woken == ["door"]
    bench.plug_usb("2", 2, serial="B")
    bench.answers["video2"] = errno.EACCES
    plugging.step()
    assert woken == ["door"], "udev has not said yet who may open it"
    bench.answers["video2"] = bench.answers["video0"]
    plugging.step()
    plugging.step()
    assert woken == ["door", "yard"]


def test_unplugged_is_a_state_of_its_own_and_not_a_failure_of_the_network() -> None:
    assert issubclass(Unplugged, Exception)
    rig = Rig()

    @dataclass
    class Away:
        camera: str = "door"
        live: bool = True
        identity: str = "x"

        def packets(self) -> Iterator[Packet]:
            one.stopping.set() if rig.board.cameras()["door"].state == "unplugged" else None
            raise Unplugged("camera door: usb:046d:0892:A is not plugged in; plug it in")
            yield

        def close(self) -> None: ...

    one = Capture(Away(), rig.ring, board=rig.board, tally=rig.tally, clock=CLOCK, chance=lambda: 0.0)
    one.run(lambda: None)
    assert rig.tally.get("door", "reconnects") == 1


@pytest.mark.parametrize("message", [KERNEL, UDEV])
def test_the_kernels_word_and_udevs_are_both_heard(message: bytes) -> None:
    assert concerns(message)


@pytest.mark.parametrize("message", [b"", b"\xff" * 8192, b"add@/x\0SUBSYSTEM=usb\0", b"SUBSYSTEM=video4linuxx\0", b"xSUBSYSTEM=media"])
def test_other_words_are_not(message: bytes) -> None:
    assert not concerns(message)


def test_a_flood_is_read_within_bounds_and_means_look() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        assert not heard(ours)
        theirs.send(b"add@/x\0SUBSYSTEM=block\0")
        assert not heard(ours)
        theirs.send(KERNEL)
        theirs.send(b"noise")
        assert heard(ours)
        assert not heard(ours)


def test_the_real_socket_opens_and_says_nothing_when_nothing_happens() -> None:
    try:
        listening().close()
    except OSError as error:
        pytest.skip(f"the kernel lets nobody listen here: {error.strerror}")
    uevents = Uevents()
    assert not uevents.wait(0.01)
    uevents.close()
