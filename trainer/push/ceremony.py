"""Ceremony: keys begun, exchanged and taken back. Root's lie in folders of their own, which are brought for it and taken away again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tuf.api._payload import Root, TargetFile
from tuf.api.metadata import Metadata

from contracts.dsse import PublicKey
from contracts.errors import ConfigError
from contracts.files import make_folders, storage, write_durably
from contracts.update import ASSIGNMENT_KEYS, AssignmentKeys
from contracts.wire import utc_from_ns
from trainer.clock import Clock
from trainer.home import Home
from trainer.push.keys import (
    ASSIGNMENT,
    ONLINE,
    TARGETS,
    assignment_key,
    make_open_key,
    make_root_key,
    note_gone,
    root_keys,
    signed,
    targets_key,
    tuf_key,
)
from trainer.push.place import Lives, Place
from trainer.push.repository import Repository
from trainer.registry.keys import PUBLIC, SECRET, SigningKey, read_public, seal_key

ROTATED = ("root", TARGETS, ONLINE, ASSIGNMENT)
ONLINE_ROLES = ("snapshot", "timestamp")


@dataclass(frozen=True, slots=True)
class Brought:
    """What people bring to a ceremony: folders with root keys, and what they know by heart."""

    folders: Sequence[Path] = ()
    root: str = ""
    targets: str = ""


def init(home: Home, clock: Clock, brought: Brought, threshold: int = 1, lives: Lives | None = None) -> Place:
    """A root key in each folder, the others in the home; an empty repository. ConfigError where there is one."""
    place = Place(home)
    if place.begun:
        raise ConfigError(f"{place.path}: has its keys already; boxes believe those. Exchange one with `vedette-trainer keys rotate`")
    if not 1 <= threshold <= len(brought.folders):
        raise ConfigError(f"threshold {threshold}: needs as many root keys; give --root FOLDER for each, you gave {len(brought.folders)}")
    for folder in brought.folders:
        _apart(place, folder)
    lives = lives or Lives()
    place.make(lives)
    with place.alone():
        keys = [_root_key(folder, brought.root) for folder in brought.folders]
        online = make_open_key(place.keys / f"{ONLINE}{SECRET}")
        targets = _sealed(place, brought.targets)
        assigning = make_open_key(place.keys / f"{ASSIGNMENT}{SECRET}")
        expires = utc_from_ns(clock.wall_ns()).replace(microsecond=0) + timedelta(days=lives.root_days)
        root = Root(version=1, expires=expires, consistent_snapshot=True)
        for key in keys:
            root.add_key(tuf_key(key.public), "root")
        root.roles["root"].threshold = threshold
        root.add_key(tuf_key(targets), TARGETS)
        for role in ONLINE_ROLES:
            root.add_key(tuf_key(online.public), role)
        _publish_root(place, root, keys, brought.folders)
        _first(place, clock, targets_key(place, brought.targets), AssignmentKeys(version=1, keys=[assigning.public]))
    return place


def rotate(home: Home, clock: Clock, role: str, brought: Brought) -> list[str]:
    """A new key for the role; ids of those that count no more. Boxes follow from the root they have, whatever they missed."""
    place = Place(home)
    place.require()
    if role == ASSIGNMENT:
        return _assignment(place, clock, brought)
    repository = Repository(place, clock)
    with place.alone():
        with suppress(ConfigError):  # a key that is lost is exchanged all the same
            repository.go_on()
        old = repository.root()
        holders = root_keys(brought.folders, old.signed.roles["root"].keyids, brought.root)
        _enough(len(holders), old.signed)
        root = old.signed
        signing = [key for _, key in holders]
        if role == "root":
            return _new_roots(place, repository, root, holders, brought)
        roles = (TARGETS,) if role == TARGETS else ONLINE_ROLES
        before = list(root.roles[roles[0]].keyids)
        made = _new_key(place, role, brought)
        for each in roles:
            for keyid in before:
                root.revoke_key(keyid, each)
            root.add_key(tuf_key(made), each)
        listed = repository.targets().signed
        if role == TARGETS:  # before root names its key: broken off behind that, `go_on` finds it
            repository.lay(listed.targets, targets_key(place, brought.targets), listed.version + 1, root)
        _next_root(place, repository, root, signing, brought.folders)
        repository.freshen(listed.version + (role == TARGETS))
    return before


def revoke(home: Home, clock: Clock, keyid: str, why: str, brought: Brought) -> str:
    """The key of that id, or of a beginning of it, is taken out, another in its place; its role. ConfigError: no key that counts."""
    place = Place(home)
    place.require()
    with place.alone(), suppress(ConfigError):
        Repository(place, clock).go_on()
    role, whole = _role_of(place, Repository(place, clock), keyid)
    now = utc_from_ns(clock.wall_ns())
    gone = _revoke_root(place, clock, whole, brought) if role == "root" else rotate(home, clock, role, brought)
    for each in gone:
        note_gone(place, each, role, why, now)
    return role


def _assigning(targets: Mapping[str, TargetFile]) -> AssignmentKeys:
    return AssignmentKeys.model_validate(targets[ASSIGNMENT_KEYS].custom)


def _role_of(place: Place, repository: Repository, keyid: str) -> tuple[str, str]:
    known = [(standing.role, each) for standing in repository.standing() for each in standing.keyids]
    known.append((ASSIGNMENT, assignment_key(place).public.keyid))
    found = {(ONLINE if role in ONLINE_ROLES else role, each) for role, each in known if len(keyid) >= 8 and each.startswith(keyid)}
    if len(found) != 1:
        raise ConfigError(f"key {keyid[:64]!r}: is not one that counts; `vedette-trainer keys show` names them")
    return found.pop()


def _revoke_root(place: Place, clock: Clock, keyid: str, brought: Brought) -> list[str]:
    """It need not be there; enough of the others must. Where it is, a new one takes its place."""
    repository = Repository(place, clock)
    with place.alone():
        root = repository.root().signed
        holders = root_keys(brought.folders, root.roles["root"].keyids, brought.root)
        _enough(len(holders), root)
        root.revoke_key(keyid, "root")
        made = [_root_key(folder, brought.root) for folder, key in holders if key.public.keyid == keyid]
        for key in made:
            root.add_key(tuf_key(key.public), "root")
        if len(root.roles["root"].keyids) < root.roles["root"].threshold:
            raise ConfigError("root: fewer keys would be left than must sign; bring the folder of this key too, a new one is made in it")
        _next_root(place, repository, root, [key for _, key in holders] + made, brought.folders)
    return [keyid]


def _new_roots(place: Place, repository: Repository, root: Root, holders: Sequence[tuple[Path, SigningKey]], brought: Brought) -> list[str]:
    """Of each folder that was brought; those of the others go on counting."""
    made = [_root_key(folder, brought.root) for folder, _ in holders]
    for _, key in holders:
        root.revoke_key(key.public.keyid, "root")
    for key in made:
        root.add_key(tuf_key(key.public), "root")
    _next_root(place, repository, root, [*(key for _, key in holders), *made], brought.folders)
    return [key.public.keyid for _, key in holders]


def _assignment(place: Place, clock: Clock, brought: Brought) -> list[str]:
    """No root is needed: the new one comes among the targets."""
    repository = Repository(place, clock)
    with place.alone():
        before = assignment_key(place).public.keyid
        listed = repository.targets().signed
        old = _assigning(listed.targets)
        key = targets_key(place, brought.targets)
        made = make_open_key(place.keys / f"{ASSIGNMENT}{SECRET}")
        keys = AssignmentKeys(version=old.version + 1, keys=[made.public])
        others = {name: target for name, target in listed.targets.items() if name != ASSIGNMENT_KEYS}
        repository.publish_keys(keys, key, others, listed.version + 1)
        _trusted(place, keys)
    return [before]


def _first(place: Place, clock: Clock, key: SigningKey, keys: AssignmentKeys) -> None:
    Repository(place, clock, new=True).publish_keys(keys, key, {}, 1)
    _trusted(place, keys)  # from here on the ceremony is held; what is left over of one that was broken off is made anew


def _trusted(place: Place, keys: AssignmentKeys) -> None:
    write_durably(place.trust / "assignment.json", keys.model_dump_json(indent=1).encode() + b"\n", 0o644)


def _next_root(place: Place, repository: Repository, root: Root, signing: Sequence[SigningKey], folders: Sequence[Path]) -> None:
    root.version += 1
    root.expires = repository.now() + timedelta(days=place.lives.root_days)
    _publish_root(place, root, signing, folders)


def _publish_root(place: Place, root: Root, signing: Sequence[SigningKey], folders: Sequence[Path]) -> None:
    data = signed(Metadata(root), signing)
    for folder in folders:
        write_durably(folder / f"{root.version}.root.json", data, 0o644)
    write_durably(place.metadata / f"{root.version}.root.json", data, 0o644)
    write_durably(place.trust / "root.json", data, 0o644)


def _new_key(place: Place, role: str, brought: Brought) -> PublicKey:
    if role == TARGETS:
        return _sealed(place, brought.targets)
    return make_open_key(place.keys / f"{ONLINE}{SECRET}").public


def _sealed(place: Place, passphrase: str) -> PublicKey:
    """The new one beside the old, then in its place: a passphrase that is too short costs nothing."""
    temporary, path = place.keys / f"new{SECRET}", place.keys / f"{TARGETS}{SECRET}"
    temporary.unlink(missing_ok=True)
    made = seal_key(temporary, passphrase)
    with storage(path):
        temporary.with_suffix(PUBLIC).replace(path.with_suffix(PUBLIC))
        temporary.replace(path)
    return made


def _root_key(folder: Path, passphrase: str) -> SigningKey:
    with storage(folder):
        make_folders(folder)
    return make_root_key(folder, passphrase)


def _apart(place: Place, folder: Path) -> None:
    """Nothing that is online needs root; beside the others it would be stolen with them."""
    if folder.resolve().is_relative_to(place.path.parent.resolve()):
        raise ConfigError(f"--root {folder}: is in the trainer's folder; give one elsewhere, best on a stick that is taken away")
    if folder.is_dir() and any(read_public(path) for path in folder.glob(f"root-*{PUBLIC}")):
        raise ConfigError(f"--root {folder}: has a root key already; give an empty folder")


def _enough(count: int, root: Root) -> None:
    needed = root.roles["root"].threshold
    if count < needed:
        raise ConfigError(f"root: {count} of its keys are here, {needed} must sign; bring them with --root FOLDER, once for each")
