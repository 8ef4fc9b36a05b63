"""CVAT for video: tracks begin, pause and end where they did; files of other hands are read as CVAT means them."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ConfigError, ProtocolError
from dataset.formats.cvat_video_read import CvatVideoReader
from dataset.formats.cvat_video_write import HOLDS, CvatVideoWriter
from dataset.holds import held
from dataset.items import Category, Item, Label
from tests.dataset import made

TOLERANCE_PX = 2e-6
CLASSES = ["cat", "dog <&\"'>"]


@st.composite
def videos(draw: st.DrawFn) -> list[Item]:
    """Frames of some videos; a track has one class and is there at most once in a frame."""
    items = []
    for video in draw(st.lists(made.names, max_size=2, unique=True)):
        for frame in range(draw(st.integers(1, 5))):
            labels = draw(st.lists(made.labels(60, 40, CLASSES), max_size=3, unique_by=lambda each: repr(each.track or each)))
            labels = [label if label.track is None else replace(label, category=CLASSES[label.track % 2]) for label in labels]
            items.append(Item(f"{video}/{frame}", f"{frame}.png", 60, 40, tuple(labels), sequence=video, frame=frame))
    return items


def in_order(item: Item) -> Item:
    """A frame's labels come track by track; names of files are the frames'."""
    return replace(item, file="-", labels=tuple(sorted(item.labels, key=repr)))


def settled(item: Item) -> Item:
    """Fine fractions as they are written, so that sorting does not depend on them."""
    return made.rounded(item, 4)


@settings(max_examples=30, deadline=None)
@given(videos())
def test_tracks_survive_the_way_out_and_in(items: list[Item]) -> None:
    with tempfile.TemporaryDirectory() as name:
        made.write(CvatVideoWriter(Path(name) / "out", [Category(each, n) for n, each in enumerate(CLASSES, 1)]), items)
        classes, found = made.read(CvatVideoReader(Path(name) / "out"))
    assert classes == CLASSES
    back = {item.id: made.neutral(item) for item in found if item.sequence}
    assert set(back) == {item.id for item in items}
    for item in items:
        ours = in_order(settled(replace(held(item, HOLDS), id=item.id)))
        assert ours == in_order(settled(back[item.id]))


def seen(frames: list[int], count: int = 6) -> list[Item]:
    """A track that is there in these frames."""
    label = Label((1, 2, 3, 4), "cat", track=7)
    return [Item(str(n), f"{n}.png", 64, 48, (replace(label, box=(n, 2, 3, 4)),) if n in frames else (), frame=n) for n in range(count)]


def test_every_box_is_a_key_frame_and_pauses_and_ends_are_said(tmp_path: Path) -> None:
    """CVAT imports key frames only; a track without an end goes on as a ghost."""
    made.write(CvatVideoWriter(tmp_path / "out"), seen([0, 1, 4]))
    track = fromstring((tmp_path / "out/video.xml").read_text()).find("track")  # noqa: S314 (our own)
    assert track is not None
    rows = [(int(box.get("frame", "")), box.get("outside"), box.get("keyframe")) for box in track.findall("box")]
    assert rows == [(0, "0", "1"), (1, "0", "1"), (2, "1", "1"), (4, "0", "1"), (5, "1", "1")]
    assert [len(item.labels) for item in CvatVideoReader(tmp_path / "out")] == [1, 1, 0, 0, 1, 0]


def test_a_track_that_lasts_to_the_end_has_no_box_behind_it(tmp_path: Path) -> None:
    made.write(CvatVideoWriter(tmp_path / "out"), seen([4, 5]))
    assert 'frame="6"' not in (tmp_path / "out/video.xml").read_text()


def test_a_track_that_changes_its_class_becomes_two(tmp_path: Path) -> None:
    items = seen([0, 1], 2)
    items[1] = replace(items[1], labels=(replace(items[1].labels[0], category="dog"),))
    made.write(CvatVideoWriter(tmp_path / "out"), items)
    found = made.read(CvatVideoReader(tmp_path / "out"))[1]
    assert [[label.category for label in item.labels] for item in found] == [["cat"], ["dog"]]
    assert len({label.track for item in found for label in item.labels}) == 2


def test_pictures_are_named_by_frame_and_found_again(tmp_path: Path) -> None:
    items = [made.with_picture(replace(item, width=9, height=9, sequence="yard"), tmp_path / "in") for item in seen([0], 2)]
    made.write(CvatVideoWriter(tmp_path / "out"), items)
    assert sorted(path.name for path in (tmp_path / "out/yard/images").iterdir()) == ["frame_000000.png", "frame_000001.png"]
    found = made.read(CvatVideoReader(tmp_path / "out"))[1]
    assert all(item.path and item.path.read_bytes() == made.png(9, 9) for item in found)


def one(tmp_path: Path, *boxes: str, track: str = 'id="3" label="cat"') -> CvatVideoReader:
    size = "<size>5</size><start_frame>0</start_frame><original_size><width>64</width><height>48</height></original_size>"
    meta = f"<meta><task>{size}<labels><label><name>cat</name></label></labels></task></meta>"
    (tmp_path / "a.xml").write_text(f"<annotations>{meta}<track {track}>{''.join(boxes)}</track></annotations>")
    return CvatVideoReader(tmp_path)


def box(frame: object, x: object = 0, outside: int = 0) -> str:
    return f'<box frame="{frame}" outside="{outside}" occluded="0" keyframe="1" xtl="{x}" ytl="0" xbr="{x}0" ybr="9"/>'


def test_between_two_key_frames_a_track_moves_straight_but_not_while_it_is_outside(tmp_path: Path) -> None:
    ends = '<box frame="0" outside="0" xtl="0" ytl="0" xbr="10" ybr="9"/>', '<box frame="2" outside="0" xtl="8" ytl="0" xbr="18" ybr="9"/>'
    reader = one(tmp_path, *ends, box(3, 1, outside=1))
    assert [[label.box for label in item.labels] for item in reader] == [[(0, 0, 10, 9)], [(4, 0, 10, 9)], [(8, 0, 10, 9)], [], []]
    assert {label.track for item in reader for label in item.labels} == {3}


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [
        ([box("x")], "size"),
        ([box(-1)], "frame"),
        ([box(10**9)], "frame"),
        ([box(4, 1), box(2, 1)], "frame"),
        ([box(1, 1), box(1, 1)], "frame"),
        ([box(0, 1), box(1_000_000, 1)], "frame"),
        ([box(0, "nan")], "box"),
        (['<box frame="0" outside="0"/>'], "box"),
    ],
)
def test_a_bad_track_is_said_and_its_video_is_not_half_taken(tmp_path: Path, boxes: list[str], reason: str) -> None:
    """Where the thing was is unknown: its frames would teach that nothing is there."""
    good = tmp_path / "good"
    made.write(CvatVideoWriter(good), seen([0], 1))
    (tmp_path / "z.xml").write_text((good / "video.xml").read_text())
    reader = one(tmp_path, *boxes)
    assert len(list(reader)) == 1
    assert set(reader.findings.skipped) == {reason}
    assert "track 3" in reader.findings.told[0].where


def test_a_box_before_the_video_begins_never_makes_its_other_frames_background(tmp_path: Path) -> None:
    boxes = "".join(
        f'<track id="{frame}" label="car"><box frame="{frame}" xtl="1" ytl="1" xbr="5" ybr="5" '
        'outside="0" occluded="0" keyframe="1"/></track>'
        for frame in (2, 11)
    )
    (tmp_path / "a.xml").write_text(
        "<annotations><meta><task><name>t</name><size>5</size><start_frame>10</start_frame><labels><label><name>car</name></label></labels>"
        f"<original_size><width>50</width><height>50</height></original_size></task></meta>{boxes}</annotations>"
    )
    reader = CvatVideoReader(tmp_path / "a.xml")
    assert list(reader) == []
    assert reader.findings.skipped["frame"] == 1
    reader.close()


def test_frames_without_end_are_refused(tmp_path: Path) -> None:
    task = "<task><size>9999999999</size><start_frame>0</start_frame></task>"
    (tmp_path / "a.xml").write_text(f"<annotations><meta>{task}</meta></annotations>")
    with pytest.raises(ProtocolError, match="at most"):
        CvatVideoReader(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no XML"):
        CvatVideoReader(tmp_path)
