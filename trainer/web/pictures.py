"""Pictures: streamed by their digests, kept by the browser for ever, and shown as pictures only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from fastapi import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

CHUNK = 64 << 10
FOR_EVER = "private, max-age=31536000, immutable"
KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def picture_answer(file: BinaryIO, tag: str, request: Request) -> Response:
    """HTTPException for a file that is no picture: what boxes sent is never a page."""
    head = file.read(8)
    kind = next((kind for magic, kind in KINDS.items() if head.startswith(magic)), None)
    headers = {"ETag": f'"{tag}"', "Cache-Control": FOR_EVER, "Content-Disposition": "inline"}
    if kind is None or request.headers.get("if-none-match") == f'"{tag}"':
        file.close()
        if kind is None:
            raise HTTPException(404, "that is no picture")
        return Response(status_code=304, headers=headers)
    return StreamingResponse(_pieces(head, file), media_type=kind, headers=headers)


def _pieces(head: bytes, file: BinaryIO) -> Iterator[bytes]:
    with file:
        yield head
        while piece := file.read(CHUNK):
            yield piece
