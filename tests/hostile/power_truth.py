"""What a box has acknowledged before its power went, remembered elsewhere and held against what is on the disk afterwards."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

from dataset.lines import intact

LEFTOVERS = (".part", ".copy", ".tmp")
S = 1_000_000_000
SLACK_NS = 250_000_000  # a turn of the recorder is 0.2 s; what is longer is this machine's being busy


@dataclass
class Truth:
    """Outside of the disk that is cut."""

    clips: dict[str, str] = field(default_factory=dict)  # video -> SHA-256
    pictures: dict[str, str] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)  # record -> picture
    events: dict[int, int] = field(default_factory=dict)  # number -> checksum
    delivered: set[int] = field(default_factory=set)
    takes: dict[str, dict[str, str]] = field(default_factory=dict)
    receipts: int = 0

    def hear(self, said: Iterable[dict[str, Any]], cut_ns: int) -> None:
        """What was acknowledged by then. A process lives on after this cut, as it would not after a real one, and is told lies: xfs
        answers a folder's fsync with success when it has just thrown away what was to be synced. What may be gone counts at any time.
        """
        for each in said:
            if each["t"] > cut_ns and each["a"] != "delivered":
                continue
            match each["a"]:
                case "clip":
                    self.clips[each["video"]] = each["sha256"]
                case "picture":
                    self.pictures[each["name"]] = each["sha256"]
                case "record":
                    self.records[each["id"]] = each["image"]
                case "event":
                    self.events[each["seq"]] = each["crc"]
                case "delivered":
                    self.delivered.add(each["seq"])
                case "take":
                    self.takes[each["folder"]] = each["clips"]
                case "receipt":
                    self.receipts = max(self.receipts, each["upto"])

    def wrong(self, data: Path) -> list[str]:
        """Everything that is not as it was acknowledged. What was removed and is explained is forgotten here as well."""
        removed = removals(data)
        return [
            *self._clips(data, removed), *self._pictures(data, removed), *self._takes(data, removed), *self._dataset(data),
            *self._events(data), *leftovers(data),
        ]  # fmt: skip

    def _clips(self, data: Path, removed: set[str]) -> Iterator[str]:
        for video, digest in list(self.clips.items()):
            path = data / video
            if not path.exists():
                del self.clips[video]
                if video not in removed:
                    yield f"clip {video} is gone and no line says why"
            elif hashed(path) != digest:
                yield f"clip {video} is not what it was"
            elif not path.with_suffix(".json").exists():
                yield f"clip {video} has no manifest"

    def _pictures(self, data: Path, removed: set[str]) -> Iterator[str]:
        there = {path.name: path for path in (data / "events").rglob("*.jpg")}
        gone = {name.rpartition("/")[2] for name in removed}
        for name, digest in list(self.pictures.items()):
            if name not in there:
                del self.pictures[name]
                if name not in gone:
                    yield f"picture {name} is gone and no line says why"
            elif hashed(there[name]) != digest and not there[name].read_bytes().endswith(b"\xff\xd9"):
                yield f"picture {name} is torn"  # one that is whole and better was on its way in

    def _takes(self, data: Path, removed: set[str]) -> Iterator[str]:
        for take, clips in list(self.takes.items()):
            folder = data / "recordings" / take
            if not folder.exists():
                del self.takes[take]
                if f"recordings/{take.partition('/')[0]}" not in removed:
                    yield f"take {take} is gone and no line says why"
                continue
            if not (folder / "manifest.json").exists():
                yield f"take {take} has no manifest"
            for name, digest in clips.items():
                if not (folder / name).exists() or hashed(folder / name) != digest:
                    yield f"take {take}: {name} is not what it was"

    def _dataset(self, data: Path) -> Iterator[str]:
        root = data / "dataset"
        lines = [json.loads(line) for line in whole_lines(root / "manifest.jsonl")]
        ids = {line["id"] for line in lines}
        buried = {line["image_id"] for line in lines if line.get("action_type") == "removed"}
        yield from (f"record {each} is gone" for each in self.records.keys() - ids)
        for image in set(self.records.values()) - buried:
            if not (root / "images" / f"{image}.png").exists():
                yield f"the picture {image} of a record is gone"
        upto = max((json.loads(line)["upto"] for line in whole_lines(root / "receipts.jsonl")), default=0)
        if upto < self.receipts:
            yield f"the receipt up to {self.receipts} is gone, {upto} is left"

    def _events(self, data: Path) -> Iterator[str]:
        path = data / "outbox.sqlite"
        if not path.exists():
            yield from [] if not self.events else ["the journal is gone"]
            return
        with closing(sqlite3.connect(path)) as db:
            rows = {seq: crc32(body.encode()) for seq, body in db.execute("SELECT seq, body FROM outbox")}
            last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
        for seq, crc in self.events.items():
            if seq in rows and rows[seq] != crc:
                yield f"event {seq} is not what it was"
            if seq not in rows and seq not in self.delivered:
                yield f"event {seq} is gone"
        if self.events and (last is None or last[0] < max(self.events)):
            yield f"numbers go back: {last} after {max(self.events)}"
        self.events = {seq: crc for seq, crc in self.events.items() if seq in rows or seq not in self.delivered}


def removals(data: Path) -> set[str]:
    return {json.loads(line)["item"] for path in (data / "log").glob("removals*.jsonl") for line in whole_lines(path)}


def whole_lines(path: Path) -> list[bytes]:
    """Those that end; a line that a cut tore is not one. A damaged one is an error of ours."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    assert all(intact(line) is not None for line in lines), f"{path}: a damaged line was taken for a good one"
    return lines


def leftovers(data: Path) -> Iterator[str]:
    """Nothing of a write that was cut off stays, neither in the way nor beside it."""
    for path in data.rglob("*"):
        inside = path.relative_to(data).as_posix()
        if inside.startswith("salvage/"):
            continue
        if path.name.endswith(LEFTOVERS) or path.name.startswith(".going-") or (path.parent.name == "incoming" and path.is_file()):
            yield f"left over: {inside}"
        if path.suffix in {".mp4", ".mkv", ".json", ".png", ".jpg"} and path.is_file() and path.stat().st_size == 0:
            yield f"empty: {inside}"


def hashed(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def kept_until(data: Path, camera: str, before: set[str]) -> int:
    """Media time up to which a run's clips go; `before`: the clips of the runs before it."""
    manifests = [path for path in (data / "clips" / camera).rglob("[!.]*.json") if path.as_posix() not in before]
    return max((json.loads(path.read_bytes())["end_pts_ns"] for path in manifests), default=0)


def lost_ns(said: list[dict[str, Any]], cut_ns: int, kept_ns: int) -> tuple[int, int]:
    """Media time of the continuous camera that had come before the cut and is not kept; and how long the recorder had no turn."""
    packets = [each for each in said if each["a"] == "packet" and each["camera"] == "left" and each["t"] <= cut_ns]
    came = max((each["end"] for each in packets), default=0)
    turns = [each["t"] for each in said if each["a"] == "turn" and cut_ns - 3 * S < each["t"] <= cut_ns]
    begins = max(packets[0]["t"], cut_ns - 3 * S) if packets else cut_ns
    longest = max(after - before for before, after in pairwise([begins, *turns, cut_ns, cut_ns]))
    return max(0, came - kept_ns), max(0, longest - SLACK_NS)
