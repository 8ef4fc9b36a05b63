"""Clips copied to another disk: whole and compared, gone on with after an interruption, and never a half file under a whole name."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.clip import Clip
from contracts.errors import ConfigError, StorageError
from contracts.event import Event
from device.record import handout as handout_module
from device.record.catalog import Catalog, StoredClip
from device.record.handout import Handout, handed_name
from tests.device.record.footage import at_s, event
from tests.device.record.mounts import fat, fill, tmpfs
from tests.device.record.stored import make, path_of

SIZE = 3 << 20
EVENT: Event = event("end", "a", at_s(2), at_s(3))


def stored(data: Path, camera: str = "left", size: int = SIZE) -> StoredClip:
    make(data, "a", camera=camera, size=size)
    (found,) = Catalog(data).clips(camera=camera)
    return found


def handing(data: Path, to: Path) -> Handout:
    return Handout(data, to, {EVENT.id: EVENT}.get)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_clip_goes_with_its_manifest_and_its_events(tmp_path: Path) -> None:
    clip, to = stored(tmp_path / "data"), tmp_path / "usb" / "new"
    handed = handing(tmp_path / "data", to).hand(clip)
    video = to / f"left_2026-11-22_120000.000Z-{clip.manifest.id.hex[:8]}.mp4"
    assert (handed.video, handed.bytes, handed.copied, handed.events) == (video, SIZE, True, 1)
    assert names(to) == [f"{video.stem}{suffix}" for suffix in (".events.jsonl", ".json", ".mp4")]
    assert video.read_bytes() == path_of(tmp_path / "data", clip.manifest).read_bytes()
    said = Clip.model_validate_json(video.with_suffix(".json").read_bytes())
    assert said == clip.manifest.model_copy(update={"file": video.name})
    assert [Event.model_validate_json(line) for line in video.with_suffix(".events.jsonl").read_text().splitlines()] == [EVENT]
    assert not handing(tmp_path / "data", to).hand(clip).copied


@pytest.mark.parametrize("left", ["half", "wrong half", "longer"])
def test_an_interrupted_copy_is_gone_on_with_as_far_as_it_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str) -> None:
    clip, to = stored(tmp_path / "data"), tmp_path / "usb"
    to.mkdir()
    whole = path_of(tmp_path / "data", clip.manifest).read_bytes()
    half = {"half": whole[: SIZE // 2], "wrong half": b"?" * (SIZE // 2), "longer": whole + b"more"}[left]
    (to / (handed_name(clip) + ".half")).write_bytes(half)
    written = []
    real = handout_module._write
    monkeypatch.setattr(handout_module, "_write", lambda file, block: (written.append(len(block)), real(file, block)))
    assert handing(tmp_path / "data", to).hand(clip).copied
    assert (to / handed_name(clip)).read_bytes() == whole
    assert sum(written) == {"half": 2 << 20, "wrong half": SIZE, "longer": 0}[left]  # in blocks of 1 MB
    assert not list(to.glob("*.half"))


def test_what_is_there_and_wrong_is_copied_again(tmp_path: Path) -> None:
    clip, to = stored(tmp_path / "data"), tmp_path / "usb"
    to.mkdir()
    (to / handed_name(clip)).write_bytes(bytes(SIZE))
    assert handing(tmp_path / "data", to).hand(clip).copied
    assert (to / handed_name(clip)).read_bytes() == path_of(tmp_path / "data", clip.manifest).read_bytes()


def test_a_damaged_clip_is_not_handed_out(tmp_path: Path) -> None:
    clip, to = stored(tmp_path / "data"), tmp_path / "usb"
    path_of(tmp_path / "data", clip.manifest).write_bytes(bytes(SIZE))
    with pytest.raises(StorageError, match="is not what was recorded any more; run `vedette clips check`"):
        handing(tmp_path / "data", to).hand(clip)
    assert names(to) == []


def test_a_disk_that_does_not_give_back_what_it_took_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, to = stored(tmp_path / "data"), tmp_path / "usb"
    monkeypatch.setattr(handout_module, "_write", lambda file, block: file.write(bytes(len(block))))
    with pytest.raises(StorageError, match="cannot be read back"):
        handing(tmp_path / "data", to).hand(clip)
    assert names(to) == []


def test_a_full_disk_is_said_and_the_copy_goes_on_when_there_is_room(tmp_path: Path) -> None:
    clip = stored(tmp_path / "data")
    with tmpfs(tmp_path / "usb", "8m") as to:
        filler = fill(to, leave_bytes=2 << 20)
        handing_out = handing(tmp_path / "data", to)
        with pytest.raises(StorageError, match=r"3\.1 MB to copy and 2\.\d MB free"):
            handing_out.check_room([clip])
        with pytest.raises(StorageError, match="is full; free some room there and run this again"):
            handing_out.hand(clip)
        assert names(to) == ["filler", handed_name(clip) + ".half"]
        filler.unlink()
        handing_out.check_room([clip])
        assert handing_out.hand(clip).copied
        assert not list(to.glob("*.half")) and len(names(to)) == 3


def test_names_that_a_usb_disk_of_windows_takes(tmp_path: Path) -> None:
    clip = stored(tmp_path / "data", camera='yard: "back" <1>/2?*|')
    with fat(tmp_path / "usb") as to:
        handed = handing(tmp_path / "data", to / "clips").hand(clip)
        assert handed.video.read_bytes() == path_of(tmp_path / "data", clip.manifest).read_bytes()
        assert len(names(to / "clips")) == 3
        assert not handing(tmp_path / "data", to / "clips").hand(clip).copied
    assert not set('<>:"/\\|?*') & set(handed.video.name)


def test_a_folder_among_the_clips_is_refused(tmp_path: Path) -> None:
    stored(tmp_path)
    with pytest.raises(ConfigError, match="lies among the clips"):
        handing(tmp_path, tmp_path / "clips" / "left")


def test_a_link_in_the_place_of_a_copy_is_not_followed(tmp_path: Path) -> None:
    clip, to = stored(tmp_path / "data"), tmp_path / "usb"
    to.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (to / (handed_name(clip) + ".half")).symlink_to(victim)
    with pytest.raises(StorageError):
        handing(tmp_path / "data", to).hand(clip)
    assert victim.read_text() == "precious" and (to / (handed_name(clip) + ".half")).is_symlink()
