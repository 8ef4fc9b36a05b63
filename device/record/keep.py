"""Keep: a small file beside a clip says that it is never to be removed; it survives whatever happens to the index."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from contracts.files import storage, sync_folder, write_durably
from contracts.wire import Utc, Wire

KEEP = ".keep"


class Keep(Wire):
    """What is in the file; that it is there is what counts."""

    version: int = 1
    since: Utc = Field(description="when it was asked for")


def keep_of(video: Path) -> Path:
    return video.with_suffix(KEEP)


def is_kept(video: Path) -> bool:
    """True as well where it cannot be known: what may be wanted is not removed."""
    try:
        keep_of(video).lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def set_kept(video: Path, since: Utc) -> None:
    write_durably(keep_of(video), Keep(since=since).model_dump_json().encode() + b"\n")


def unset_kept(video: Path) -> None:
    path = keep_of(video)
    with storage(path):
        if path.is_symlink() or path.exists():
            path.unlink()
            sync_folder(path.parent)
