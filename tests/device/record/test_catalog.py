from datetime import datetime, timedelta, timezone
from pathlib import Path

from contracts.clip import Cause, Clip, clip_id
from device.record.catalog import Catalog
from device.record.layout import clip_path, manifest_of, write_manifest
from tests.device.record.fakes import Bench
from tests.device.record.footage import at_s, event, event_id, footage

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


def kept(data: Path, name: str, start: datetime, camera: str = "left") -> Clip:
    """A clip on disk as far as a list needs it."""
    clip = Clip(
        id=clip_id(event_id(name)), camera=camera, file="", container="mp4", codec="h264", width=320, height=240,
        start=start, end=start + timedelta(seconds=5), start_pts_ns=0, end_pts_ns=5_000_000_000, origin_pts_ns=0,
        pre_roll_asked_ms=0, pre_roll_ms=0, post_roll_asked_ms=0, first_frame=0, last_frame=124, frames=125, bytes=4,
        sha256="0" * 64, events=[Cause(id=event_id(name), kind="object")],
    )  # fmt: skip
    video = clip_path(data, camera, start, clip.id, "mp4")
    video.parent.mkdir(parents=True, exist_ok=True)
    video.write_bytes(b"clip")
    write_manifest(video, clip)
    return clip


def starts(catalog: Catalog, limit: int = 100, **filters: object) -> list[tuple[str, datetime]]:
    return [(clip.manifest.camera, clip.manifest.start) for clip in catalog.clips(limit, **filters)]


def test_clips_come_newest_first_over_days_and_cameras(tmp_path: Path) -> None:
    hours = [NOON + timedelta(hours=13 * n) for n in range(4)]
    for n, start in enumerate(hours):
        kept(tmp_path, str(n), start, ("left", "right")[n % 2])
    catalog = Catalog(tmp_path)
    assert starts(catalog) == [("right", hours[3]), ("left", hours[2]), ("right", hours[1]), ("left", hours[0])]
    assert starts(catalog, limit=2) == starts(catalog)[:2]
    assert starts(catalog, before=hours[2]) == starts(catalog)[2:]
    assert starts(catalog, camera="left") == [("left", hours[2]), ("left", hours[0])]
    assert starts(catalog, day="2026-11-23") == [("left", hours[2]), ("right", hours[1])]
    assert starts(catalog, event_id=event_id("1")) == [("right", hours[1])]
    assert starts(catalog, camera="nobody") == []


def test_a_clip_that_was_recorded_is_found_with_its_video(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.play(footage(), [event("new", "a", at_s(2), at_s(2.2)), event("end", "a", at_s(2), at_s(3))])
    (clip,) = bench.stop()
    (stored,) = Catalog(tmp_path).clips(event_id=event_id("a"))
    assert stored.manifest == clip
    assert tmp_path / stored.video == bench.videos()[0]


def test_an_open_clip_is_not_listed_and_no_folder_is_an_empty_list(tmp_path: Path) -> None:
    assert Catalog(tmp_path / "new").clips() == []
    bench = Bench(tmp_path)
    bench.play(footage()[:80], [event("new", "a", at_s(2), at_s(2.2))])
    assert Catalog(tmp_path).clips() == []


def test_broken_manifests_are_named_and_hide_nothing_else(tmp_path: Path) -> None:
    clips = [kept(tmp_path, str(n), NOON + timedelta(minutes=n)) for n in range(4)]
    videos = [clip_path(tmp_path, "left", clip.start, clip.id, "mp4") for clip in clips]
    manifest_of(videos[0]).write_bytes(b"{")
    manifest_of(videos[1]).write_bytes(b'{"version": 7}')
    videos[2].unlink()
    catalog = Catalog(tmp_path)
    assert [clip.manifest.id for clip in catalog.clips()] == [clips[3].id]
    named = {str(manifest_of(video).relative_to(tmp_path)) for video in videos[:3]}
    assert set(catalog.broken) == named and catalog.broken[str(manifest_of(videos[2]).relative_to(tmp_path))] == "its video is gone"
    kept(tmp_path, "0", NOON)  # mended
    assert len(catalog.clips()) == 2
    assert len(catalog.broken) == 2


def test_a_manifest_that_changed_is_read_again(tmp_path: Path) -> None:
    clip = kept(tmp_path, "a", NOON)
    catalog = Catalog(tmp_path)
    assert catalog.clips()[0].manifest.frames == 125
    write_manifest(clip_path(tmp_path, "left", NOON, clip.id, "mp4"), clip.model_copy(update={"frames": 99}))
    assert catalog.clips()[0].manifest.frames == 99


def test_only_the_days_that_are_needed_are_read(tmp_path: Path) -> None:
    for n in range(60):
        kept(tmp_path, str(n), NOON - timedelta(days=n))
    catalog = Catalog(tmp_path)
    assert len(catalog.clips(3)) == 3
    assert len(catalog._known) == 3


def test_a_camera_named_like_a_pattern_is_itself(tmp_path: Path) -> None:
    kept(tmp_path, "a", NOON, "l*")
    kept(tmp_path, "b", NOON, "left")
    assert starts(Catalog(tmp_path), camera="l*") == [("l*", NOON)]
