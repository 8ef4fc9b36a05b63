"""Repository: what is released, as The Update Framework has it; what is not whole yet is named by nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tuf.api._payload import MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.metadata import Metadata

from contracts.errors import ConfigError
from contracts.files import inside, make_folders, rename_durably, storage, write_durably
from contracts.update import ASSIGNMENT_KEYS, CONFIG, RELEASE, AssignmentKeys, ConfigRelease, ConfigRevision, Facts, Model, Release
from contracts.wire import utc_from_ns
from dataset.layout import read_small
from trainer.clock import Clock
from trainer.push.keys import online_key, signed
from trainer.push.place import Place
from trainer.push.reading import MAX_BYTES, counts, read, verified
from trainer.registry.keys import SigningKey

ROLES = ("root", "targets", "snapshot", "timestamp")
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    role: str
    version: int
    expires: datetime
    keyids: tuple[str, ...]
    threshold: int


class Repository:
    """Files of a version are written before the one that names them, the timestamp last: a kill leaves the release before, whole."""

    def __init__(self, place: Place, clock: Clock, *, new: bool = False) -> None:
        """`new`: its ceremony is being held."""
        if not new:
            place.require()
        self._place, self._clock = place, clock

    def now(self) -> datetime:
        return utc_from_ns(self._clock.wall_ns()).replace(microsecond=0)

    # ---- what is there

    def root(self) -> Metadata[Root]:
        names = (path.name.removesuffix(".root.json") for path in self._place.metadata.glob("[0-9]*.root.json"))
        versions = [int(name) for name in names if name.isdecimal()]  # `1 (copy).root.json` is nobody's
        return read(self._place.metadata / f"{max(versions, default=1)}.root.json", "root", Root)

    def targets(self) -> Metadata[Targets]:
        version = self.snapshot().signed.meta["targets.json"].version
        return verified(read(self._place.metadata / f"{version}.targets.json", "targets", Targets), "targets", self.root().signed)

    def snapshot(self) -> Metadata[Snapshot]:
        version = self.timestamp().signed.snapshot_meta.version
        return read(self._place.metadata / f"{version}.snapshot.json", "snapshot", Snapshot)

    def timestamp(self) -> Metadata[Timestamp]:
        return read(self._place.metadata / "timestamp.json", "timestamp", Timestamp)

    def standing(self) -> list[Standing]:
        root = self.root().signed
        signed_now = (root, self.targets().signed, self.snapshot().signed, self.timestamp().signed)
        return [
            Standing(role, each.version, each.expires, tuple(root.roles[role].keyids), root.roles[role].threshold)
            for role, each in zip(ROLES, signed_now, strict=True)
        ]

    def released(self) -> dict[str, Model]:
        """By target."""
        found = {}
        for name, target in self.targets().signed.targets.items():
            custom = target.custom or {}
            if RELEASE in custom:
                said = Release.model_validate_json(str(custom[RELEASE]))
                about = {"digest": said.digest, "name": said.name, "version": said.version}
                found[name] = Model(target=name, sha256=target.hashes["sha256"], length=target.length, **about)
        return found

    def facts(self, model: Model) -> Facts:
        """What was signed of it."""
        return Release.model_validate_json(str((self.targets().signed.targets[model.target].custom or {})[RELEASE])).facts

    def configs(self) -> dict[str, ConfigRevision]:
        """By target."""
        found = {}
        for name, target in self.targets().signed.targets.items():
            if CONFIG in (target.custom or {}):
                said = ConfigRelease.model_validate_json(str((target.custom or {})[CONFIG]))
                found[name] = ConfigRevision(rev=said.rev, target=name, sha256=target.hashes["sha256"], length=target.length)
        return found

    def everything(self) -> dict[str, Model | ConfigRevision]:
        """That boxes may be told to run, by target."""
        return {**self.released(), **self.configs()}

    def assignment_keys(self) -> AssignmentKeys:
        return AssignmentKeys.model_validate(self.targets().signed.targets[ASSIGNMENT_KEYS].custom)

    # ---- what changes it; each of them alone

    def release(self, file: Path, sha256: str, release: Release, key: SigningKey) -> Model:
        """The file becomes a target. What it was released as before, it stays."""
        name = f"models/{release.name}/{release.name}-{release.version}-{sha256[:12]}.vdb"
        model = Model(target=name, digest=release.digest, sha256=sha256, length=release.size, name=release.name, version=release.version)
        with self._place.alone():
            there = self.released()
            if there.get(name) == model:
                return model
            if (other := _taken(there, model)) is not None:
                raise ConfigError(f"{release.name} {release.version}: was released as {other.digest[:19]}; give this one another version")
            self._lay_down(file, self.file_of(model))
            target = TargetFile(model.length, {"sha256": sha256}, name, {"custom": {RELEASE: release.model_dump_json()}})
            self._publish({**self.targets().signed.targets, name: target}, key)
        return model

    def release_config(self, body: bytes, name: str, key: SigningKey) -> ConfigRevision:
        """The file becomes a target, under the next number of its name; the same file keeps the one it has."""
        sha256 = hashlib.sha256(body).hexdigest()
        with self._place.alone():
            mine = [each for target, each in self.configs().items() if target.startswith(f"configs/{name}/")]
            if same := next((each for each in mine if each.sha256 == sha256), None):
                return same
            rev = max((each.rev for each in mine), default=0) + 1
            said = ConfigRelease(name=name, rev=rev)
            target = f"configs/{name}/{name}-{rev}-{sha256[:12]}.yaml"
            place = inside(self._place.targets, f"configs/{name}/{sha256}.{target.rpartition('/')[2]}")
            write_durably(place, body, 0o644)
            file = TargetFile(len(body), {"sha256": sha256}, target, {"custom": {CONFIG: said.model_dump_json()}})
            self._publish({**self.targets().signed.targets, target: file}, key)
        return ConfigRevision(rev=rev, target=target, sha256=sha256, length=len(body))

    def withdraw(self, name: str, key: SigningKey) -> None:
        """No box begins with it any more; those that run it go on."""
        with self._place.alone():
            targets = dict(self.targets().signed.targets)
            if targets.pop(name, None) is None:
                raise ConfigError(f"{name}: is not released; `vedette-trainer push ls` names what is")
            self._publish(targets, key)

    def renew(self, key: SigningKey) -> None:
        """The same targets, signed for as long as if they were new."""
        with self._place.alone():
            self._publish(dict(self.targets().signed.targets), key)

    def refresh(self, within: timedelta = DAY) -> bool:
        """Snapshot and timestamp anew when the last are older than that; needs the online key alone."""
        with self._place.alone():
            if self.go_on():
                return True
            made = self.timestamp().signed.expires - timedelta(days=self._place.lives.fresh_days)
            if timedelta(0) <= self.now() - made < within:
                return False
            self.freshen()
            return True

    def file_of(self, model: Model) -> Path:
        folder, _, name = model.target.rpartition("/")
        return inside(self._place.targets, f"{folder}/{model.sha256}.{name}")

    # ---- with the place to oneself

    def publish_keys(self, keys: AssignmentKeys, key: SigningKey, others: Mapping[str, TargetFile], version: int) -> None:
        """Who may assign, as a target whose `custom` they are."""
        body = keys.model_dump_json().encode()
        target = TargetFile.from_data(ASSIGNMENT_KEYS, body, ["sha256"])
        target.unrecognized_fields = {"custom": keys.model_dump(mode="json")}
        write_durably(self._place.targets / "keys" / f"{target.hashes['sha256']}.assignment.json", body)
        self._publish({**others, ASSIGNMENT_KEYS: target}, key, version)

    def _publish(self, targets: Mapping[str, TargetFile], key: SigningKey, version: int | None = None) -> None:
        number = self.targets().signed.version + 1 if version is None else version
        self.lay(targets, key, number, self.root().signed)
        self.freshen(number)

    def lay(self, targets: Mapping[str, TargetFile], key: SigningKey, number: int, root: Root) -> None:
        """Signed as that root has it, and named by nothing until `freshen`."""
        until = self.now() + timedelta(days=self._place.lives.targets_days)
        metadata = Metadata(Targets(version=number, expires=until, targets=dict(targets)))
        data = signed(metadata, [key])
        verified(metadata, "targets", root)
        self._write(f"{number}.targets.json", "targets", data)

    def go_on(self) -> bool:
        """To the end of an exchange of keys that was broken off once root names the new ones; whether there was something to do."""
        folder, root = self._place.metadata, self.root().signed
        number = self.snapshot().signed.meta["targets.json"].version
        ahead = [counts(folder / f"{each}.targets.json", "targets", root) for each in (number, number + 1)] == [False, True]
        if not ahead and counts(folder / "timestamp.json", "timestamp", root):
            return False
        self.freshen(number + ahead)
        return True

    def freshen(self, targets: int | None = None) -> None:
        """Snapshot and timestamp over the targets of that version, or of the one that counts."""
        first = not (self._place.metadata / "timestamp.json").exists()
        number = targets if targets is not None else self.snapshot().signed.meta["targets.json"].version
        data = read_small(self._place.metadata / f"{number}.targets.json", MAX_BYTES["targets"])
        version = 1 if first else self.timestamp().signed.snapshot_meta.version + 1
        until, key = self.now() + timedelta(days=self._place.lives.fresh_days), online_key(self._place)
        meta = {"targets.json": MetaFile.from_data(number, data, ["sha256"])}
        snapshot = Metadata(Snapshot(version=version, expires=until, meta=meta))
        written = self._write(f"{version}.snapshot.json", "snapshot", signed(snapshot, [key]))
        verified(snapshot, "snapshot", self.root().signed)
        count = 1 if first else self.timestamp().signed.version + 1
        file = MetaFile.from_data(version, written, ["sha256"])
        timestamp = Metadata(Timestamp(version=count, expires=until, snapshot_meta=file))
        data = signed(timestamp, [key])
        verified(timestamp, "timestamp", self.root().signed)
        self._write("timestamp.json", "timestamp", data)

    def _write(self, name: str, role: str, data: bytes) -> bytes:
        if len(data) > MAX_BYTES[role]:
            raise ConfigError(f"{name}: {len(data)} bytes, boxes read {MAX_BYTES[role]}; withdraw releases that nobody runs any more")
        write_durably(self._place.metadata / name, data, 0o644)
        return data

    def _lay_down(self, file: Path, place: Path) -> None:
        temporary = place.with_name(f".{place.name}.tmp")
        with storage(place):
            make_folders(place.parent)
            shutil.copyfile(file, temporary)
            with temporary.open("rb") as copied:
                os.fsync(copied.fileno())
        rename_durably(temporary, place)


def _taken(there: Mapping[str, Model], model: Model) -> Model | None:
    return next((each for each in there.values() if (each.name, each.version) == (model.name, model.version)), None)
