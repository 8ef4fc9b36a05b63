#!/usr/bin/env python3
"""Write contracts/schemas/*.json, JSON Schemas of what crosses a wire or a disk; `--check` only compares."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from contracts.wire import Wire  # noqa: E402  # the path first, so that this runs without an installation

FOLDER = ROOT / "contracts" / "schemas"
# What is a message or a file of its own; everything else is part of one of these (tests/contracts/test_schemas.py).
WHOLE = {
    "alert": "contracts.status:Alert",
    "batch-log": "contracts.batchlog:BatchLog",
    "answers": "contracts.evaluation:SavedAnswers",
    "assignment": "contracts.update:Assignment",
    "bundle": "contracts.bundle:Bundle",
    "bundle-signature": "contracts.dsse:DsseEnvelope",
    "bundle-statement": "contracts.dsse:BundleStatement",
    "clip": "contracts.clip:Clip",
    "command": "contracts.command:Command",
    "cost": "contracts.verdict:Cost",
    "config-release": "contracts.update:ConfigRelease",
    "dataset-acknowledgement": "contracts.dataset:Acknowledgement",
    "dataset-annotations": "contracts.dataset:AnnotationFile",
    "dataset-metadata": "contracts.dataset:Metadata",
    "dataset-ontology": "contracts.dataset:Ontology",
    "dataset-record": "contracts.dataset:Record",
    "disk": "contracts.disk:Disk",
    "drift-hour": "contracts.drift:DriftHour",
    "drift-now": "contracts.drift:DriftNow",
    "envelope": "contracts.envelope:Envelope",
    "evaluation": "contracts.evaluation:Evaluation",
    "event": "contracts.event:Event",
    "export": "contracts.exported:Exported",
    "health": "contracts.health:Health",
    "incidents": "contracts.verdict:Incidents",
    "info": "contracts.status:Info",
    "intrinsics": "contracts.calibration:Intrinsics",
    "log-header": "contracts.eventlog:LogHeader",
    "removal": "contracts.removal:Removal",
    "public-key": "contracts.dsse:PublicKey",
    "reply": "contracts.command:Reply",
    "roi-annotations": "contracts.calibration:RoiAnnotations",
    "shipment-acknowledge": "contracts.shipment:Acknowledge",
    "shipment-exports": "contracts.shipment:ExportList",
    "shipment-page": "contracts.shipment:PageHead",
    "shipment-receipt": "contracts.shipment:Receipt",
    "shipment-received": "contracts.shipment:Received",
    "shipment-refusal": "contracts.shipment:Refusal",
    "run": "contracts.run:Run",
    "run-epoch": "contracts.run:EpochLine",
    "session-manifest": "contracts.session:SessionManifest",
    "split": "contracts.split:Split",
    "signed-assignment": "contracts.update:SignedAssignment",
    "status": "contracts.status:Status",
    "storage": "contracts.storage:StorageReport",
    "stereo-geometry": "contracts.calibration:StereoGeometry",
    "stereo-observations": "contracts.takes:StereoObservations",
    "strike-zone-definition": "contracts.calibration:StrikeZone",
    "take-detections": "contracts.takes:CameraDetections",
    "take-line": "contracts.takes:TakeLine",
    "take-manifest": "contracts.takes:TakeManifest",
    "test-set-use": "contracts.verdict:Use",
    "update-chunk": "contracts.update:ChunkAsk",
    "update-keys": "contracts.update:AssignmentKeys",
    "update-receipt": "contracts.update:Receipt",
    "update-receipt-signed": "contracts.update:SignedReceipt",
    "update-release": "contracts.update:Release",
    "update-report": "contracts.update:UpdateReport",
    "verdict": "contracts.verdict:Verdict",
}


def models() -> dict[str, type[Wire]]:
    """The whole messages and files by the name of their schema."""
    found = {}
    for name, target in WHOLE.items():
        module, _, cls = target.partition(":")
        found[name] = getattr(import_module(module), cls)
    return found


def schema(name: str, model: type[Wire]) -> dict[str, Any]:
    """What a reader accepts: keys with a default may be missing, unknown ones are ignored."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:vedette:schema:{name}:v1",
        **model.model_json_schema(mode="validation"),
    }


def rendered() -> dict[str, str]:
    """File name -> text."""
    return {f"{name}.json": json.dumps(schema(name, model), indent=2) + "\n" for name, model in models().items()}


def stale(texts: Mapping[str, str]) -> list[str]:
    """Files that are missing, different, or nobody's any more."""
    kept = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    return sorted(name for name in {*texts, *kept} if texts.get(name) != kept.get(name))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a schema is not what contracts/ says")
    check = parser.parse_args().check
    texts = rendered()
    names = stale(texts)
    if check:
        if names:
            print(f"contracts/schemas is behind contracts/: {', '.join(names)}; run `make schemas`", file=sys.stderr)
        return bool(names)
    FOLDER.mkdir(exist_ok=True)
    for name in names:
        path = FOLDER / name
        if name in texts:
            path.write_text(texts[name])
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
