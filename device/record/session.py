"""Sessions: the folders of one sitting each, numbered by day, from the first take to a command, idleness or the end."""

from __future__ import annotations

import logging
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import StorageError
from contracts.files import make_folders, storage, sync_folder, write_durably
from contracts.session import SessionManifest
from device.pipeline.zone import Zone
from device.record.session_calibration import Size, copy_calibration, roi_of
from device.record.session_options import SessionOptions

log = logging.getLogger(__name__)
MANIFEST = "manifest.json"
CALIBRATION = "calibration"
MOST_MANIFEST_BYTES = 16 << 20
DIGITS = 5  # of a number that the next one is counted on from: a name may have six


@dataclass(frozen=True, slots=True)
class About:
    """What is true of every session of this run."""

    cameras: tuple[str, ...]
    camera: str  # whose frames begin takes
    zones: Mapping[str, Mapping[str, Zone]]
    config_hash: str = ""
    device: str = ""
    software: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a take goes and what it is called."""

    session_id: str
    pitch_id: str
    folder: Path


class Sessions:
    """One thread. StorageError where the disk refuses; nothing is half begun then that stands in the way of the next try."""

    def __init__(self, root: Path, calibration: Path, options: SessionOptions, about: About, wall_ns: Callable[[], datetime]) -> None:
        self.root, self._calibration, self._options, self._about, self._now = root, calibration, options, about, wall_ns
        self.open: SessionManifest | None = None
        self._taken_mono_ns = 0
        self.faults: list[str] = []

    def place(self, start: datetime, mono_ns: int, sizes: Mapping[str, Size]) -> Placed:
        """A folder of its own for a take that begins now; it begins a session where none is open."""
        session = self.open or self._begin(start, sizes)
        number = len(session.takes) + 1
        with storage(self._folder(session)):
            while (folder := self._folder(session) / f"{session.session_id}-{session.kind}-{number:03d}").exists():
                number += 1
            folder.mkdir()
            sync_folder(folder.parent)
        self.open = session.model_copy(update={"takes": [*session.takes, folder.name]})
        self._keep(self.open)
        self._taken_mono_ns = mono_ns
        return Placed(session.session_id, folder.name, folder)

    def _folder(self, session: SessionManifest) -> Path:
        return self.root / session.session_id

    def _begin(self, start: datetime, sizes: Mapping[str, Size]) -> SessionManifest:
        options, about = self._options, self._about
        folder = new_folder(self.root, start)
        roi = roi_of(about.zones, sizes, about.camera, options.lane_gate, options.plate_gate)
        stored, self.faults = copy_calibration(self._calibration, folder / CALIBRATION, about.cameras, roi)
        session = SessionManifest(
            session_id=folder.name,
            kind=options.kind,
            state="open",
            start=start,
            cameras=list(about.cameras),
            calibrated=options.calibrated,
            calibration=stored,
            config_hash=about.config_hash,
            device=about.device,
            software=about.software,
        )
        self._keep(session)
        self.open = session
        log.info("session begun", extra={"session": session.session_id})
        return session

    def _keep(self, session: SessionManifest) -> None:
        write_session(self._folder(session), session)

    def active(self, mono_ns: int) -> None:
        self._taken_mono_ns = max(self._taken_mono_ns, mono_ns)

    def idle(self, mono_ns: int) -> bool:
        """A session is open and there was no take for long."""
        return self.open is not None and mono_ns - self._taken_mono_ns > self._options.session_idle_min * 60e9

    def end(self, reason: str) -> str | None:
        """Its id; None: there was none open. It is over even where the disk refuses to keep that."""
        session, self.open = self.open, None
        if session is None:
            return None
        log.info("session ended", extra={"session": session.session_id, "reason": reason, "takes": len(session.takes)})
        self._keep(session.model_copy(update={"state": "complete", "end": max(session.start, self._now()), "reason": reason}))
        return session.session_id


def new_folder(root: Path, start: datetime) -> Path:
    """`session-<day>_<number>`, the next of its day, UTC; two that ask at once get different ones."""
    with storage(root):
        make_folders(root)
        prefix = f"session-{start.astimezone(timezone.utc):%Y-%m-%d}_"
        taken = [path.name[len(prefix) :] for path in root.iterdir() if path.name.startswith(prefix)]
        number = max((int(text) for text in taken if text.isdecimal() and len(text) <= DIGITS), default=0) + 1
        while True:
            folder = root / f"{prefix}{number:03d}"
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
                continue
            sync_folder(root)
            return folder


def write_session(folder: Path, session: SessionManifest) -> None:
    write_durably(folder / MANIFEST, session.model_dump_json(indent=1).encode() + b"\n")


def read_session(folder: Path) -> SessionManifest | None:
    """None: there is none that can be read."""
    path = folder / MANIFEST
    try:
        found = path.stat()
        if found.st_size > MOST_MANIFEST_BYTES or not stat.S_ISREG(found.st_mode):
            return None
        return SessionManifest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror}); see the disk's state") from error
