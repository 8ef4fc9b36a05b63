"""Tried: bundles that were tried on this box with this software, so that only the first start with one pays for its trial."""

from __future__ import annotations

import json
import logging
from hashlib import sha256
from pathlib import Path

from contracts.bundle import MANIFEST
from contracts.errors import StorageError
from contracts.files import write_durably
from device.config import Model, Settings, shared
from device.inventory import versions
from vision.bundle import StoredBundle
from vision.tryout import Limits, try_bundle

log = logging.getLogger(__name__)
SUMS = "SHA256SUMS"  # beside the bundles that come with the software
REMEMBERED = 64


class Tried:
    """A small file in the data folder; lost or unreadable, bundles are tried once more."""

    def __init__(self, data: Path) -> None:
        self._path = data / "tried.json"

    def __contains__(self, key: str) -> bool:
        return key in self._keys()

    def add(self, key: str) -> None:
        """Not where there is no data folder: a command that only looks must not make one."""
        if not self._path.parent.is_dir():
            return
        keys = [*(known for known in self._keys() if known != key), key][-REMEMBERED:]
        try:
            write_durably(self._path, json.dumps({"format": 1, "tried": keys}).encode(), 0o640)
        except StorageError as error:
            log.warning("a bundle will be tried again at the next start", extra={"reason": str(error)})

    def _keys(self) -> list[str]:
        try:
            return [str(key) for key in json.loads(self._path.read_text())["tried"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            log.warning("%s could not be read (%s): bundles are tried again", self._path, error)
            return []


def ensure_tried(bundle: StoredBundle, settings: Settings) -> None:
    """BundleError when it does not pass. One that passed before is not tried again, nor one that came with the software."""
    key, tried = key_of(bundle, settings.model), Tried(settings.data)
    if not settings.model.trial_s or shipped(bundle) or key in tried:
        return
    log.info("a bundle is tried for the first time", extra={"bundle": bundle.manifest.name, "digest": bundle.digest})
    model = settings.model
    try_bundle(bundle, model.engine, limits=limits(settings), work=settings.data / "engines", options=model.options)
    tried.add(key)


def limits(settings: Settings) -> Limits:
    return Limits(settings.model.trial_s or Limits().seconds, settings.model.trial_memory_mb)


def key_of(bundle: StoredBundle, model: Model) -> str:
    """What decides how a trial ends: the model and the software it runs on."""
    software = {name: number for name, number in versions().items() if name != "linux"}
    return sha256(json.dumps([bundle.digest, model.engine, model.options, software], sort_keys=True).encode()).hexdigest()


def shipped(bundle: StoredBundle) -> bool:
    """Whether it came with the software and is as it was then. Who can change that list can change the code that would try it."""
    line = f"{bundle.digest.removeprefix('sha256:')}  {bundle.manifest.name}/{MANIFEST}"
    return any(line in _lines(folder / SUMS) for folder in shared("models"))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, ValueError):
        return []
