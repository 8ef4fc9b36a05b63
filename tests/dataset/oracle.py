"""A program for an environment of its own: reads a data set with a tool that others use, or writes one, and prints what it saw as JSON.

`oracle.py read TOOL FORMAT PATH` and `oracle.py write datumaro FORMAT PATH TARGET` (from COCO).
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")  # theirs


def datumaro_read(name: str, path: Path) -> dict:
    from datumaro import AnnotationType, Dataset

    found = {}
    for document in sorted(path.glob("*.xml")) if name.startswith("cvat") else [path]:
        data = Dataset.import_from(str(document), "cvat" if name.startswith("cvat") else name)
        classes = [each.name for each in data.categories()[AnnotationType.label]]
        for item in data:
            boxes = [each for each in item.annotations if each.type == AnnotationType.bbox]
            rows = [[classes[box.label], *map(float, box.get_bbox()), dict(box.attributes)] for box in boxes]
            found[item.id] = {"split": item.subset, "boxes": rows}
    return {"classes": classes, "items": found}


def supervision_read(name: str, path: Path) -> dict:
    import supervision

    if name == "coco":
        document = path / "annotations/instances_train.json"
        data = supervision.DetectionDataset.from_coco(str(path / "images"), str(document))
    elif name == "yolo":
        data = supervision.DetectionDataset.from_yolo(str(path / "images/train"), str(path / "labels/train"), str(path / "data.yaml"))
    else:
        data = supervision.DetectionDataset.from_pascal_voc(str(path / "JPEGImages"), str(path / "Annotations"))
    found = {}
    for place, _, detections in data:
        rows = [[data.classes[kind], *map(float, box)] for kind, box in zip(detections.class_id, detections.xyxy, strict=True)]
        found[Path(place).stem] = {"boxes": rows}
    return {"classes": list(data.classes), "items": found}


def tfrecord_read(_name: str, path: Path) -> dict:
    from tfrecord.reader import tfrecord_loader

    box, keys = "image/object/bbox/", ("xmin", "ymax")
    description = {"image/filename": "byte", "image/encoded": "byte", "image/object/class/label": "int"}
    description |= {box + key: "float" for key in keys}
    found = {}
    for row in tfrecord_loader(str(path / "train.tfrecord-00000-of-00001"), None, description):
        labels = [int(each) for each in row.get("image/object/class/label", [])]
        sides = [[float(each) for each in row.get(box + k, [])] for k in keys]
        found[bytes(row["image/filename"]).decode()] = {"labels": labels, "sides": sides, "bytes": len(row["image/encoded"])}
    return {"items": found}


def datumaro_write(name: str, path: Path, target: Path) -> dict:
    from datumaro import Dataset

    data = Dataset.import_from(str(path), "coco")
    data.export(str(target), name, save_media=True)
    return {"items": len(data)}


def main() -> None:
    what, tool, name, path, *more = sys.argv[1:]
    if what == "write":
        answer = datumaro_write(name, Path(path), Path(more[0]))
    else:
        answer = {"datumaro": datumaro_read, "supervision": supervision_read, "tfrecord": tfrecord_read}[tool](name, Path(path))
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
