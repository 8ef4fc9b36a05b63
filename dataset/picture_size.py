"""The size of a picture from the first bytes of its file; nothing is decoded, so nothing can blow up."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from dataset.bounds import ItemError

SEGMENTS = 500  # of a JPEG, before its frame header
SOF = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
KINDS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"}


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels as they are stored; ItemError when the file is no picture we know."""
    return picture_head(path)[1:]


def picture_head(path: Path) -> tuple[str, int, int]:
    """Kind (jpeg, png, bmp, gif, webp), width and height."""
    try:
        with path.open("rb") as file:
            found = _head(file)
    except OSError as error:
        raise ItemError("picture", f"{path}: {error.strerror}; is it there, and readable?") from error
    if found is None:
        raise ItemError("picture", f"{path}: is no JPEG, PNG, BMP, GIF or WebP, or is damaged; replace it")
    return found


def _head(file: BinaryIO) -> tuple[str, int, int] | None:
    head = file.read(30)
    if head.startswith(b"\xff\xd8"):
        file.seek(2)
        return _jpeg(file)
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        return ("png", *struct.unpack(">II", head[16:24]))
    if head.startswith((b"GIF87a", b"GIF89a")) and len(head) >= 10:
        return ("gif", *struct.unpack("<HH", head[6:10]))
    if head.startswith(b"BM") and len(head) >= 26:
        width, height = struct.unpack("<ii", head[18:26])
        return ("bmp", width, abs(height))
    return _webp(head) if head[:4] == b"RIFF" and head[8:12] == b"WEBP" and len(head) == 30 else None


def _jpeg(file: BinaryIO) -> tuple[str, int, int] | None:
    for _ in range(SEGMENTS):
        marker = file.read(2)
        while len(marker) == 2 and marker[0] == 0xFF and marker[1] == 0xFF:  # fill bytes
            marker = marker[1:] + file.read(1)
        if len(marker) < 2 or marker[0] != 0xFF:
            return None
        head = file.read(2)
        if len(head) < 2:
            return None
        if marker[1] in SOF:
            frame = file.read(5)
            if len(frame) < 5:
                return None
            height, width = struct.unpack(">HH", frame[1:])
            return ("jpeg", width, height)
        file.seek(max(int.from_bytes(head, "big") - 2, 0), 1)
    return None


def _webp(head: bytes) -> tuple[str, int, int] | None:
    chunk = head[12:16]
    if chunk == b"VP8X":
        return ("webp", 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little"))
    if chunk == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return ("webp", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return ("webp", width & 0x3FFF, height & 0x3FFF)
    return None
