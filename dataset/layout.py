"""Layout: where everything of a data set is, and files opened so that no link, pipe or strange name leads out of it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from contracts.dataset import IMAGE_ID
from contracts.errors import ProtocolError, StorageError
from contracts.files import make_folders, storage

ID = re.compile(IMAGE_ID)
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe would be waited for without O_NONBLOCK
LARGEST_FILE = 512 << 20  # of a picture or a small file that is read whole


class Layout:
    """The paths below one folder. The folder itself may be a link, nothing in it may."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest = root / "manifest.jsonl"
        self.acknowledged = root / "acknowledged.jsonl"
        self.ontology = root / "ontology.json"
        self.metadata = root / "metadata.json"
        self.coco = root / "dataset.json"
        self.images = root / "images"
        self.annotations = root / "annotations"
        self.incoming = root / "incoming"  # pictures on their way in; of no meaning after a crash
        self.index = root / "index.sqlite"
        self.lock = root / "lock"

    def image(self, image_id: str) -> Path:
        return self.images / f"{checked(image_id)}.png"

    def annotation(self, image_id: str) -> Path:
        return self.annotations / f"{checked(image_id)}.json"

    def make(self) -> None:
        """The folders; those that are there already are looked at."""
        with storage(self.root):
            for folder in (self.root, self.images, self.annotations, self.incoming):
                make_folders(folder)
        self.refuse_strange()

    def refuse_strange(self) -> None:
        """StorageError for a link, a pipe or a folder where a file of ours should be."""
        for folder in (self.images, self.annotations, self.incoming):
            _must_be(folder, stat.S_ISDIR, "a folder")
        wal = [self.index.with_name(self.index.name + end) for end in ("-wal", "-shm", "-journal")]
        for file in (self.manifest, self.acknowledged, self.ontology, self.metadata, self.coco, self.index, self.lock, *wal):
            _must_be(file, stat.S_ISREG, "a file")


def _must_be(path: Path, is_it: object, what: str) -> None:
    with storage(path):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return
    if not callable(is_it) or not is_it(mode):
        raise StorageError(f"{path}: is not {what}; a data set holds no links and no pipes: remove it")


def checked(image_id: str) -> str:
    """An image's id, which is also a file's name; ProtocolError for anything else."""
    if not ID.fullmatch(image_id):
        raise ProtocolError(f"image id {image_id[:80]!r}: is not 64 hex digits; it is made by `image_id`")
    return image_id


def open_regular(path: Path) -> int:
    """A descriptor for reading; StorageError for what is not a plain file."""
    with storage(path):
        handle = os.open(path, READ)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise StorageError(f"{path}: is not a plain file; remove it")
        return handle


def read_small(path: Path, limit: int = LARGEST_FILE) -> bytes:
    """The whole of a file that cannot be larger than `limit` bytes."""
    with storage(path), os.fdopen(open_regular(path), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise StorageError(f"{path}: more than {limit} bytes; it is not one of ours: remove it")
    return data
