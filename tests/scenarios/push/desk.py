"""The trainer's side: a home with a ceremony held and models trained, judged and signed; what people type, typed."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.push.yards import ADA, TARGETS_WORDS, believed
from tests.trainer.registry.works import passed, run_of, trained_home, write_run
from trainer.main import main
from trainer.push.place import Place
from trainer.registry import checking
from trainer.registry.registry import Registry
from trainer.registry.signing import sign_bundle
from trainer.store.database import Database
from vision.bundle import read_bundle
from vision.tryout import Limits

NAME = "white-box"
PATIENT = Limits(seconds=1200, memory_mib=2048)  # a model that is slow on purpose, on a machine that has much else to do


class Desk:
    """`database` is that of the home, which services in other processes have open too."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.home = trained_home(folder / "home")
        for name, value in {
            "VEDETTE_TRAINER_HOME": str(self.home.path), "VEDETTE_ROOT_PASSPHRASE": "root of the fleet",
            "VEDETTE_KEY_PASSPHRASE": TARGETS_WORDS,
        }.items():  # fmt: skip
            patch.setenv(name, value)
        patch.delenv("VEDETTE_STORE", raising=False)
        patch.setattr(checking, "LIMITS", PATIENT)
        self.typed("keys", "init", "--root", str(folder / "safe"))
        believed(self.home)
        self.database = Database(self.home.store)
        self.registry = Registry(self.database, self.home)
        self._made = 0

    @property
    def place(self) -> Place:
        return Place(self.home)

    def typed(self, *words: str, code: int = 0) -> Any:
        """What a command answers with --json."""
        out = io.StringIO()
        with redirect_stdout(out):
            assert main([*words, "--json"]) == code
        return json.loads(out.getvalue()) if code == 0 else out.getvalue()

    def make(self, version: str, network: bytes, champion: str | None = None) -> str:
        """A run, judged against `champion`, bundled, signed, in the registry; its digest."""
        run = f"01KAKV1Q0X0000000000000{self._made:03}"
        self._made += 1
        write_run(self.home.runs / run, network, run_of(id=run))
        path = passed(self.home, NAME, version, run, champion=champion)
        sign_bundle(read_bundle(path), ADA)
        return self.registry.add(path, "Ada").digest

    def champion(self) -> str | None:
        found = self.registry.champion(NAME)
        return found.digest if found else None

    def file(self, digest: str) -> Path:
        return self.registry.file(self.registry.get(digest))

    def close(self) -> None:
        self.database.close()
