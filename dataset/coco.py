"""`dataset.json`: the whole data set as COCO beside its pictures, made on demand, one picture in memory at a time."""

from __future__ import annotations

from pathlib import Path

from dataset.formats.coco_write import CocoDocument
from dataset.items import Reader, Writer
from dataset.layout import Layout
from dataset.native import NativeReader
from dataset.ontology import Ontology


def write_coco(root: Path) -> int:
    """How many pictures. The file is there whole, or as it was before."""
    layout, count = Layout(root), 0
    reader = NativeReader(root)
    try:
        document = CocoDocument(layout.coco, Ontology(reader.categories))
        try:
            for item in reader:
                document.write(item)
                count += 1
            document.close()
        except BaseException:
            document.abandon()
            raise
    finally:
        reader.close()
    return count


def pour(reader: Reader, writer: Writer) -> int:
    """Every item of one into the other; how many. On a failure nothing of it is left."""
    count = 0
    try:
        for item in reader:
            writer.write(item)
            count += 1
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    return count
