"""What a desk shows of what is kept: a real index, a real janitor, groups of clips, sessions and a data set, all in the demo's folder."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import numpy as np

from contracts.clip import Clip, group_id
from contracts.dataset import Region
from contracts.event import Event
from contracts.removal import Figures, Removal
from contracts.session import SessionManifest
from contracts.storage import ShelfReport, StorageReport
from contracts.takes import DetectionQuality, PerformanceMetrics, Saved, TakeClip, TakeManifest, TimingAccuracy
from contracts.wire import utc_from_ns
from dataset.about import About
from dataset.exporter import Exporter
from dataset.marks import box, click
from device.keep.janitor import REMOVALS, Janitor
from device.keep.options import StorageOptions
from device.keep.removals import RemovalLog
from device.keep.shelves import shelves
from device.keep.troubles import Troubles
from device.record.album import Album
from device.record.disk import DataDisk
from device.record.index import Index
from device.record.layout import manifest_of, write_manifest
from device.showing import Showing
from device.web import removals
from tests.device.web.demo import Demo
from tests.device.web.footage import FIGURES, HEIGHT, WIDTH, picture
from vision.types import Image

GROUP = group_id("demo")
DAY_NS = 86_400_000_000_000
logging.getLogger("device").addHandler(logging.NullHandler())


class Furnished:
    """`demo.desk` sees all of it; `close` when the page is closed."""

    def __init__(self, demo: Demo, **options: object) -> None:
        self.demo, data, clock = demo, demo.desk.data, demo.clock
        self.disk = DataDisk(data, clock, device="demo-box", software="0.1.0")
        self.disk.begin()
        self.index = Index(data, self.disk, clock)
        troubles = Troubles(clock)
        kept = shelves(data, clock, troubles.met, clips=self.index)
        self.janitor = Janitor(
            data, kept, StorageOptions.model_validate(options or {"clips": {"budget": "40%"}, "ballast_mb": 1}), clock=clock,
            board=demo.desk.board, tally=demo.desk.tally, troubles=troubles,
        )  # fmt: skip
        demo.desk = replace(
            demo.desk, clips=self.index, recordings=Showing(self.index, data), storage=self.janitor.report, exporting=True,
            sessions=Album(data / "recordings", clock), exports={"dataset": data / "dataset"},
        )  # fmt: skip
        self.look()

    @property
    def data(self) -> Path:
        return self.demo.desk.data

    def look(self) -> None:
        """The index and the janitor, as their workers would."""
        self.index.catch_up()
        self.janitor.step()

    def together(self, event: Event, cameras: tuple[str, ...], late_s: float = 0.6) -> list[Clip]:
        """One recording of several cameras; each begins a bit later than the one before."""
        made = []
        for number, camera in enumerate(cameras):
            start = event.start + timedelta(seconds=number * late_s)
            video = self.demo.clip(event.model_copy(update={"camera": camera, "id": uuid4(), "start": start}))
            clip = Clip.model_validate_json(manifest_of(video).read_bytes())
            causes = [clip.events[0].model_copy(update={"id": event.id})] if number == 0 else []
            made.append(clip.model_copy(update={"group": GROUP, "trigger": "event", "events": causes}))
            write_manifest(video, made[-1])
        return made

    def removed(self, count: int) -> None:
        """Lines as the janitor leaves them, and some that he does not."""
        log = RemovalLog(self.data / REMOVALS, 1_000_000, 8, self.demo.desk.tally)
        now = utc_from_ns(self.demo.clock.wall_ns())
        log.add([removal(number, now - timedelta(minutes=7 * (count - number))) for number in range(count)])

    def session(self, event: Event, number: int = 1, cameras: tuple[str, ...] = ("street", "yard")) -> str:
        """A finished one with one take: real clips, a key frame, a manifest."""
        session_id = f"session-{event.start:%Y-%m-%d}_{number:03d}"
        pitch_id = f"{session_id}-pitch-001"
        folder = self.data / "recordings" / session_id / pitch_id
        folder.mkdir(parents=True)
        clips = [self._take_clip(event, camera, folder) for camera in cameras]
        take = TakeManifest(
            pitch_id=pitch_id, session_id=session_id, event=event.id, start=event.start, end=event.start + timedelta(seconds=2),
            camera=cameras[0], cameras=list(cameras), clips=clips, saved=SAVED, pre_roll_ms=500, post_roll_ms=500,
            config_hash="sha256:" + "0" * 64, device="demo-box", software="0.1.0",
            performance_metrics=measured(cameras),
        )  # fmt: skip
        (folder / "manifest.json").write_text(take.model_dump_json())
        end = event.start + timedelta(minutes=10)
        session = SessionManifest(
            session_id=session_id, kind="pitch", state="complete", start=event.start, end=end, reason="idle", cameras=list(cameras),
            takes=[pitch_id], calibrated="none",
        )  # fmt: skip
        (folder.parent / "manifest.json").write_text(session.model_dump_json())
        return session_id

    def _take_clip(self, event: Event, camera: str, folder: Path) -> TakeClip:
        video = self.demo.clip(event.model_copy(update={"camera": camera, "id": uuid4()}))
        clip = Clip.model_validate_json(manifest_of(video).read_bytes())
        manifest_of(video).unlink()
        video.rename(folder / f"{camera}.mp4")
        said = clip.model_dump(mode="json") | {"file": f"{camera}.mp4", "first_frame_ns": 0, "last_frame_ns": 4_960_000_000}
        return TakeClip.model_validate_json(json.dumps(said | {"begins": "as asked"}))

    def pictures(self, count: int) -> list[str]:
        """Training data of the demo's street, with everything that can be said of a picture."""
        now = utc_from_ns(self.demo.clock.wall_ns())
        with Exporter(self.data / "dataset") as exporter:
            names = []
            for n in range(count):
                image = street(n)
                marks = [box("person", tuple(figure_box(k, n)), 0.91 - k / 5, track=k) for k in range(n % 3)]
                marks += [click("ball", 320, 300)] if n % 4 == 0 else []
                ignore = (Region(bbox=(500, 10, 120, 90), polygon=[(500, 10), (620, 30), (560, 100)], reason="mask"),) if n % 2 else ()
                about = About(
                    now - timedelta(hours=count - n), "street" if n % 2 else "yard", "object", str(uuid4()), reason=REASONS[n % 3],
                    sampling_probability=(1.0, 0.1, 0.001)[n % 3], session="one", pts_ns=n, success=True, ignore=ignore,
                )  # fmt: skip
                names.append(exporter.add(image, marks, about).image_id)
            again = About(now, "review", "review", reviewed=True, exhaustive_for=("person",), reason="review", session="people")
            exporter.review(names[0], [click("ball", 100, 200)], again)
        return names

    def close(self) -> None:
        self.janitor.close()
        self.index.close()


def measured(cameras: tuple[str, ...]) -> PerformanceMetrics:
    found = DetectionQuality(detection_rate_hz=20.5, frames_with_no_detection=3, camera_detections=dict.fromkeys(cameras, 41))
    times = TimingAccuracy(pre_roll_frames_captured=12, duration_ns=2_000_000_000, start_ns=0, end_ns=2_000_000_000)
    return PerformanceMetrics(detection_quality=found, timing_accuracy=times)


SAVED = Saved(detections=True, observations=False, training_frames=False, frame_save_interval=5)
ITEMS = ("clips/yard/2026-11-01/120000.000Z-{}.mp4", "dataset/images/{}.png", "snapshots/yard-{}.jpg")
REASONS = ("event_best", "uncertain", "background")


def street(number: int) -> Image:
    """The rendered street with a bright patch of its own, so that no two are the same."""
    image = picture(number * 9 % 190).copy()
    rng = np.random.default_rng(number)
    image[20:120, 40:240] = np.kron(rng.integers(0, 255, (4, 8, 3), np.uint8), np.ones((25, 25, 1), np.uint8))
    return image


def figure_box(k: int, number: int) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(value) for value in FIGURES[k].box(number * 9 % 190))
    return left, top, right - left, bottom - top


def removal(number: int, at: datetime) -> Removal:
    name = sha256(str(number).encode()).hexdigest()[:8]
    return Removal(
        t=at, clock_trusted=True, shelf=("clips", "exports", "snapshots")[number % 3], item=ITEMS[number % 3].format(name),
        bytes=1_000_000 + number, kept_since=at - timedelta(days=30), age_s=30 * 86400.0, rule=("budget", "watermark", "age")[number % 3],
        order="oldest", figures=Figures(shelf_bytes=400_000_000, budget_bytes=399_000_000),
        outcome="failed" if number % 11 == 5 else "removed",
        reason="400.0 MB were more than the budget of 399.0 MB", acknowledged=number % 6 != 1,
    )  # fmt: skip


def report_of(demo: Demo, **changes: object) -> StorageReport:
    """A box that has been at it for some weeks."""
    now, gb, log = utc_from_ns(demo.clock.wall_ns()), 1_000_000_000, removals.page(demo.desk.data, 50)
    shelves = {
        "clips": shelf(171 * gb, 41_300, 175 * gb, 9 * gb, now - timedelta(days=19), pinned_bytes=3 * gb),
        "sessions": shelf(6 * gb, 12, None, gb // 2, now - timedelta(days=11)),
        "pictures": shelf(4 * gb, 61_000, 12 * gb, gb // 4, now - timedelta(days=16)),
        "snapshots": shelf(gb // 5, 90, 5 * gb, gb // 900, now - timedelta(days=40)),
        "salvage": shelf(0, 0, 5 * gb, 0, None, max_age_s=30 * 86400.0),
        "exports": shelf(14 * gb, 15_100, 25 * gb, gb, now - timedelta(days=14), unacknowledged_bytes=2 * gb),
        "logs": shelf(gb // 9, 31, 3 * gb, gb // 300, now - timedelta(days=31)),
        "models": shelf(gb // 20, 6, None, None, now - timedelta(days=80)),
        "journal": shelf(gb // 4, 5, None, None, now),
    }
    used = sum(each.bytes for each in shelves.values())
    free = 250 * gb - used - 17 * gb - 64_000_000
    said = {
        "t": now, "state": "ok", "total_bytes": 250 * gb, "free_bytes": free, "free_low_bytes": 12 * gb, "free_high_bytes": 17 * gb,
        "ballast_bytes": 64_000_000, "other_bytes": 17 * gb, "per_day_bytes": 11 * gb, "days_left": 23.4, "shelves": shelves,
        "last_removals": log.removals,
    }  # fmt: skip
    return StorageReport.model_validate(said | changes)


def shelf(size: int, count: int, budget: int | None, per_day: int | None, oldest: datetime | None, **more: object) -> ShelfReport:
    left = (budget - size) / per_day if budget and per_day else None
    kept = budget / per_day if budget and per_day else None
    said = {"bytes": size, "count": count, "budget_bytes": budget, "per_day_bytes": per_day, "oldest": oldest}
    return ShelfReport.model_validate(said | {"days_left": left, "days_kept": kept} | more)


assert (WIDTH, HEIGHT) == (640, 360)  # boxes and patches above are for that size
