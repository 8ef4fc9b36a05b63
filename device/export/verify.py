"""Verifying a session that was exported: every file there, whole, and in agreement with the others; what is not, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from contracts.calibration import Intrinsics, calibration_files
from contracts.errors import ProtocolError
from contracts.files import file_name, inside
from contracts.session import SessionManifest
from contracts.wire import Wire
from device.export.key_frames import Frames
from device.export.verify_take import TakeCheck
from device.findings import Finding

MOST_JSON_BYTES = 256 << 20
W = TypeVar("W", bound=Wire)
RERUN = "start the box once more, which closes what a crash left; else record it again"


@dataclass
class Report:
    """Findings by file, relative to the session's folder."""

    root: Path
    found: list[Finding]

    def error(self, path: Path, text: str, mend: str) -> None:
        self.found.append(Finding(self.name(path), "error", text, mend))

    def note(self, path: Path, text: str) -> None:
        self.found.append(Finding(self.name(path), "note", text))

    def name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix() if path != self.root else "."

    def file(self, path: Path, mend: str) -> Path | None:
        """A plain file below the session's folder; else it is said why not."""
        try:
            inside(self.root, path.relative_to(self.root).as_posix())
        except ProtocolError as error:
            self.error(path, str(error).partition("; ")[0], "remove the link; nothing outside of the session counts")
            return None
        if path.is_symlink():
            self.error(path, "is a link", "put the file itself there; nothing outside of the session counts")
        elif not path.exists():
            self.error(path, "is missing", mend)
        elif not path.is_file():
            self.error(path, "is no file", mend)
        else:
            return path
        return None

    def read(self, path: Path, model: type[W], mend: str) -> W | None:
        """A JSON file; what is wrong with it is said."""
        if self.file(path, mend) is None:
            return None
        try:
            if path.stat().st_size > MOST_JSON_BYTES:
                self.error(path, "is larger than any such file can be", mend)
                return None
            return model.model_validate_json(path.read_bytes())
        except OSError as error:
            self.error(path, f"cannot be read: {error.strerror}", "see the disk's state and the file's rights")
        except ValidationError as error:
            for fault in error.errors()[:5]:
                where = ".".join(map(str, fault["loc"]))[:200]
                self.error(path, f"{where + ': ' if where else ''}{str(fault['msg'])[:300]}", mend)
        except RecursionError:
            self.error(path, "is nested too deeply", mend)
        return None


def verify_session(root: Path, frames: Frames) -> list[Finding]:
    """Empty of errors: the session is whole. `frames` decodes a video."""
    report = Report(root, [])
    session = report.read(root / "manifest.json", SessionManifest, "is this a session's folder? " + RERUN)
    takes = _take_folders(report, session)
    if session:
        _session(report, session)
        _calibration(report, session)
    for folder in takes:
        TakeCheck(report, folder, session, frames).run()
    if not any(finding.level == "error" for finding in report.found):
        kind = session.kind if session else "take"
        report.found.append(Finding(".", "ok", f"{root.name}: {len(takes)} {kind} take(s), every file is there and agrees"))
    return report.found


def _session(report: Report, session: SessionManifest) -> None:
    path = report.root / "manifest.json"
    if session.session_id != report.root.name:
        report.error(path, f"session_id is {session.session_id}, and the folder is {report.root.name}", "give the folder its name back")
    if session.state == "open":
        report.error(path, "the session is still open", "end it (command end_session, or stop the box), then verify it again")
    if session.end is not None and session.end < session.start:
        report.error(path, "it ends before it starts", "set the box's clock; the times of this session cannot be trusted")


def _take_folders(report: Report, session: SessionManifest | None) -> list[Path]:
    """Those of the manifest and those that are there; a take in one and not in the other is a fault."""
    there = {path.name for path in report.root.iterdir() if path.is_dir() and path.name.startswith(f"{report.root.name}-")}
    listed = session.takes if session else sorted(there)
    for name in listed:
        if name not in there:
            report.error(report.root / name, "this take's folder is missing", "copy it again from the box, or record the session again")
    for name in sorted(there - set(listed)):
        report.error(report.root / name, "is not in the session's manifest", RERUN)
    for name in {name for name in listed if listed.count(name) > 1}:
        report.error(report.root / "manifest.json", f"names {name} twice", RERUN)
    if session and not listed:
        report.error(report.root / "manifest.json", "the session has no take", "record one, or delete the folder")
    return [report.root / name for name in sorted(there)]


def _calibration(report: Report, session: SessionManifest) -> None:
    folder = report.root / "calibration"
    hashes = {each.file: each.sha256 for each in session.calibration}
    files = calibration_files(session.cameras)
    own = {f"intrinsics_{file_name(camera)}.json": camera for camera in session.cameras}
    for name, model in files.items():
        path = folder / name
        if name not in hashes and session.calibrated == "none" and not path.exists():
            continue
        mend = "calibrate, put the file into the box's calibration folder and record again" if name not in hashes else "copy it again"
        read = report.read(path, model, mend)
        if read is None:
            continue
        if hashes.get(name) != sha256(path.read_bytes()).hexdigest():
            report.error(path, "is not the file that the session began with: its hash is another", "copy it again from the box")
        if isinstance(read, Intrinsics) and read.camera_id != own[name]:
            report.error(path, f"camera_id is {read.camera_id}, and the file is of {own[name]}", "calibrate that camera again")
    for name in sorted(set(hashes) - set(files)):
        report.error(report.root / "manifest.json", f"names {name}, which no calibration has", RERUN)
