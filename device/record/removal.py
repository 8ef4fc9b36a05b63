"""Removal: a clip's files go in an order that can be taken up again after a cut at any instant."""

from __future__ import annotations

from pathlib import Path

from contracts.files import storage, sync_folder
from device.record.keep import keep_of
from device.record.layout import manifest_of


def remove_files(video: Path) -> int:
    """Manifest, video and what lies beside them; the bytes that became free. What is gone already is no error.

    The manifest goes first: a video without one is known as unfinished business, a manifest without its video says nothing.
    """
    freed = 0
    with storage(video):
        for path in (manifest_of(video), video, keep_of(video)):
            freed += _unlinked(path)
        if video.parent.is_dir():
            sync_folder(video.parent)
    return freed


def _unlinked(path: Path) -> int:
    try:
        size = path.lstat().st_size
        path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return 0
    return size
