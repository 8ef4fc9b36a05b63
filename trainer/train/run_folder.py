"""RunFolder: `runs/<id>/`: its documents written durably, its progress line by line, one process at a time."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from contracts.envelope import first_fault
from contracts.errors import ConfigError, ProtocolError
from contracts.files import storage, sync_folder, write_durably
from contracts.run import EpochLine, Run
from dataset.layout import read_small
from trainer.home import Home, named

LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class RunFolder:
    """`close` lets go of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def progress(self) -> Path:
        return self.path / "progress.jsonl"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.safetensors"

    @property
    def best(self) -> Path:
        return self.path / "best.safetensors"

    def make(self) -> None:
        """ConfigError when it is there: no run uses the folder of another."""
        try:
            with storage(self.path):
                self.path.mkdir(parents=True)
                sync_folder(self.path.parent)
        except FileExistsError:
            raise ConfigError(f"{self.path}: is there already; a run is gone on with by --resume {self.path.name}") from None

    def lock(self) -> None:
        """Ends with the process, however it ends; ConfigError while another has it."""
        with storage(self.path):
            handle = os.open(self.path / "lock", LOCK, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise ConfigError(f"run {self.path.name}: another process works on it; wait for it, or stop it") from None
        self._lock = handle

    def close(self) -> None:
        if self._lock is not None:
            with suppress(OSError):
                os.close(self._lock)
            self._lock = None

    def write(self, run: Run) -> None:
        write_durably(self.path / "run.json", run.model_dump_json(indent=1).encode() + b"\n")

    def read(self) -> Run:
        path = self.path / "run.json"
        try:
            return Run.model_validate_json(read_small(path))
        except (ValidationError, RecursionError) as error:
            raise ProtocolError(f"{path}: is no run: {first_fault(error)}; bring it back from a copy") from error

    def lines(self) -> list[EpochLine]:
        """Whole lines; a torn last one was never told to anybody."""
        found: list[EpochLine] = []
        if not self.progress.exists():
            return found
        for text in read_small(self.progress).split(b"\n")[:-1]:
            with suppress(ValidationError):
                found.append(EpochLine.model_validate_json(text))
        return found

    def append(self, line: EpochLine) -> None:
        with storage(self.progress), self.progress.open("ab") as file:
            file.write(line.model_dump_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def settle(self, last: EpochLine | None) -> None:
        """The lines of a run that is resumed: those up to the epoch its checkpoint is of, that one among them."""
        before = [line for line in self.lines() if last is not None and line.epoch < last.epoch]
        kept = [*before, last] if last is not None else []
        write_durably(self.progress, b"".join(line.model_dump_json().encode() + b"\n" for line in kept))


def open_run(home: Home, name: str) -> RunFolder:
    """A run that is there, by its id or its path."""
    path = Path(name) if "/" in name else named(home.runs, name)
    if not (path / "run.json").is_file():
        raise ConfigError(f"run {name}: is not there; see the folders of {home.runs}")
    return RunFolder(path)
