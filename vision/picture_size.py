"""How large a picture says it is, before it is decoded: a few hundred bytes can stand for gigabytes."""

from __future__ import annotations

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8"
ALONE = {0x01, *range(0xD0, 0xD8)}  # JPEG markers without a length
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # those that say the size


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG or a JPEG; None: it is neither, or does not say."""
    if data.startswith(PNG) and data[12:16] == b"IHDR" and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    return _jpeg_size(data) if data.startswith(JPEG) else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = len(JPEG)
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in FRAMES:
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        if marker == 0xFF:  # fill
            at += 1
        else:
            at += 2 if marker in ALONE else 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return None
