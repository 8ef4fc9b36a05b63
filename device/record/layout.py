"""Where clips are: `clips/<camera>/<day>/<time>Z-<id>.mp4` with its manifest beside it; names are made of capture time."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from contracts.clip import Clip
from contracts.files import file_name, refuse_links, storage, write_durably
from device.record.clipfile import PART

VIDEOS = (".mp4", ".mkv")
BLOCK_BYTES = 1 << 20


def clips_folder(data: Path) -> Path:
    return data / "clips"


def salvage_folder(data: Path) -> Path:
    return data / "salvage"


def clip_path(data: Path, camera: str, start: datetime, clip: UUID, container: str) -> Path:
    """The whole path of the finished clip; StorageError when a link would lead it out of the data folder."""
    name = f"{start:%H%M%S}.{start.microsecond // 1000:03d}Z-{clip.hex[:8]}.{container}"
    day = clips_folder(data) / file_name(camera) / f"{start:%Y-%m-%d}"
    refuse_links(data, day)
    return day / name


def video_of(clip: Clip) -> str:
    """Where a clip's video lies, relative to the data folder, as `clip_path` has it."""
    return f"clips/{file_name(clip.camera)}/{clip.start:%Y-%m-%d}/{clip.file}"


def part_of(video: Path) -> Path:
    return video.with_name(video.name + PART)


def manifest_of(video: Path) -> Path:
    return video.with_suffix(".json")


def write_manifest(video: Path, clip: Clip) -> None:
    write_durably(manifest_of(video), clip.model_dump_json(indent=1).encode() + b"\n")


def sized(video: Path) -> tuple[int, str]:
    """Bytes and SHA-256 of a file."""
    digest, size = sha256(), 0
    with storage(video), video.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()
