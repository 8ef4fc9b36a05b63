"""Trust: what of the repository's metadata may be believed; rules only, no disk, no network, no clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from pydantic import ValidationError
from tuf.api import exceptions as tuf
from tuf.api._payload import Root, Signed, Snapshot, TargetFile, Targets
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet  # its rules; files and clock are ours: see metadata.py
from tuf.ngclient.config import EnvelopeType

from contracts.envelope import first_fault
from contracts.update import ASSIGNMENT_KEYS, RELEASE, AssignmentKeys, ConfigRevision, Model, Release, UpdateCode
from device.update.refusal import Refusal

MAX_BYTES: Mapping[str, int] = {"root": 512_000, "timestamp": 16_384, "snapshot": 2_000_000, "targets": 8_000_000}
MAX_ROOTS = 256  # rotations in one go
HIGHEST = (1 << 53) - 1  # of a version: what databases, names of files and every reader of JSON take for a number


class Trust:
    """Root, timestamp, snapshot, targets, in this order. `floors` are versions by `floor_name`; `now` decides what is expired."""

    def __init__(self, root: bytes, floors: Mapping[str, int], now: datetime) -> None:
        self._floors, self._now = floors, now
        with judged("root", "E_SIG"):
            self._set = TrustedMetadataSet(root, EnvelopeType.METADATA)
        _each_key_once(self._set.root)
        self._set.reference_time = now

    @property
    def root_version(self) -> int:
        return self._set.root.version

    def root(self, data: bytes) -> None:
        """The next one: signed by the one before and by itself."""
        with judged("root", "E_ROLLBACK"):
            _each_key_once(self._set.update_root(data))

    def at(self, now: datetime) -> None:
        """The time by which what follows is judged."""
        self._now = self._set.reference_time = now

    def timestamp(self, data: bytes) -> bool:
        """Whether it is newer than the one before. Refusal for one below the floor: no cache is needed to know a replay."""
        self._above("root", self._set.root)
        if self._set.root.is_expired(self._now):
            raise Refusal("E_FREEZE", "root: has expired; sign the next one in the key ceremony and publish it, or see to the clock")
        new = True
        with judged("timestamp", "E_ROLLBACK"):
            try:
                self._set.update_timestamp(data)
            except tuf.EqualVersionNumberError:  # nothing new is no fault; what it is equal to may be one
                new = False
        found = self._set.timestamp
        self._above("timestamp", found)
        name = self.floor_name("snapshot")
        _countable("snapshot", found.snapshot_meta.version)
        if found.snapshot_meta.version < self._floors.get(name, 0):
            raise _below("snapshot", found.snapshot_meta.version, self._floors[name])
        return new

    @property
    def snapshot_wanted(self) -> tuple[int, int]:
        """Version and length at most."""
        meta = self._set.timestamp.snapshot_meta
        return meta.version, min(meta.length or MAX_BYTES["snapshot"], MAX_BYTES["snapshot"])

    def snapshot(self, data: bytes) -> Snapshot:
        with judged("snapshot", "E_MIX"):
            found = self._set.update_snapshot(data)
        self._above("snapshot", found)
        return found

    @property
    def targets_wanted(self) -> tuple[int, int]:
        meta = self._set.snapshot.meta.get("targets.json")
        if meta is None:
            raise Refusal("E_MIX", "snapshot: does not name targets.json; publish the repository again")
        _countable("targets", meta.version)
        return meta.version, min(meta.length or MAX_BYTES["targets"], MAX_BYTES["targets"])

    def targets(self, data: bytes) -> Targets:
        with judged("targets", "E_MIX"):
            found = self._set.update_targets(data)
        self._above("targets", found)
        return found

    def floor_name(self, role: str) -> str:
        """Of the role under the keys it has now. Root's chain is one, whatever its keys."""
        if role == "root":
            return role
        keys = ",".join(sorted(self._set.root.roles[role].keyids))
        return f"{role}:{hashlib.sha256(keys.encode()).hexdigest()[:16]}"

    def reached(self) -> dict[str, int]:
        """The floors that everything verified here sets."""
        roles: dict[str, Signed] = {
            "root": self._set.root, "timestamp": self._set.timestamp, "snapshot": self._set.snapshot, "targets": self._set.targets,
        }  # fmt: skip
        return {self.floor_name(role): signed.version for role, signed in roles.items()}

    @property
    def ends(self) -> datetime:
        """When the first of what was verified expires."""
        return min(each.expires for each in (self._set.root, self._set.timestamp, self._set.snapshot, self._set.targets))

    def released(self) -> Released:
        return Released(dict(self._set.targets.targets))

    def _above(self, role: str, signed: Signed) -> None:
        _countable(role, signed.version)
        floor = self._floors.get(self.floor_name(role), 0)
        if signed.version < floor:
            raise _below(role, signed.version, floor)


class Released:
    """The verified targets: what may run, here or anywhere."""

    def __init__(self, targets: Mapping[str, TargetFile]) -> None:
        self._targets = targets

    def release(self, model: Model) -> Release:
        """What an assignment names, as it was released; Refusal when it was not, or is another."""
        target = self._found(model.target, model.sha256, model.length)
        with said(model.target):
            release = Release.model_validate_json(str(_custom(target).get(RELEASE, "")))
        if release.size != model.length:
            raise Refusal("E_SIZE", f"{model.target}: its chunks are {release.size} bytes, it has {model.length}; release it again")
        if (release.digest, release.name, release.version) != (model.digest, model.name, model.version):
            raise Refusal("E_MIX", f"{model.target}: was released as {release.name} {release.version} {release.digest}; assign that")
        return release

    def config(self, revision: ConfigRevision) -> TargetFile:
        return self._found(revision.target, revision.sha256, revision.length)

    def assignment_keys(self) -> AssignmentKeys | None:
        target = self._targets.get(ASSIGNMENT_KEYS)
        if target is None:
            return None
        with said(ASSIGNMENT_KEYS):
            return AssignmentKeys.model_validate(_custom(target))

    def _found(self, name: str, sha256: str, length: int) -> TargetFile:
        target = self._targets.get(name)
        if target is None:
            raise Refusal("E_SIG", f"{name}: is not among the released targets; release it first, who assigns can only choose among those")
        if target.hashes.get("sha256") != sha256 or target.length != length:
            raise Refusal("E_MIX", f"{name}: was released with other bytes than are assigned; assign what was released")
        return target


def _custom(target: TargetFile) -> Mapping[str, object]:
    return target.custom if isinstance(target.custom, dict) else {}


@contextmanager
def said(name: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise Refusal("E_HOSTILE", f"{name}: what was released with it cannot be read: {first_fault(error)}; release it again") from error


@contextmanager
def judged(role: str, bad_version: UpdateCode) -> Iterator[None]:
    """The seam to python-tuf: each of its errors becomes a refusal with a code."""
    try:
        yield
    except tuf.RepositoryError as error:
        raise _refusal(role, bad_version, error) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:  # of metadata that is hardly metadata
        raise Refusal("E_HOSTILE", f"{role}: cannot be read ({type(error).__name__}); publish the repository again") from error


def _refusal(role: str, bad_version: UpdateCode, error: tuf.RepositoryError) -> Refusal:
    if isinstance(error, tuf.UnsignedMetadataError):
        return Refusal("E_SIG", f"{role}: is not signed by enough of its keys ({error}); see who wrote to the repository")
    if isinstance(error, tuf.ExpiredMetadataError):
        return Refusal("E_FREEZE", f"{role}: has expired; publish the repository again, or see who holds its answers back")
    if isinstance(error, tuf.LengthOrHashMismatchError):
        return Refusal("E_MIX", f"{role}: is not the one that belongs with the others ({error}); publish the repository again")
    if isinstance(error, tuf.BadVersionNumberError):
        return Refusal(bad_version, f"{role}: {error}; see who serves old metadata")
    if bad_version == "E_MIX" and "missing info" in str(error):
        return Refusal("E_MIX", f"{role}: {error}; publish the repository again")
    return Refusal("E_HOSTILE", f"{role}: cannot be read ({str(error)[:200]}); publish the repository again")


def _countable(role: str, version: int) -> None:
    """Whoever holds an online key may write any number there is."""
    if version > HIGHEST:
        raise Refusal("E_HOSTILE", f"{role}: its version is beyond {HIGHEST}; take the key away that signed it, and publish anew")


def _each_key_once(root: Root) -> None:
    """A key under two names would sign for two."""
    for name, role in root.roles.items():
        known = [str(root.keys[keyid].keyval.get("public", "")).lower() for keyid in role.keyids if keyid in root.keys]
        if len(set(known)) < len(known):
            raise Refusal("E_HOSTILE", f"root: names one key twice for {name}, so that it would sign for two; hold the key ceremony again")


def _below(role: str, version: int, floor: int) -> Refusal:
    return Refusal("E_ROLLBACK", f"{role}: version {version}, this box has seen {floor} already; see who serves old metadata")
