import errno
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from contracts.event import snapshot_path
from contracts.files import write_durably
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.record.options import PictureOptions
from device.record.pictures import Pictures, encoded, save_frame
from tests.device.record.fakes import HandClock, scene
from tests.device.record.footage import at_s, event, event_id
from vision.types import Detections, Frame, Image, Scene


@dataclass
class Plain:
    """A picture of one brightness: what was written says which scene it came from."""

    value: int
    width: int = 640
    height: int = 480

    def bgr(self) -> Image:
        return np.full((self.height, self.width, 3), self.value, np.uint8)

    def rgb(self, width: int, height: int) -> Image:
        return np.full((height, width, 3), self.value, np.uint8)

    def luma(self, max_width: int) -> Image:
        return np.full((self.height, self.width), self.value, np.uint8)


class Studio:
    def __init__(self, data: Path, **options: object) -> None:
        self.data, self.tally, self.board = data, Tally(), Board()
        self.pictures = Pictures(data, PictureOptions(**options), clock=HandClock(), tally=self.tally, board=self.board)

    def value(self, name: str = "a") -> int:
        """Brightness of the event's picture, by its middle."""
        image = self.image(name)
        return int(image[image.shape[0] // 2, image.shape[1] // 2].mean())

    def image(self, name: str = "a") -> Image:
        image = cv2.imread(str(self.data / self.path(name)))
        assert image is not None
        return image

    def path(self, name: str = "a") -> str:
        return snapshot_path(event_id(name), event("new", name, at_s(0), at_s(0)).start)


def sight(
    life: str | None, seconds: float, value: int, box: tuple[float, ...], confidence: float = 0.8, name: str = "a", track: int = 1
) -> Scene:
    """The event's object in one scene, with or without a message."""
    columns = {"track": np.array([track])}
    found = Detections(np.array([box], np.float32), np.array([confidence], np.float32), np.zeros(1, np.int32), columns)
    message = event(life, name, at_s(0), at_s(seconds), box=box, track=track) if life else None
    events = (message.model_copy(update={"confidence": confidence}),) if message else ()
    return scene("left", at_s(seconds), *events, planes=Plain(value), detections=found)


SMALL, LARGE, CUT = (100, 100, 150, 200), (100, 100, 250, 400), (0, 50, 300, 470)


def test_the_picture_is_there_at_once_and_at_the_path_that_was_promised(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.pictures.look(sight("new", 0, 50, SMALL))
    assert studio.path() == f"events/2026-11-22/{event_id('a')}.jpg"
    assert studio.value() == 50


@pytest.mark.parametrize("box", [SMALL, None])
def test_what_no_track_follows_is_shown_as_it_is_when_it_is_told(tmp_path: Path, box: tuple[float, ...] | None) -> None:
    """A row of samples is told with its last one, about its first; a change of state has no place in the picture."""
    studio = Studio(tmp_path)
    new = event("new", "a", at_s(0), at_s(0), box=box, track=None)
    end = new.model_copy(update={"life": "end", "end": new.t})
    studio.pictures.look(scene("left", at_s(0.3), new, end, planes=Plain(70)))
    assert studio.value() == 70
    assert (studio.image().shape[:2] == (480, 640)) is (box is None)


def test_a_track_is_never_shown_where_it_was_in_another_picture(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.pictures.look(scene("left", at_s(0.3), event("new", "a", at_s(0), at_s(0), box=SMALL, track=1), planes=Plain(70)))
    assert not (tmp_path / studio.path()).exists()


def test_the_best_view_replaces_it_at_the_end(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    for view in (sight("new", 0, 50, SMALL), sight(None, 1, 100, LARGE), sight(None, 2, 150, SMALL, 0.9), sight("update", 3, 160, SMALL)):
        studio.pictures.look(view)
        assert studio.value() == 50  # not written anew for every better view
    studio.pictures.look(sight("end", 4, 200, SMALL))
    assert studio.value() == 100
    assert studio.tally.get("left", "pictures") == 2


def test_a_worse_view_changes_nothing(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    for view in (sight("new", 0, 50, LARGE), sight(None, 1, 100, SMALL), sight(None, 2, 120, LARGE, 0.5), sight("end", 4, 200, SMALL)):
        studio.pictures.look(view)
    assert studio.value() == 50
    assert studio.tally.get("left", "pictures") == 1


def test_a_whole_object_is_better_than_a_larger_one_cut_by_the_edge(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    views = (sight("new", 0, 50, CUT, 0.99), sight(None, 1, 100, SMALL, 0.4), sight(None, 2, 150, CUT, 0.99), sight("end", 3, 200, CUT))
    for view in views:
        studio.pictures.look(view)
    assert studio.value() == 100


def test_other_tracks_and_other_cameras_are_not_its_views(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.pictures.look(sight("new", 0, 50, SMALL))
    studio.pictures.look(sight(None, 1, 100, LARGE, track=2))
    other = sight(None, 2, 150, LARGE)
    frame = other.frame
    studio.pictures.look(Scene(Frame("right", 0, frame.pts_ns, 0, 0, frame.planes), other.detections))
    studio.pictures.look(sight("end", 3, 200, SMALL))
    assert studio.value() == 50


def test_an_end_without_a_picture_of_its_own_still_brings_the_best_one(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.pictures.look(sight("new", 0, 50, SMALL))
    studio.pictures.look(sight(None, 1, 100, LARGE))
    studio.pictures.look(scene("left", at_s(9), event("end", "a", at_s(0), at_s(9), box=SMALL, track=1)))
    assert studio.value() == 100


def test_the_object_is_cut_out_with_its_margin(tmp_path: Path) -> None:
    studio = Studio(tmp_path, margin=0.5)
    studio.pictures.look(sight("new", 0, 50, (100, 100, 200, 300)))
    assert studio.image().shape[:2] == (400, 534)  # 4:3, moved into the frame


def test_the_whole_picture_may_be_wanted_and_no_larger_than(tmp_path: Path) -> None:
    studio = Studio(tmp_path, show="frame", max_side_px=320)
    studio.pictures.look(sight("new", 0, 50, SMALL))
    assert studio.image().shape[:2] == (240, 320)


def test_frames_are_held_for_no_more_events_than_said(tmp_path: Path) -> None:
    studio = Studio(tmp_path, held=2)
    for n in range(4):
        studio.pictures.look(sight("new", 0, 50, SMALL, name=f"e{n}", track=n + 1))
    boxes = np.array([LARGE] * 4, np.float32)
    crowd = Detections(boxes, np.full(4, 0.9, np.float32), np.zeros(4, np.int32), {"track": np.arange(1, 5)})
    studio.pictures.look(scene("left", at_s(1), planes=Plain(100), detections=crowd))
    assert studio.tally.get("left", "not_kept", "pictures_held") == 2
    assert [studio.value(f"e{n}") for n in range(4)] == [100, 100, 50, 50]
    for n in range(4):
        studio.pictures.look(sight("end", 2, 200, SMALL, name=f"e{n}", track=n + 1))
    assert [studio.value(f"e{n}") for n in range(4)] == [100] * 4


def test_scenes_that_come_too_fast_are_counted_and_no_event_is_forgotten(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.pictures.look(sight("new", 0, 50, SMALL))
    studio.pictures.look(sight(None, 1, 100, LARGE))
    studio.pictures.put(sight("end", 2, 150, SMALL))
    for n in range(8):
        studio.pictures.put(sight(None, 3 + n, 160, SMALL, track=9))
    assert studio.tally.get("left", "not_kept", "pictures_late") == 1
    studio.pictures.close()
    studio.pictures.run(lambda: None)
    assert studio.value() == 100


def test_what_is_open_when_it_stops_is_written(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    worker = threading.Thread(target=studio.pictures.run, args=(lambda: None,))
    worker.start()
    studio.pictures.put(sight("new", 0, 50, SMALL))
    studio.pictures.put(sight(None, 1, 100, LARGE))
    studio.pictures.close()
    worker.join(30)
    assert not worker.is_alive() and studio.value() == 100


def test_a_disk_that_refuses_is_named_and_does_not_stop_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = Studio(tmp_path)
    (tmp_path / "events").write_bytes(b"in the way")
    studio.pictures.look(sight("new", 0, 50, SMALL))
    state = studio.board.parts()["pictures"]
    assert state.state == "degraded" and str(tmp_path / studio.path()) in state.reason
    assert studio.tally.get("left", "not_kept", "picture_failed") == 1
    (tmp_path / "events").unlink()
    studio.pictures.look(sight("new", 1, 60, SMALL, name="b", track=2))
    assert studio.board.parts()["pictures"].state == "ok" and studio.value("b") == 60


@pytest.mark.parametrize("form", ["jpg", "png"])
def test_a_whole_frame_is_kept(tmp_path: Path, form: str) -> None:
    frame = Frame("left", 0, 0, 0, 0, Plain(77))
    size = save_frame(tmp_path / "keys" / "0001", frame, form)
    (path,) = (tmp_path / "keys").iterdir()
    image = cv2.imread(str(path))
    assert path.name == f"0001.{form}" and path.stat().st_size == size
    assert image is not None and image.shape == (480, 640, 3) and int(image[0, 0, 0]) == 77


def test_a_png_is_the_picture_itself() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)
    assert np.array_equal(cv2.imdecode(np.frombuffer(encoded(noise, "png"), np.uint8), cv2.IMREAD_COLOR), noise)


def test_a_picture_is_rewritten_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = Studio(tmp_path)
    studio.pictures.look(sight("new", 0, 50, SMALL))

    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    studio.pictures.look(sight(None, 1, 100, LARGE))
    studio.pictures.look(sight("end", 2, 200, SMALL))
    assert studio.value() == 50
    assert len(list((tmp_path / "events" / "2026-11-22").iterdir())) == 1
    monkeypatch.undo()
    write_durably(tmp_path / studio.path(), encoded(Plain(9).bgr(), "jpg"))
    assert studio.value() == 9
