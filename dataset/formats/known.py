"""The formats we know: how each is recognised, read and written, and what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from contracts.errors import ConfigError, ProtocolError
from dataset.findings import Findings
from dataset.formats import coco_write, cvat_video_write, cvat_write, tfrecord_write, voc_write, yolo_write
from dataset.formats.coco_read import CocoReader
from dataset.formats.cvat_read import CvatReader
from dataset.formats.cvat_video_read import CvatVideoReader
from dataset.formats.elements import branches
from dataset.formats.voc_read import VocReader
from dataset.formats.yolo_read import YoloReader
from dataset.holds import FEATURES
from dataset.items import Category, Reader, Writer
from dataset.native import NativeReader
from dataset.pictures import Mode


class MakeWriter(Protocol):
    def __call__(self, path: Path, categories: Iterable[Category], pictures: Mode, findings: Findings) -> Writer: ...


@dataclass(frozen=True, slots=True)
class Format:
    """`holds` are names of dataset.holds.FEATURES."""

    words: str
    holds: frozenset[str]
    read: Callable[[Path, Findings], Reader] | None
    write: MakeWriter | None


FORMATS: Mapping[str, Format] = {
    "vedette": Format("what a box keeps: manifest.jsonl", frozenset(FEATURES), NativeReader, None),
    "coco": Format("COCO, annotations/instances_<split>.json", coco_write.HOLDS, CocoReader, coco_write.CocoWriter),
    "yolo": Format("YOLO, data.yaml", yolo_write.HOLDS, YoloReader, yolo_write.YoloWriter),
    "voc": Format("Pascal VOC, Annotations/*.xml", voc_write.HOLDS, VocReader, voc_write.VocWriter),
    "cvat": Format("CVAT for images 1.1, annotations.xml", cvat_write.HOLDS, CvatReader, cvat_write.CvatWriter),
    "cvat-video": Format("CVAT for video 1.1: tracks", cvat_video_write.HOLDS, CvatVideoReader, cvat_video_write.CvatVideoWriter),
    "tfrecord": Format("TFRecord shards of tf.train.Example", tfrecord_write.HOLDS, None, tfrecord_write.TfrecordWriter),
}
READABLE = [name for name, each in FORMATS.items() if each.read]
WRITABLE = [name for name, each in FORMATS.items() if each.write]


def open_reader(path: Path, name: str | None = None, findings: Findings | None = None) -> Reader:
    """Of the format named, or of the one it looks like."""
    if not path.exists():
        raise ConfigError(f"{path}: is not there; name a data set")
    read = FORMATS[name or guessed(path)].read
    if read is None:
        raise ConfigError(f"{name}: is written, not read; read one of {', '.join(READABLE)}")
    return read(path, findings or Findings())


def open_writer(path: Path, name: str, categories: Iterable[Category], pictures: Mode = "copy", findings: Findings | None = None) -> Writer:
    write = FORMATS[name].write
    if write is None:
        raise ConfigError(f"{name}: is read, not written; write one of {', '.join(WRITABLE)}")
    return write(path, categories, pictures, findings or Findings())


def guessed(path: Path) -> str:
    """By what lies there."""
    if path.is_file():
        return _of_file(path)
    if (path / "manifest.jsonl").is_file():
        return "vedette"
    if (path / "data.yaml").is_file():
        return "yolo"
    if (path / "Annotations").is_dir():
        return "voc"
    documents = sorted(path.glob("*.xml"))
    if documents:
        return _of_file(documents[0])
    if any(path.glob("annotations/*.json")) or any(path.glob("*.json")):
        return "coco"
    raise ConfigError(f"{path}: is no data set we know ({', '.join(READABLE)}); name its folder or file, or say which with --format")


def _of_file(path: Path) -> str:
    kinds = {".json": "coco", ".yaml": "yolo", ".yml": "yolo"}
    if path.suffix.lower() in kinds:
        return kinds[path.suffix.lower()]
    if path.suffix.lower() != ".xml":
        raise ConfigError(f"{path}: is no data set we know; name a .json, .yaml or .xml, or a folder")
    try:
        for parent, child in branches(path, "annotations"):
            if parent.tag == "track" or (child is not None and child.findtext("mode") == "interpolation"):
                return "cvat-video"
            if parent.tag == "image":
                return "cvat"
    except ProtocolError:
        with path.open("rb") as file:
            head = file.read(4096)
        if b"<annotation>" in head:
            return "voc"
        raise
    return "cvat"
