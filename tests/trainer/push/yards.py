"""A trainer that can push: keys of a ceremony, a registry with judged and signed bundles, a clock that stands still."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from contracts.update import Assignment, AssignmentKeys, Model, SignedAssignment, UpdateSignature
from tests.device.update.repository import NOW
from tests.trainer.registry.works import brighter, passed
from trainer.home import Home
from trainer.push.ceremony import Brought, init
from trainer.push.keys import assignment_key, targets_key
from trainer.push.place import Place
from trainer.push.releasing import release
from trainer.push.repository import Repository
from trainer.registry.keys import SigningKey, make_key
from trainer.registry.registry import Registry
from trainer.registry.signing import envelope_path, sign_bundle
from trainer.store.database import Database
from vision.bundle import read_bundle

ROOT_WORDS, TARGETS_WORDS = "root of the yard", "correct horse battery"
ADA = SigningKey(b"a" * 32)
DAY_NS = 86_400_000_000_000


class HandClock:
    def __init__(self) -> None:
        self.now_ns = int(NOW.timestamp()) * 1_000_000_000

    def mono_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return self.now_ns

    def pass_days(self, days: float) -> datetime:
        self.now_ns += int(days * DAY_NS)
        return NOW + timedelta(days=days)


@dataclass
class Yard:
    home: Home
    clock: HandClock
    roots: tuple[Path, ...]

    @property
    def place(self) -> Place:
        return Place(self.home)

    @property
    def repository(self) -> Repository:
        return Repository(self.place, self.clock)

    @property
    def folder(self) -> Path:
        return self.place.repository

    @property
    def brought(self) -> Brought:
        return Brought(self.roots, ROOT_WORDS, TARGETS_WORDS)

    # what a box is provisioned with

    @property
    def root(self) -> bytes:
        return (self.place.trust / "root.json").read_bytes()

    @property
    def keys(self) -> AssignmentKeys:
        return AssignmentKeys.model_validate_json((self.place.trust / "assignment.json").read_bytes())

    def assign(self, model: Model | None, seq: int, device: str = "edge01", **said: Any) -> bytes:
        whole = {"device": device, "seq": seq, "rollout": "r1", "expires": NOW + timedelta(days=7), "model": model, **said}
        payload = Assignment.model_validate(whole).model_dump_json()
        key = assignment_key(self.place)
        signature = UpdateSignature(keyid=key.public.keyid, sig=key.sign(payload.encode()).hex())
        return SignedAssignment(payload=payload, sigs=[signature]).model_dump_json().encode()


def yard_in(folder: Path, template: Home, roots: int = 1, threshold: int = 1) -> Yard:
    shutil.copytree(template.path, folder / "home")
    made = Yard(Home(folder / "home"), HandClock(), tuple(folder / f"safe-{n}" for n in range(roots)))
    init(made.home, made.clock, made.brought, threshold)
    return made


def copied(yard: Yard, folder: Path) -> Yard:
    """As it was after its ceremony; nothing in it knows where it lies."""
    shutil.copytree(yard.home.path, folder / "home")
    for root in yard.roots:
        shutil.copytree(root, folder / root.name)
    return Yard(Home(folder / "home"), HandClock(), tuple(folder / root.name for root in yard.roots))


def believed(home: Home, name: str = "ada") -> None:
    """Whose signature of a bundle counts."""
    make_key(home, name, TARGETS_WORDS)
    (home.keys / f"{name}.pub").write_text(ADA.public.model_dump_json())


def entered(yard: Yard, registry: Registry, version: str, *, sign: bool = True, number: int = 0) -> str:
    """Trained, judged, signed, in the registry; its digest."""
    run = brighter(yard.home, f"01KAKV1Q0X000000000000000{number}", 255.0 + number)
    path = passed(yard.home, "white-box", version, run)
    if sign:
        sign_bundle(read_bundle(path), ADA)
        assert envelope_path(path).exists()
    return registry.add(path, "Ada").digest


def released(yard: Yard, version: str = "2.0.0", number: int = 0) -> Model:
    database = Database(yard.home.store)
    try:
        registry = Registry(database, yard.home)
        if not list(yard.home.keys.glob("ada.pub")):
            believed(yard.home)
        digest = entered(yard, registry, version, number=number)
        return release(yard.repository, registry, digest, targets_key(yard.place, TARGETS_WORDS))
    finally:
        database.close()
