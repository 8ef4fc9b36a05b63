"""Which bundle a name means on this box, and a detector made of it as the box is set up."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from contracts.errors import BundleError, HardwareError
from device.config import Settings, shared, there
from device.tried import ensure_tried
from device.update.slots import LINKS, Slots
from vision.bundle import read_bundle
from vision.classify import Classifier, open_classifier
from vision.detector import Detector, open_detector
from vision.text.reader import Reader, open_reader

FETCHED = ".cache/models"  # of the source tree: where scripts/text_model.py puts what it makes
TEXT = ("text-read", "text-find")
PLAIN = "onnx"  # the engine that every box has
Told = Callable[[str], None]
Made = TypeVar("Made")


def folders(settings: Settings) -> list[Path]:
    """Where bundles are looked for: the configuration's folders, the box's own, those of the software and those fetched for it."""
    return [*settings.model.folders, settings.data / "models", *shared("models"), *shared(FETCHED)]


def find_bundle(name: str, settings: Settings) -> Path:
    """The folder or .vdb file of a bundle by its name, or of a path. BundleError says what there is."""
    if "/" in name or name.endswith(".vdb"):
        if there(Path(name)):
            return Path(name)
        raise BundleError(f"bundle {name}: there is no such folder or file; correct pipeline.detect.bundle")
    return _in_force(name, settings) or shipped_bundle(name, settings)


def _in_force(name: str, settings: Settings) -> Path | None:
    """The one that was pushed, where updates are configured: what is linked first of those that are there."""
    if settings.update is None:
        return None
    slots = Slots(settings.data / "models")
    digests = [digest for link in LINKS if (digest := slots.linked(link)) is not None]
    return next((slots.path(digest) for digest in digests if (label := slots.label(digest)) and label.name == name), None)


def shipped_bundle(name: str, settings: Settings) -> Path:
    """The one that came with the software or its owner; no update changes it."""
    for folder in folders(settings):
        for path in (folder / name, folder / f"{name}.vdb"):
            if there(path / "bundle.json") or (path.suffix == ".vdb" and there(path)):
                return path
    found = (path for folder in folders(settings) for pattern in ("*/bundle.json", "*.vdb") for path in folder.glob(pattern))
    known = sorted({path.stem if path.suffix == ".vdb" else path.parent.name for path in found})
    mend = "run scripts/text_model.py, which fetches it" if name in TEXT else "correct pipeline.detect.bundle or import it"
    raise BundleError(f"bundle {name}: not on this box; it has {', '.join(known) or 'none'}; {mend}")


def workers(settings: Settings) -> int:
    """Frames at the engine at once: one on all cores in latency mode, else one a core."""
    if settings.model.mode == "latency" or settings.model.engine != "onnx":
        return settings.model.workers or 1
    return settings.model.workers or len(os.sched_getaffinity(0))


def reader_opener(settings: Settings) -> Callable[[str, str | None], Reader]:
    """What stages call to have text read. One thread a run: reading goes on beside the detector, and its answers are the same
    whatever the box has for cores."""

    def open_by_name(name: str, finder: str | None = None) -> Reader:
        stored = [read_bundle(find_bundle(each, settings)) for each in (name, finder) if each is not None]
        for bundle in stored:
            ensure_tried(bundle, settings)
        return open_reader(stored[0], stored[1] if finder is not None else None)

    return open_by_name


def opener(settings: Settings, told: Told | None = None) -> Callable[[str, float | None], Detector]:
    """What stages call to have a bundle opened. One that was never run here is tried in a process of its own first.

    `told`: where another engine does not serve, ONNX Runtime does, on all cores, and this hears why; without it that is an error."""

    def open_by_name(name: str, min_confidence: float | None = None) -> Detector:
        stored = read_bundle(find_bundle(name, settings))

        def made(used: Settings) -> Detector:
            ensure_tried(stored, used)
            threads = 1 if used is settings and settings.model.mode != "latency" else 0
            model, work = used.model, settings.data / "engines"
            return open_detector(stored, model.engine, threads, options=model.options, min_confidence=min_confidence, work=work)

        return _served(made, settings, told)

    return open_by_name


def classifier_opener(settings: Settings, told: Told | None = None) -> Callable[[str], Classifier]:
    """What stages call to have pictures classified. One thread a run: it goes on beside the detector, and its answers are the same
    whatever the box has for cores."""

    def open_by_name(name: str) -> Classifier:
        stored = read_bundle(find_bundle(name, settings))

        def made(used: Settings) -> Classifier:
            ensure_tried(stored, used)
            return open_classifier(stored, used.model.engine, options=used.model.options, work=settings.data / "engines")

        return _served(made, settings, told)

    return open_by_name


def _served(made: Callable[[Settings], Made], settings: Settings, told: Told | None) -> Made:
    """A box whose GPU or its library fails sees on, slower, and says so; a bundle at fault fails with ONNX Runtime too."""
    engine = settings.model.engine
    try:
        return made(settings)
    except (HardwareError, BundleError) as error:
        if told is None or engine == PLAIN:
            raise
        why = str(error)
    found = made(settings.model_copy(update={"model": settings.model.model_copy(update={"engine": PLAIN, "options": {}})}))
    told(f"{engine} does not serve, ONNX Runtime does meanwhile, slower: {why}")
    return found
