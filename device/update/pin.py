"""Pin: the owner keeps a model, whatever is pushed."""

from __future__ import annotations

from pathlib import Path

from contracts.files import storage, sync_folder, write_durably


class Pin:
    """A small file in the box's data."""

    def __init__(self, data: Path) -> None:
        self._path = data / "update" / "pinned"

    def digest(self) -> str:
        """Of the model that is kept, or nothing."""
        try:
            return self._path.read_text().strip()
        except FileNotFoundError:
            return ""
        except (OSError, ValueError):
            return "?"  # somebody pinned something: nothing is replaced until that can be read

    def on(self, digest: str) -> None:
        write_durably(self._path, f"{digest}\n".encode(), 0o640, shared=True)

    def off(self) -> None:
        with storage(self._path):
            self._path.unlink(missing_ok=True)
            if self._path.parent.is_dir():
                sync_folder(self._path.parent)
