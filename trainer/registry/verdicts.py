"""Verdicts: what the gates said of a draft, read with care, and whether it is about the model that is bundled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contracts.envelope import first_fault
from contracts.errors import BundleError, ConfigError, ProtocolError
from contracts.files import write_durably
from contracts.verdict import Check, Verdict
from dataset.layout import read_small
from trainer.home import Home
from vision.bundle import StoredBundle, read_bundle

MEMBER = "verdict.json"  # in the bundle
LARGEST = 16 << 20
ORDER = ("fail", "not_enough_data", "pass")


@dataclass(frozen=True)
class Kept:
    """A verdict and the very bytes it was read from."""

    verdict: Verdict
    raw: bytes

    @property
    def sha256(self) -> str:
        return sha256(self.raw).hexdigest()

    @property
    def takes_the_title(self) -> bool:
        """As the gates say; one that contradicts itself takes nothing."""
        said = self.verdict
        faults = [check for check in said.checks if check.binding and check.answer != "pass"]
        return said.takes_the_title and said.answer == "pass" and not said.overrides and not faults


def read_verdict(path: Path) -> Kept:
    return verdict_of(read_small(path, LARGEST), str(path))


def verdict_of(raw: bytes, where: str) -> Kept:
    try:
        return Kept(Verdict.model_validate_json(raw), raw)
    except (ValidationError, RecursionError) as error:
        raise ProtocolError(f"verdict {where}: is none: {first_fault(error)}; write it again with `vedette-trainer gate --out`") from error


def keep(home: Home, kept: Kept) -> Path:
    """Among the home's verdicts, by its SHA-256."""
    path = verdict_path(home, kept.sha256)
    if not path.exists():
        write_durably(path, kept.raw)
    return path


def verdict_path(home: Home, digest: str) -> Path:
    return home.verdicts / f"{digest}.json"


def bundle_path(home: Home, digest: str) -> Path:
    return home.bundles / f"{digest.removeprefix('sha256:')}.zip"


def judged_draft(home: Home, kept: Kept) -> StoredBundle:
    """The bundle that the gates judged. ConfigError where it is not here: what a verdict is about must be shown."""
    digest = kept.verdict.candidate
    named = digest.removeprefix("sha256:")
    if len(named) != 64 or not set(named) <= set("0123456789abcdef") or not bundle_path(home, digest).is_file():
        what = f"the verdict is about {digest[:80]}, and no bundle of that digest is in {home.bundles}"
        raise ConfigError(f"{what}; make a draft (`bundle make RUN --draft`) and let `gate` judge that file")
    stored = read_bundle(bundle_path(home, digest))
    if stored.digest != f"sha256:{named}":
        raise BundleError(f"bundle {stored.path}: has digest {stored.digest}, another than its name; remove it and make the draft again")
    return stored


def require_pass(kept: Kept) -> None:
    """ConfigError, by the rules that refused it."""
    if kept.verdict.answer == "pass":
        return
    refused = [f"{check.rule}: {check.why}" for check in kept.verdict.checks if check.binding and check.answer != "pass"]
    said = {"fail": "it fails", "not_enough_data": "there is not enough data"}[kept.verdict.answer]
    told = "; ".join(refused[:3]) or "no rule says why"
    raise ConfigError(f"the verdict does not pass, {said}: {told}; train a better one, or make a --draft that becomes no champion")


def gates_of(verdict: Verdict) -> list[dict[str, Any]]:
    """For bundle.json: each rule with its worst answer. Every question of each is in verdict.json."""
    return [_told(name, [check for check in verdict.checks if check.rule == name]) for name in _rules(verdict)]


def metrics_of(kept: Kept) -> dict[str, Any]:
    """What the gates measured on the frozen test part of the whole, all classes together and each by itself."""
    said = [check for check in kept.verdict.checks if check.kind == "absolute" and check.estimate is not None and not check.slice]
    figures: dict[str, Any] = {}
    for check in said:
        figures.setdefault(check.metric, {})[check.label or "all"] = {
            "value": check.estimate, "low": check.low, "high": check.high, "recordings": check.recordings, "objects": check.objects
        }  # fmt: skip
    return {"test": figures} if figures else {}


def _rules(verdict: Verdict) -> Iterator[str]:
    yield from dict.fromkeys(check.rule for check in verdict.checks)


def _told(name: str, checks: list[Check]) -> dict[str, Any]:
    worst = min(checks, key=lambda check: (ORDER.index(check.answer) if check.binding else len(ORDER), check.label, check.slice))
    fields = ("metric", "label", "slice", "against", "limit", "estimate", "low", "high", "ours", "theirs", "recordings")
    figures = {field: value for field in fields if (value := getattr(worst, field)) not in ("", None, 0)}
    aside = {"overridden": True} if any(check.overridden for check in checks) else {}
    return {"rule": name, "kind": worst.kind, "answer": worst.answer, "why": worst.why, "questions": len(checks), **figures, **aside}
