"""Files of the data folder as a visitor may have them: inside it, no links, finished, of the kinds the page knows."""

from __future__ import annotations

from pathlib import Path

from contracts import files
from contracts.errors import ProtocolError, StorageError

KINDS = {".jpg": "image/jpeg", ".png": "image/png", ".mp4": "video/mp4", ".mkv": "video/x-matroska", ".json": "application/json"}


def readable(folder: Path, relative: str) -> Path | None:
    """The file, or None: it would lead out of the folder, is hidden, unfinished, of another kind, or not there."""
    try:
        path = files.inside(folder, relative)
        files.refuse_links(folder, path)  # one that stays inside could still give the journal another name
    except (ProtocolError, StorageError, OSError):
        return None
    hidden = any(name.startswith(".") for name in relative.split("/"))
    return path if not hidden and path.suffix in KINDS and path.is_file() else None
