"""`vedette doctor --backend`: what this box's bundles answer on a backend, beside ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.errors import VedetteError
from device.bundles import find_bundle
from device.config import Loaded, Settings
from device.findings import Finding
from vision.bundle import read_bundle
from vision.compare import Comparison, compare
from vision.detector import open_detector
from vision.golden import check_golden

TOLERANCE = {"onnx": 0.001}  # of an output's range; engines that count in halves differ more
OTHERS = 0.05


def backend(loaded: Loaded, engine: str, tolerance: float | None) -> list[Finding]:
    """One finding for each output of each detector, and one for its golden pictures."""
    names = dict.fromkeys(name for _, options in loaded.stages.values() if isinstance(name := getattr(options, "bundle", None), str))
    if not names:
        return [Finding("backend", "note", "no stage of the pipeline has a bundle")]
    most = TOLERANCE.get(engine, OTHERS) if tolerance is None else tolerance
    return [finding for name in names for finding in _of(name, loaded.settings, engine, most)]


def _of(name: str, settings: Settings, engine: str, most: float) -> list[Finding]:
    work = settings.data / "engines"
    own = settings.model.options if engine == settings.model.engine else None
    try:
        stored = read_bundle(find_bundle(name, settings))
        found = _outputs(name, compare(stored, engine, own, work), most)
        if stored.manifest.task == "detect":
            found.append(_golden(name, stored.path, engine, own, work))
    except VedetteError as error:
        return [Finding(f"{name} on {engine}", "error", str(error), "choose another engine with model.engine")]
    return found


def _outputs(name: str, seen: Comparison, most: float) -> list[Finding]:
    findings = []
    for each in seen.outputs:
        what = f"{name}, output {each.output}"
        words = f"{each.largest:.3g} apart at most, {each.mean:.3g} on average, of a range of {each.range:.3g}, on {seen.pictures} pictures"
        if each.unequal or each.relative > most:
            mend = f"at most {most:g} of the range is allowed (--tolerance); build the engine again, or set model.engine: onnx"
            findings.append(Finding(what, "error", each.unequal or words, mend))
        else:
            findings.append(Finding(what, "ok", words))
    return findings


def _golden(name: str, path: Path, engine: str, own: Mapping[str, Any] | None, work: Path) -> Finding:
    detector = open_detector(path, engine, options=own, work=work)
    try:
        report = check_golden(detector, read_bundle(path))
    finally:
        detector.close()
    words = f"{report.pictures} pictures, {report.boxes} boxes, confidence within {report.largest_difference:.3g}"
    return Finding(f"{name}, golden pictures", "ok", words)
