"""TFRecord out: shards of tf.train.Example, features named as the TensorFlow Object Detection API names them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from contracts.files import storage
from dataset.bounds import ItemError
from dataset.findings import Findings
from dataset.formats.example import example, of_bytes, of_floats, of_ints, record
from dataset.formats.target import Target
from dataset.holds import boxes_of
from dataset.items import Category, Item
from dataset.ontology import Ontology
from dataset.picture_size import picture_head
from dataset.pictures import Mode

HOLDS = frozenset({"id", "split", "confidence", "source", "verified", "track", "crowd", "difficult", "truncated", "occluded", "hashes"})
SHARD_BYTES = 128 << 20  # TensorFlow likes 100 to 200 MB
LARGEST_PICTURE = 64 << 20  # bytes


class TfrecordWriter:
    """`<split>.tfrecord-00000-of-00010` (default where there are no splits) and `label_map.pbtxt`. The pictures are inside."""

    def __init__(self, path: Path, categories: Iterable[Category] = (), pictures: Mode = "copy", findings: Findings | None = None) -> None:
        self.findings, self._pictures = findings or Findings(), pictures
        self._target = Target(path, pictures, self.findings)
        self._ontology = Ontology(categories)
        self._shards: dict[str, Shards] = {}

    def write(self, item: Item) -> None:
        try:
            features = self._features(item)
        except ItemError as error:
            self.findings.skip(error.reason, item.id, str(error))
            return
        split = item.split or "default"
        if split not in self._shards:
            self._shards[split] = Shards(self._target.folder, split)
        self._shards[split].add(record(example(features)))

    def _features(self, item: Item) -> dict[str, bytes]:
        boxes = boxes_of(item, lambda what: self.findings.note(what, item.id, f"{item.file}: {what}; boxes are parts of the picture there"))
        labels = [label for label, _ in boxes]
        sides = {
            "xmin": [x / item.width for _, (x, _, _, _) in boxes],
            "xmax": [min((x + w) / item.width, 1.0) for _, (x, _, w, _) in boxes],
            "ymin": [y / item.height for _, (_, y, _, _) in boxes],
            "ymax": [min((y + h) / item.height, 1.0) for _, (_, y, _, h) in boxes],
        }
        flags = {"is_crowd": "crowd", **{name: name for name in ("difficult", "truncated", "occluded", "verified")}}
        objects = {
            **{f"bbox/{name}": of_floats(values) for name, values in sides.items()},
            **{name: of_ints([int(getattr(label, each)) for label in labels]) for name, each in flags.items()},
            "class/text": of_bytes(label.category.encode() for label in labels),
            "class/label": of_ints([self._ontology.number(label.category) for label in labels]),
            "area": of_floats([w * h for _, (_, _, w, h) in boxes]),
            "score": of_floats([1.0 if label.confidence is None else label.confidence for label in labels]),
            "source": of_bytes(label.source.encode() for label in labels),
            "track": of_ints([-1 if label.track is None else label.track for label in labels]),
        }
        return {**self._picture(item), **{f"image/object/{name}": values for name, values in objects.items()}}

    def _picture(self, item: Item) -> dict[str, bytes]:
        features = {
            "image/width": of_ints([item.width]),
            "image/height": of_ints([item.height]),
            "image/filename": of_bytes([item.file.encode()]),
            "image/source_id": of_bytes([item.id.encode()]),
        }
        if self._pictures == "none":
            return {**features, "image/key/sha256": of_bytes([item.sha256.encode()])}
        if item.path is None:
            raise ItemError("picture", f"{item.file}: is not there; a TFRecord holds the pictures, so give them or say --pictures none")
        kind = picture_head(item.path)[0]
        if item.path.stat().st_size > LARGEST_PICTURE:
            raise ItemError("picture", f"{item.path}: has more than {LARGEST_PICTURE} bytes")
        data = item.path.read_bytes()
        inside = {"encoded": data, "format": kind.encode(), "key/sha256": sha256(data).hexdigest().encode()}
        return {**features, **{f"image/{name}": of_bytes([value]) for name, value in inside.items()}}

    def close(self) -> None:
        for shards in self._shards.values():
            shards.close()
        rows = (f"item {{\n  id: {each.number}\n  name: {_quoted(each.name)}\n}}\n" for each in self._ontology.categories)
        self._target.write("label_map.pbtxt", "".join(rows))
        self._target.finish()

    def abandon(self) -> None:
        for shards in self._shards.values():
            shards.drop()
        self._target.abandon()


class Shards:
    """Files of one split, a new one when one is full; how many they are stands in their names, so they are named at the end."""

    def __init__(self, folder: Path, split: str) -> None:
        self._folder, self._split, self._count = folder, split, 0
        self._file: BinaryIO | None = None

    def add(self, data: bytes) -> None:
        with storage(self._folder):
            if self._file is not None and self._file.tell() + len(data) > SHARD_BYTES:
                self.drop()
            if self._file is None:
                self._file = self._part(self._count).open("wb")
                self._count += 1
            self._file.write(data)

    def _part(self, number: int) -> Path:
        return self._folder / f".{self._split}-{number:05d}"

    def drop(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        self.drop()
        for number in range(self._count):
            self._part(number).replace(self._folder / f"{self._split}.tfrecord-{number:05d}-of-{self._count:05d}")


def _quoted(name: str) -> str:
    """Text of a protobuf in text form: the escapes are JSON's, for text without control characters."""
    return json.dumps(name, ensure_ascii=False)
