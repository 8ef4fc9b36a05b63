from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from contracts.errors import ConfigError, HardwareError, ProtocolError, StorageError
from contracts.shipment import ShipmentError
from dataset.crate import LARGEST_ACKS, TOP
from dataset.exporter import Exporter
from dataset.packing import Packed, Packing
from dataset.receipts import Receipts
from tests.dataset.scenery import WHEN, about, fill, seen, view
from tests.trainer.boxes import contents, offer
from trainer.receive import Receiver
from trainer.receive_folder import folder_boxes
from trainer.receive_report import Report


def shipped(root: Path, folder: Path, device: str = "box-1", everything: bool = False) -> Packed:
    report = Packed()
    packing = Packing(offer(root, device), folder, report)
    packing.collect(WHEN)
    packing.pack(everything, lambda done, end: None)
    return report


def fetched(folder: Path, into: Path) -> Report:
    report = Report()
    for box in folder_boxes(folder):
        Receiver(into, least_s=0.01).round(box, report)
    return report


@pytest.fixture
def box(tmp_path: Path) -> Path:
    with Exporter(tmp_path / "box") as exporter:
        fill(exporter, range(12))
    return tmp_path / "box"


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick"


def test_there_and_back_again(box: Path, stick: Path, tmp_path: Path) -> None:
    """Shipped, fetched, acknowledged in the folder, read by the box: then it is not shipped again."""
    assert shipped(box, stick).pictures == 12
    assert fetched(stick, tmp_path / "here").records == 12
    assert contents(tmp_path / "here") == contents(box)
    report = shipped(box, stick)
    assert (report.acknowledged, report.pages) == (1, 0)
    with Exporter(box) as exporter:
        assert all(known.acknowledged for known in exporter.store.index.pictures())
        fill(exporter, range(12, 14))
    report = shipped(box, stick)
    assert (report.pages, report.records) == (1, 2)
    assert fetched(stick, tmp_path / "here").records == 2
    assert fetched(stick, tmp_path / "here").pages == 0


def test_names_are_those_that_any_stick_can_hold(box: Path, stick: Path) -> None:
    shipped(box, stick)
    names = [path.name for path in stick.rglob("*")]
    assert len(names) > 12
    assert not [name for name in names if set(name) & set('<>:"|?*\\') or name != name.lower() or len(name) > 100]


def test_shipping_again_goes_on_where_it_was_cut_off(box: Path, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataset.packing.EACH", 3)
    shipped(box, stick)
    pages = sorted(stick.rglob("*.page"))
    assert len(pages) == 4
    pages[2].unlink()
    pages[3].write_bytes(pages[3].read_bytes()[:-7])
    next(stick.rglob("*.png")).write_bytes(b"")
    report = shipped(box, stick)
    assert (report.there, report.pages) == (2, 2)


def test_a_stick_of_another_box_or_data_set_acknowledges_nothing(box: Path, stick: Path, tmp_path: Path) -> None:
    shipped(box, stick)
    fetched(stick, tmp_path / "here")
    mine = next((stick / TOP).iterdir())
    with Exporter(tmp_path / "other") as exporter:
        fill(exporter, range(20, 25))
    shipped(tmp_path / "other", stick)
    theirs = next(path for path in (stick / TOP).iterdir() if path != mine)
    shutil.copytree(mine / "acks", theirs / "acks")
    report = shipped(tmp_path / "other", stick)
    assert (report.acknowledged, report.refused) == (0, 1)
    assert Receipts(offer(tmp_path / "other")).positions() == {}
    other_device = shipped(box, stick, device="box-2")
    assert other_device.acknowledged == 0


def test_an_acknowledgement_that_was_forged_or_torn_counts_for_nothing(box: Path, stick: Path, tmp_path: Path) -> None:
    shipped(box, stick)
    fetched(stick, tmp_path / "here")
    path = next(stick.rglob("acks/*.jsonl"))
    good = path.read_bytes()
    forged = good.replace(b'"after":0', b'"after":1')
    for bad in (forged, good[: len(good) // 2] + b"\n", b"\0" * 100 + b"\n", b"[" * 90_000 + b"\n", good[:-1]):
        path.write_bytes(bad)
        assert shipped(box, stick).acknowledged == 0
    assert Receipts(offer(box)).positions() == {}


def test_a_stick_full_of_nonsense_fills_no_memory(box: Path, stick: Path, tmp_path: Path) -> None:
    shipped(box, stick)
    picture = next(stick.rglob("objects/*/*.png"))
    os.truncate(picture, 1 << 40)  # takes no room on the stick
    next(stick.rglob("pages/*.page")).unlink()
    assert shipped(box, stick).pictures == 1
    assert picture.stat().st_size < 1 << 20
    fetched(stick, tmp_path / "here")
    acks = next(stick.rglob("acks/*.jsonl"))
    acks.write_bytes(b"\n" * (LARGEST_ACKS + 1))
    with pytest.raises(StorageError, match="remove it"):
        shipped(box, stick)
    with pytest.raises(StorageError, match="remove it"):
        fetched(stick, tmp_path / "other")


def test_what_went_over_the_network_is_not_on_the_stick_and_nothing_is_skipped(box: Path, stick: Path, tmp_path: Path) -> None:
    """A receiver that lacks what is not on the stick takes what is, and still lacks the rest."""
    shipped(box, tmp_path / "stick")
    fetched(stick, tmp_path / "a")
    shipped(box, stick)
    shutil.rmtree(stick / TOP)
    with Exporter(box) as exporter:
        fill(exporter, range(12, 15))
    shipped(box, stick)
    assert fetched(stick, tmp_path / "b").records == 3
    shutil.rmtree(stick / TOP)
    shipped(box, stick, everything=True)
    assert fetched(stick, tmp_path / "b").records == 12
    assert contents(tmp_path / "b") == contents(box)


def test_a_picture_that_is_damaged_on_the_stick_is_refused(box: Path, stick: Path, tmp_path: Path) -> None:
    shipped(box, stick)
    picture = next(stick.rglob("*.png"))
    picture.write_bytes(b"\0" * picture.stat().st_size)
    with pytest.raises(ProtocolError, match="not a picture"):
        fetched(stick, tmp_path / "here")
    picture.unlink()
    with pytest.raises(HardwareError, match="ship to it again"):
        fetched(stick, tmp_path / "here")
    assert contents(tmp_path / "here") == {}


def test_links_on_a_stick_lead_nowhere(box: Path, stick: Path, tmp_path: Path) -> None:
    shipped(box, stick)
    crate = next((stick / TOP).iterdir())
    for name in ("pages", "objects"):
        shutil.move(crate / name, tmp_path / name)
        (crate / name).symlink_to(tmp_path / name)
        with pytest.raises((StorageError, HardwareError)):
            fetched(stick, tmp_path / "here")
        (crate / name).unlink()
        shutil.move(tmp_path / name, crate / name)
    (tmp_path / "acks").mkdir()
    (crate / "acks").symlink_to(tmp_path / "acks")
    report = fetched(stick, tmp_path / "here")
    assert (report.records, report.unacknowledged) == (12, 1)
    assert not list((tmp_path / "acks").iterdir())


def test_a_folder_without_a_shipment_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="vedette ship"):
        folder_boxes(tmp_path)
    (tmp_path / "shipment.json").write_text("[" * 9000)
    with pytest.raises(ProtocolError, match="ship to this folder again"):
        folder_boxes(tmp_path)


def test_an_empty_data_set_ships_nothing(tmp_path: Path) -> None:
    with pytest.raises(ShipmentError, match="no record"):
        shipped(tmp_path / "none", tmp_path)


class Stick:
    """A real file system in a file."""

    def __init__(self, folder: Path, kind: str, mega: int) -> None:
        self.image, self.mount, self._kind = folder / "stick.img", folder / "mnt", kind
        self.mount.mkdir()
        with self.image.open("wb") as file:
            file.truncate(mega << 20)
        self._run(f"mkfs.{kind}", str(self.image))
        self.plug_in()

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{command[0]}: {done.stderr.strip()}")

    def plug_in(self) -> None:
        self._run("mount", "-o", "loop", "-t", self._kind, str(self.image), str(self.mount))

    def pull_out(self) -> None:
        subprocess.run(["umount", "-l", str(self.mount)], check=False, capture_output=True)


@pytest.fixture(params=["vfat", "ext4"])
def real(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stick]:
    """Sticks are FAT; the other is for a kernel that does not know it."""
    if os.geteuid() != 0 or not shutil.which(f"mkfs.{request.param}"):
        pytest.skip(f"needs root and mkfs.{request.param} for a real file system")
    stick = Stick(tmp_path, request.param, 5)
    yield stick
    stick.pull_out()


def test_a_real_stick_that_is_full_has_whole_pages_and_goes_on_when_there_is_room(
    real: Stick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataset.packing.EACH", 4)
    with Exporter(tmp_path / "box", png_level=0) as exporter:
        for number in range(20):
            exporter.add(view(number, 640, 480)[:, :200], [seen()], about(number))
    with pytest.raises(StorageError, match="free some room"):
        shipped(tmp_path / "box", real.mount)
    first = fetched(real.mount, tmp_path / "here").records
    assert 0 < first < 20
    for path in [*real.mount.rglob("*.png"), *real.mount.rglob("*.page")]:
        path.unlink()
    for _ in range(5):
        with suppress(StorageError):
            shipped(tmp_path / "box", real.mount)
        fetched(real.mount, tmp_path / "here")
        for path in [*real.mount.rglob("*.png"), *real.mount.rglob("*.page")]:
            path.unlink()
    assert contents(tmp_path / "here") == contents(tmp_path / "box")
    shipped(tmp_path / "box", real.mount)
    with Exporter(tmp_path / "box") as exporter:
        assert all(known.acknowledged for known in exporter.store.index.pictures())


def test_a_real_stick_that_is_pulled_out_in_the_middle_is_gone_on_with(
    real: Stick, box: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataset.packing.EACH", 3)
    report = Packed()

    def pull(done: int, end: int) -> None:
        if report.pages == 2:
            real.pull_out()

    packing = Packing(offer(box), real.mount, report)
    with pytest.raises(StorageError, match="pulled out"):
        packing.pack(False, pull)
    assert not list(real.mount.iterdir())
    real.plug_in()
    again = shipped(box, real.mount)
    assert (again.there, again.pages) == (2, 2)
    assert fetched(real.mount, tmp_path / "here").records == 12
    assert contents(tmp_path / "here") == contents(box)
