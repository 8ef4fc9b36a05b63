"""Static files: read once, found by their names alone, kept by browsers for ever under an address that changes with them."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json", ".map": "application/json"}
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    data: bytes
    kind: str
    etag: str


class StaticFiles:
    """All files below a folder. `/static/<digest of all>/name` never changes, so what modules import beside them is kept too."""

    def __init__(self, folder: Path) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        self._files = {path.relative_to(folder).as_posix(): _read(path) for path in paths}
        self.digest = sha256("".join(f"{name} {file.etag}\n" for name, file in self._files.items()).encode()).hexdigest()[:16]

    def url(self, name: str) -> str:
        """KeyError for one that is not there: a template that names it is wrong."""
        if name not in self._files:
            raise KeyError(f"static/{name} is not there")
        return f"/static/{self.digest}/{name}"

    def find(self, path: str) -> tuple[StaticFile | None, bool]:
        """The file, and whether its address says what is in it."""
        head, _, rest = path.partition("/")
        return (self._files.get(rest), True) if head == self.digest else (self._files.get(path), False)


def _read(path: Path) -> StaticFile:
    data = path.read_bytes()
    kind = KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return StaticFile(data, kind, f'"{sha256(data).hexdigest()[:16]}"')


STATIC = StaticFiles(Path(__file__).parent / "static")


def router(files: StaticFiles = STATIC) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/static/{path:path}")
    async def static(request: Request, path: str) -> Response:
        file, fixed = files.find(path)
        if file is None:
            raise HTTPException(404, "there is no such file")
        headers = {"ETag": file.etag, "Cache-Control": FOR_EVER if fixed else "no-cache"}
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers=headers)
        return Response(file.data, media_type=file.kind, headers=headers)

    return routes
