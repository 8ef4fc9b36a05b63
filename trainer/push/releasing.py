"""Releasing: a bundle of the registry that was judged and signed becomes a target that boxes may run."""

from __future__ import annotations

import re

from contracts.errors import ConfigError
from contracts.update import VERSION, Facts, Model, Release
from trainer.push.repository import Repository
from trainer.registry.facts import facts_of
from trainer.registry.keys import SigningKey, public_keys
from trainer.registry.model import Model as Entry
from trainer.registry.registry import Registry
from trainer.registry.signing import envelope_path, signers
from vision.bundle import StoredBundle, read_bundle
from vision.bundle_chunks import chunks_of

NUMBERS = re.compile(r"\d{1,4}(\.\d{1,6}){1,3}")  # of a version of TensorRT


def release(
    repository: Repository, registry: Registry, which: str, key: SigningKey, unjudged: str = "", tensorrt: tuple[str, str] | None = None
) -> Model:
    """ConfigError for one that may not go out. `unjudged`: why one goes out that no gate ever judged, such as one made elsewhere.
    `tensorrt`: the least and the first excluded version of it, where boxes with others shall not even fetch it."""
    if tensorrt is not None and not all(NUMBERS.fullmatch(each) for each in tensorrt):
        raise ConfigError(
            f"--tensorrt {' '.join(tensorrt)[:80]!r}: give the least version and the first one that is too new, such as 10.3 11.0"
        )
    entry = registry.get(which)
    require_judged(registry, entry, unjudged)
    path = registry.file(entry)
    stored = read_bundle(path)
    known = {public.keyid: public for _, public in public_keys(registry.home)}
    if not envelope_path(path).exists() or not signers(stored, known):
        raise ConfigError(f"{_named(entry)}: nobody signed it; `vedette-trainer bundle sign {entry.digest} --key NAME`")
    model = repository.release(path, entry.file, described(stored, tensorrt), key)
    if tensorrt is not None and repository.facts(model).tensorrt != tensorrt:
        raise ConfigError(f"{_named(entry)}: was released already, and not for these; `vedette-trainer push withdraw {model.target}` first")
    return model


def require_judged(registry: Registry, entry: Entry, unjudged: str = "") -> None:
    """The champion of its name, one whose newest verdict passes, or with a reason one that has no verdict at all: a model that gates
    refused gets out by `gate --override` alone, which names the rule that is set aside."""
    if entry.draft:
        raise ConfigError(f"{_named(entry)}: is a draft; make the bundle with the verdict that passes, and release that")
    history = registry.history(entry.digest)
    if any(each.kind == "retired" for each in history):
        raise ConfigError(f"{_named(entry)}: was retired; release another version")
    champion = registry.champion(entry.name)
    if champion is not None and champion.digest == entry.digest:
        return
    judged = [each for each in history if each.kind == "judged"]
    if not judged and not unjudged.strip():
        mend = "judge it with `vedette-trainer gate`, or say why it goes out all the same: --unjudged WORDS"
        raise ConfigError(f"{_named(entry)}: no gate judged it; {mend}")
    if judged and judged[-1].answer != "pass":
        mend = "judge it with `vedette-trainer gate`, whose --override sets a rule aside"
        raise ConfigError(f"{_named(entry)}: its newest verdict is {judged[-1].answer}, not pass; {mend}")


def described(stored: StoredBundle, tensorrt: tuple[str, str] | None = None) -> Release:
    """What is signed with it: its pieces, and what decides whether a box can run it."""
    manifest = stored.manifest
    network = facts_of(stored.model(), manifest.input)
    software = manifest.needs.get("vedette")
    facts = Facts(
        task=manifest.task,
        input=manifest.input,
        head=manifest.head.kind,
        labels=manifest.labels,
        opset=network.opset,
        software=software if isinstance(software, str) and re.fullmatch(VERSION.strip("^$"), software) else None,
        memory_mb=network.memory_mib,
        tensorrt=tensorrt,
    )
    return Release(digest=stored.digest, name=manifest.name, version=manifest.version, chunks=chunks_of(stored.path), facts=facts)


def _named(entry: Entry) -> str:
    return f"model {entry.name} {entry.version}"
