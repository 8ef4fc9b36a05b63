"""Making: a bundle of a run: its network, what it promises, where it comes from, what the gates said, in a file named by its digest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from contracts.bundle import Lineage
from contracts.dsse import DIGEST
from contracts.errors import BundleError, ConfigError
from contracts.files import rename_durably
from trainer.home import Home
from trainer.jobs.told import Silent, Told
from trainer.registry.card import card
from trainer.registry.facts import Facts, facts_of
from trainer.registry.promises import Promises, from_draft, given, learnt
from trainer.registry.scratch import scratch
from trainer.registry.source import Source, read_source
from trainer.registry.verdicts import MEMBER, Kept, bundle_path, gates_of, judged_draft, keep, metrics_of, read_verdict, require_pass
from vision.bundle import StoredBundle, read_bundle
from vision.bundle_write import write_bundle
from vision.detector import open_detector
from vision.golden import golden_answer

MODEL, CARD = "model.onnx", "CARD.md"
NAME, VERSION = re.compile(r"[a-z0-9][a-z0-9-]{1,62}"), re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")  # as contracts/bundle.py has them
TOLERANCES: Mapping[str, Mapping[str, float]] = {
    "onnx": {"onnx": 0.01, "tensorrt": 0.05},
    "fp16": {"onnx": 0.02, "tensorrt": 0.05},
    "int8": {"onnx": 0.05, "tensorrt": 0.1},  # processors with and without instructions for it round differently
}


class Stopped(ConfigError):
    """Somebody asked to stop; nothing was written."""


@dataclass(frozen=True)
class Request:
    """What is asked for. `points`: answers on validation pictures with chosen points; without them they are chosen here, by F1."""

    name: str
    version: str
    form: str = "onnx"  # onnx, int8, fp16
    parent: str | None = None  # digest, or path of a bundle
    licence: str = ""  # empty: what the export says
    source: str = ""
    draft: bool = False
    points: Path | None = None
    golden: tuple[Path, ...] = ()
    most_golden: int = 8


def make_bundle(home: Home, run: str, request: Request, verdict: Path | None = None, told: Told | None = None) -> Path:
    """The file in the home's bundles; the same inputs give the same bytes. Without a verdict that passes only a draft is made."""
    told = told or Silent()
    _check_name(request)
    kept = read_verdict(verdict) if verdict is not None else None
    if kept is None and not request.draft:
        raise ConfigError(
            "bundle make: needs --verdict FILE that passes; without one make a --draft, let `gate` judge it, then make the bundle"
        )
    if kept is not None and not request.draft:
        require_pass(kept)
    source = read_source(home, run, request.form)
    facts = facts_of(source.model, source.exported.input)
    judged = judged_draft(home, kept) if kept is not None else None
    if judged is not None:
        _same_model(source, judged)
    with scratch(home) as folder:
        plain = _plain(source, request, facts)
        promises = _promises(home, source, request, judged, Asking(folder, plain, source.model, told))
        fields, files = _whole(source, request, promises, kept, judged, plain)
        made = _promised(folder, fields, files)
        _look(told, 0.95, "writing")
        target = bundle_path(home, made.digest)
        rename_durably(made.path, target)
    if kept is not None:
        keep(home, kept)
    told.progress(1.0, f"{request.name} {request.version}: {made.digest}")
    return target


def _check_name(request: Request) -> None:
    """Before the network is asked about anything."""
    if not NAME.fullmatch(request.name):
        raise BundleError(f"bundle name {request.name[:80]!r}: take 2 to 63 small letters, digits and hyphens")
    if not VERSION.fullmatch(request.version):
        raise BundleError(f"bundle version {request.version[:80]!r}: is not three numbers; take one such as 1.2.0")


@dataclass(frozen=True)
class Asking:
    """How the network is asked about pictures before it has a bundle: in a scratch one, with its lowest confidences."""

    scratch: Path
    fields: Mapping[str, Any]
    model: bytes
    told: Told

    def bundle(self) -> Path:
        return write_bundle(self.scratch / "asked.vdb", self.fields, {MODEL: self.model}).path

    def tick(self, total: int) -> Callable[[int], None]:
        return lambda done: _look(self.told, 0.1 + 0.7 * done / max(total, 1), f"golden pictures: {done} of {total} looked at")


def _promises(home: Home, source: Source, request: Request, judged: StoredBundle | None, asking: Asking) -> Promises:
    """What was judged is what is promised; a draft chooses from the run's validation pictures, or takes what is given."""
    if judged is not None:
        if request.points or request.golden:
            raise ConfigError(
                "bundle make: --points and --golden are those of the draft that was judged; leave them out, or judge a new draft"
            )
        return from_draft(judged)
    if request.golden:
        return given(request.golden, request.points, source.exported.labels)
    if source.run is None:
        raise ConfigError(
            f"{source.folder}: is of no run of ours, so that no validation pictures are known; give --golden PICTURE... and --points"
        )
    return learnt(home, source.run, source.exported.labels, request.points, request.most_golden, asking.bundle, asking.tick)


def _plain(source: Source, request: Request, facts: Facts) -> dict[str, Any]:
    exported = source.exported
    return {
        "name": request.name,
        "version": request.version,
        "labels": list(exported.labels),
        "input": exported.input.model_dump(),
        "head": exported.head.model_dump(),
        "min_confidence": 0.01,
        "golden_tolerance": dict(TOLERANCES[request.form]),
        "needs": {"opset": facts.opset, "vedette": version("vedette"), "memory_mib": facts.memory_mib},
        "license": request.licence or exported.licence,
        "source": request.source,
    }


def _whole(
    source: Source, request: Request, promises: Promises, kept: Kept | None, judged: StoredBundle | None, plain: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """All fields but the golden answers, and all files."""
    run, figures = source.run, source.file.figures
    validation = {name: value for name in ("ap", "ap50") if (value := getattr(figures, name)) is not None}
    metrics = {**({"validation": validation} if validation else {}), **(metrics_of(kept) if kept else {})}
    lineage = _lineage(source, promises, kept, judged)
    fields = {
        **plain,
        "min_confidence": promises.min_confidence,
        "class_confidence": dict(promises.class_confidence),
        "metrics": metrics,
        "gates": gates_of(kept.verdict) if kept else [],
        "dataset": run.data_root if run else None,
        "parent": _parent(request, source, judged),
        "lineage": lineage.model_dump(mode="json"),
        "draft": request.draft,
    }
    text = card(fields, lineage, kept.verdict if kept else None, promises.reasons())
    files = {MODEL: source.model, CARD: text.encode(), **promises.pictures}
    return fields, {**files, MEMBER: kept.raw} if kept else files


def _lineage(source: Source, promises: Promises, kept: Kept | None, judged: StoredBundle | None) -> Lineage:
    run = source.run
    said = Lineage(
        trainer=source.exported.trainer,
        sampling=dict(promises.sampling),
        points_root=promises.points_root,
        export_sha256=source.exported_sha256,
    )
    if run is not None:
        known: dict[str, Any] = {"run": run.id, "split": run.split_root, "split_sha256": run.split_sha256, "seed": run.seed}
        known |= {"trainer": f"{source.exported.trainer} {run.software.vedette}", "pictures": run.pictures, "examples": run.examples}
        said = said.model_copy(update=known)
    if kept is not None and judged is not None:
        verdict = kept.verdict
        known = {"judged": judged.digest, "verdict_sha256": kept.sha256, "gates_sha256": verdict.gates_sha256}
        said = said.model_copy(update={**known, "test_root": verdict.test_set.root})
    return said


def _parent(request: Request, source: Source, judged: StoredBundle | None) -> str | None:
    if request.parent is None:
        return judged.manifest.parent if judged is not None else source.run.parent if source.run else None
    if re.fullmatch(DIGEST[1:-1], request.parent):
        return request.parent
    return read_bundle(Path(request.parent)).digest


def _promised(scratch: Path, fields: Mapping[str, Any], files: Mapping[str, bytes]) -> StoredBundle:
    """Written with what it says today about its golden pictures; what does not fit together is refused here."""
    detector = open_detector(write_bundle(scratch / "asked.vdb", fields, files))
    try:
        golden = [golden_answer(detector, data, name) for name, data in sorted(files.items()) if name.startswith("golden/")]
    finally:
        detector.close()
    return write_bundle(scratch / "made.vdb", {**fields, "golden": golden}, files)


def _same_model(source: Source, judged: StoredBundle) -> None:
    """The verdict is about these very bytes, read in this very way."""
    there, exported = judged.manifest, source.exported
    pairs = {
        "network": (there.model.sha256, source.model_sha256),
        "labels": (there.labels, list(exported.labels)),
        "input": (there.input, exported.input),
        "head": (there.head, exported.head),
    }
    for what, (judged_one, ours) in pairs.items():
        if judged_one != ours:
            raise BundleError(
                f"bundle make: the verdict is about {judged.digest}, whose {what} is another than that of {source.folder}; judge this one"
            )


def _look(told: Told, done: float, said: str) -> None:
    if told.stopped():
        raise Stopped("bundle make: stopped; nothing was written, start it again")
    told.progress(done, said)
