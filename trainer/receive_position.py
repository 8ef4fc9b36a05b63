"""Positions: who we are to the boxes, and how far we have everything of each of their data sets; durable, beside the data."""

from __future__ import annotations

import secrets
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import StorageError
from contracts.files import write_durably
from contracts.shipment import RECEIVER, Received
from dataset.layout import read_small

LARGEST = 4096
NOTHING = sha256(b"").hexdigest()


class Positions:
    """Below `received/` of the data set, so that a new data set is a new receiver and gets everything again."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "received"
        self.receiver = self._identity()

    def _identity(self) -> str:
        path = self._folder / "receiver"
        if not path.exists():
            write_durably(path, secrets.token_hex(16).encode())
        name = read_small(path, LARGEST).decode("ascii", "replace").strip()
        if len(name) != 32 or set(name) - set("0123456789abcdef"):
            raise StorageError(f"{path}: is not {RECEIVER}; delete it, and boxes will be asked for everything again")
        return name

    def _path(self, device: str, dataset: str) -> Path:
        return self._folder / f"{device}-{dataset[:16]}.json"

    def of(self, device: str, dataset: str) -> Received:
        """The beginning, where nothing is known; so too for a file that cannot be read: what is here already is not fetched again."""
        path = self._path(device, dataset)
        beginning = Received(device=device, dataset=dataset, upto=0, behind=NOTHING)
        if not path.exists():
            return beginning
        try:
            found = Received.model_validate_json(read_small(path, LARGEST))
        except (ValidationError, RecursionError):
            return beginning
        return found if (found.device, found.dataset) == (device, dataset) else beginning

    def save(self, at: Received) -> None:
        write_durably(self._path(at.device, at.dataset), at.model_dump_json().encode())
