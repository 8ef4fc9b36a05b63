"""Bytes: each fetched once however often the road breaks, those that are here not at all, and wrong ones never kept."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from contracts.errors import StorageError
from contracts.update import RELEASE, Release
from device.pipeline.tally import Tally
from device.update.download import Download
from device.update.https import Https
from device.update.refusal import Refusal
from device.update.updater import Updater
from device.update.usb import Usb
from tests.device.record.mounts import tmpfs
from tests.device.update.box import HandClock, TestBox, a_box, bundle, heavy
from tests.device.update.repository import Repository, facts_of
from tests.device.update.server import Files
from vision.bundle import StoredBundle
from vision.bundle_chunks import chunks_of, cut, grid_of


def test_a_download_that_is_broken_a_hundred_times_fetches_each_byte_once(
    tmp_path: Path, repository: Repository, served: Files, box: TestBox
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", model=heavy(1, 2, 8)))
    repository.publish()
    rng = random.Random(7)
    served.cut_after = [rng.randrange(0, 2 * model.length // 110) for _ in range(100)]
    box.told(repository.assign(model))
    for _ in range(120):
        if box.go().state == "committed":
            break
    assert box.current == model.digest
    assert served.cut_after == []
    assert served.sent_below("targets/") == model.length
    assert box.tally.counts()["", "update", "E_FETCH"] == 100
    assert box.states.count("downloading") == 1  # a hundred breaks are no hundred steps


def test_a_box_that_is_stopped_goes_on_at_the_byte(tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", model=heavy(1, 2, 4)))
    repository.publish()
    raw = repository.assign(model)
    served.cut_after = [1_500_000, 700_000, 3]
    for _ in range(4):
        with a_box(tmp_path / "data", repository, factory, served.url) as box:
            box.told(raw)
    assert box.current == model.digest
    assert served.sent_below("targets/") == model.length


@pytest.mark.parametrize("form", ["folder", "file"])
def test_an_update_that_keeps_the_backbone_fetches_a_fifth_at_most(
    tmp_path: Path, repository: Repository, served: Files, form: str
) -> None:
    first = bundle(tmp_path / ("v1.vdb" if form == "file" else "v1"), "1.0.0", model=heavy(1, 2))
    second = bundle(tmp_path / "v2.vdb", "2.0.0", model=heavy(1, 3), license="MIT, and a longer text than before")
    model = repository.release(second)
    repository.publish()
    with a_box(tmp_path / "data", repository, first, served.url) as box:
        report = box.told(repository.assign(model))
        assert report.current == model.digest
        assert box.tally.counts()["", "update", "reused_bytes"] >= 0.8 * model.length
    assert served.sent_below("targets/") <= 0.2 * model.length
    assert served.sent_below("targets/") > 0.08 * model.length  # the head is really another


def test_between_two_pushed_bundles_chunks_are_reused_too(tmp_path: Path, repository: Repository, served: Files, box: TestBox) -> None:
    models = [repository.release(bundle(tmp_path / f"v{n}.vdb", f"{n}.0.0", model=heavy(1, n, 8))) for n in (2, 3)]
    repository.publish()
    box.told(repository.assign(models[0]))
    before = served.sent_below("targets/")
    assert box.told(repository.assign(models[1])).current == models[1].digest
    assert served.sent_below("targets/") - before <= 0.25 * models[1].length


def test_pieces_that_are_not_what_was_signed_are_dropped_and_tried_again(
    tmp_path: Path, repository: Repository, served: Files, box: TestBox, factory: StoredBundle
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", model=heavy(1, 2, 3)))
    repository.publish()
    path = next(each.relative_to(repository.folder).as_posix() for each in repository.folder.rglob("*.vdb"))
    served.lies[path] = lambda data: data[:2_000_000] + bytes([data[2_000_000] ^ 1]) + data[2_000_001:]
    report = box.told(repository.assign(model))
    assert (report.state, report.code, report.current) == ("downloading", "E_FETCH", factory.digest)
    assert box.tally.counts()["", "update", "bad_piece"] == 3
    served.lies.clear()
    assert box.go().current == model.digest


def test_a_server_without_range_is_told_so_once_something_is_here(
    tmp_path: Path, repository: Repository, served: Files, box: TestBox
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", model=heavy(1, 2, 3)))
    repository.publish()
    served.cut_after, served.no_range = [2_000_000], True
    assert box.told(repository.assign(model)).code == "E_FETCH"
    report = box.go()
    assert "knows Range" in report.words
    served.no_range = False
    assert box.go().current == model.digest


def test_a_piece_on_the_disk_that_was_spoilt_is_fetched_again(tmp_path: Path, repository: Repository, served: Files) -> None:
    stored = bundle(tmp_path / "v2.vdb", model=heavy(1, 2, 3))
    model = repository.release(stored)
    released = repository_release(repository, model.target)
    served.cut_after = [1_600_000]
    road = Https(served.url, HandClock())

    def download() -> Download:
        made = Download(tmp_path / "in", model, released, Tally())
        made.prepare(dict)
        return made

    with pytest.raises(Refusal, match="broke off"):
        download().fetch(road, lambda *_: None)
    for path in (tmp_path / "in").iterdir():
        with path.open("r+b") as file:
            file.seek(100)
            file.write(b"spoilt")
    assert download().fetch(road, lambda *_: None).read_bytes() == stored.path.read_bytes()


def test_chunks_that_fit_together_to_another_file_are_refused(tmp_path: Path, repository: Repository, served: Files) -> None:
    stored = bundle(tmp_path / "v2.vdb", model=heavy(1, 2, 3))
    model = repository.release(stored)
    other = model.model_copy(update={"sha256": "0" * 64})
    released = repository_release(repository, model.target)
    source = next(repository.folder.rglob("*.vdb"))
    source.rename(source.with_name(f"{'0' * 64}.{source.name.partition('.')[2]}"))
    download = Download(tmp_path / "in", other, released, Tally())
    download.prepare(dict)
    with pytest.raises(Refusal) as refused:
        download.fetch(Https(served.url, HandClock()), lambda *_: None)
    assert refused.value.code == "E_MIX"
    assert not [*(tmp_path / "in").iterdir()]


def test_chunks_are_the_whole_file_and_begin_with_the_model(tmp_path: Path) -> None:
    stored = bundle(tmp_path / "v2.vdb", model=heavy(1, 2, 3))
    chunks = chunks_of(stored.path)
    assert sum(chunk.size for chunk in chunks) == stored.path.stat().st_size
    (tmp_path / "model.onnx").write_bytes(stored.model())
    of_the_model = cut(tmp_path / "model.onnx", [0, stored.manifest.model.size], grid_of(stored.path.stat().st_size))
    assert set(of_the_model) <= set(chunks)
    assert [grid_of(size) >> 10 for size in (1, 4 << 20, (4 << 20) + 1, 40 << 20, 512 << 20)] == [64, 64, 128, 1024, 1024]
    assert facts_of(stored).labels == ["box"]


def repository_release(repository: Repository, target: str) -> Release:
    return Release.model_validate_json(repository.targets[target].custom[RELEASE])  # type: ignore[index]


def test_a_folder_that_the_disk_does_not_make_is_waited_for_and_the_pauses_double(
    tmp_path: Path, repository: Repository, box: TestBox
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    box.parts.incoming.write_text("")
    patient = Updater(box.parts, box.board, retry_s=(1.0, 1000.0), rng=random.Random(1))
    patient.receive(repository.assign(model))
    pauses = [patient.step() for _ in range(4)]
    assert [round(least * 0.75, 2) <= pause <= least for least, pause in zip((1, 2, 4, 8), pauses, strict=True)] == [True] * 4
    assert (box.go().state, box.last.code) == ("offered", "E_SPACE")
    box.parts.incoming.unlink()
    assert box.go().current == model.digest


@pytest.mark.parametrize("planted", ["a link", "a folder"])
def test_of_a_piece_that_broke_off_only_a_plain_file_is_gone_on_with(
    tmp_path: Path, repository: Repository, served: Files, planted: str
) -> None:
    stored = bundle(tmp_path / "v2.vdb")
    model = repository.release(stored)
    repository.publish()
    release = Release(digest=model.digest, name=model.name, version=model.version, chunks=chunks_of(stored.path), facts=facts_of(stored))
    incoming, outside = tmp_path / "incoming", tmp_path / "outside"
    incoming.mkdir()
    outside.write_bytes(b"mine")
    piece = incoming / f"{model.sha256}.0.piece"
    piece.symlink_to(outside) if planted == "a link" else piece.mkdir()
    download = Download(incoming, model, release, Tally())
    download.prepare(dict)
    if planted == "a folder":
        with pytest.raises(StorageError, match="is a folder"):
            download.fetch(Https(served.url, HandClock(), timeout_s=5), lambda *_: None)
    else:
        assert download.fetch(Https(served.url, HandClock(), timeout_s=5), lambda *_: None).is_file()
    assert outside.read_bytes() == b"mine"


def test_a_disk_that_takes_half_a_piece_is_full_and_the_release_is_not_blamed(tmp_path: Path, repository: Repository) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", model=heavy(1, 2, 1)))
    released = repository_release(repository, model.target)
    download = Download(tmp_path / "in", model, released, Tally())
    largest = max(chunk.size for chunk in released.chunks)
    with tmpfs(tmp_path / "in", str(largest * 3 // 2)):
        download.prepare(dict)
        with pytest.raises(StorageError, match="disk is full"):
            download.fetch(Usb(repository.folder), lambda *_: None)
        assert download.here < largest, "half of it is none"
