"""Checking: whether a bundle is what it says: structure, hashes, network, labels, golden answers, and who signed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.dsse import PublicKey
from contracts.errors import BundleError, ProtocolError
from trainer.registry.facts import Facts, facts_of
from trainer.registry.signing import signers
from trainer.registry.verdicts import MEMBER, Kept, verdict_of
from vision.bundle import StoredBundle, read_bundle
from vision.tryout import Limits, try_bundle

LIMITS = Limits(seconds=120, memory_mib=2048)


@dataclass(frozen=True)
class Checked:
    """What was looked at, and what came of it. `signers`: ids of trusted keys; none: it is not signed."""

    bundle: StoredBundle
    facts: Facts
    golden: int
    signers: tuple[str, ...]
    verdict: Kept | None


def check_bundle(path: object, trusted: Mapping[str, PublicKey], *, signed: bool = False) -> Checked:
    """BundleError names what is wrong. `signed`: one that nobody signed is refused too.

    The network is looked over before anything runs it, and then runs in a process of its own, with limits of time and memory.
    """
    stored = read_bundle(str(path))
    who = signers(stored, trusted) if stored.path.is_file() else []
    if signed and not who:
        raise BundleError(f"bundle {stored.path}: nobody signed it; sign it with `vedette-trainer bundle sign`, or do not ask for a key")
    facts = facts_of(stored.model(), stored.manifest.input)
    golden = _golden(stored)
    verdict = verdict_in(stored)
    try_bundle(stored, limits=LIMITS, golden=golden > 0)
    return Checked(stored, facts, golden, tuple(who), verdict)


def verdict_in(stored: StoredBundle) -> Kept | None:
    """The one that lies in the bundle. BundleError when bundle.json says otherwise."""
    said = stored.manifest.lineage.verdict_sha256 if stored.manifest.lineage else None
    there = any(entry.path == MEMBER for entry in stored.manifest.files)
    if not there and said is None:
        return None
    if not there:
        raise BundleError(f"bundle {stored.path}: its lineage names a verdict, and {MEMBER} is not in it; make the bundle again")
    try:
        kept = verdict_of(stored.read(MEMBER), str(stored.path))
    except ProtocolError as error:
        raise BundleError(f"bundle {stored.path}: {error}") from error
    if kept.sha256 != said:
        raise BundleError(f"bundle {stored.path}: {MEMBER} is another than its lineage names; make the bundle again")
    if stored.manifest.lineage and stored.manifest.lineage.judged != kept.verdict.candidate:
        raise BundleError(
            f"bundle {stored.path}: its verdict is about {kept.verdict.candidate[:80]}, its lineage names another; make it again"
        )
    if kept.verdict.answer != "pass" and not stored.manifest.draft:
        raise BundleError(f"bundle {stored.path}: its verdict does not pass, and it is not marked as a draft; do not use it")
    return kept


def _golden(stored: StoredBundle) -> int:
    manifest = stored.manifest
    count = len(manifest.golden) + len(manifest.golden_text) + len(manifest.golden_scores)
    if not count and not manifest.draft:
        raise BundleError(
            f"bundle {stored.path}: has no golden pictures, so that no box can tell whether its engine is right; make it again"
        )
    return count
