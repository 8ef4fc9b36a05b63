"""Earlier: what another model or other settings found in a recording before is set aside, whole; it is never written over."""

from __future__ import annotations

import shutil
from contextlib import suppress
from hashlib import sha256
from itertools import count
from pathlib import Path

from contracts.batchlog import Fingerprint, Metadata, read_document
from contracts.canonical import canonical
from contracts.errors import ConfigError, StorageError
from contracts.files import make_folders, refuse_links, rename_durably, storage
from device.replaying import WHOLE

EARLIER, THUMBNAILS = "earlier", "thumbnails"
PIECES = (THUMBNAILS, WHOLE)  # of a recording's folder, what belongs to its document


def known_of(document: Path) -> Metadata | None:
    """What the document there says of itself; None: there is none that can be read."""
    with suppress(StorageError):
        return read_document(document).metadata
    return None


def same(known: Metadata, digest: str, fingerprint: Fingerprint) -> bool:
    """Then it says what would be found again."""
    return (known.source_digest, known.fingerprint) == (digest, fingerprint)


def refuse_reviewed(document: Path, known: Metadata | None) -> None:
    """A person's work is not put away by a program that runs at night."""
    if known is not None and known.manually_reviewed:
        raise ConfigError(
            f"{document}: a person has reviewed it, so nothing new takes its place; say --replace, which sets it aside in {EARLIER}/, "
            "or another --output"
        )


def set_aside(document: Path, digest: str, fingerprint: Fingerprint) -> Path | None:
    """Where the document that was there is now, with its pieces; None: there was none, or the same will be found again."""
    known = known_of(document)
    if known is None or (same(known, digest, fingerprint) and not known.manually_reviewed):
        return None
    aside = _place(document, known)
    refuse_links(document.parent, aside / document.stem)
    with storage(aside):
        make_folders(aside / document.stem)
    _move(document.with_suffix(""), aside / document.stem)
    rename_durably(document, aside / document.name)  # the last: until then its pieces come back to it
    return aside / document.name


def mend(document: Path) -> None:
    """Killed while it was set aside: the pieces that went ahead of their document come back."""
    known = known_of(document)
    for aside in sorted((document.parent / EARLIER).glob(f"{_key(known)}*")) if known else ():
        if not (aside / document.name).exists():
            refuse_links(document.parent, aside / document.stem)
            _move(aside / document.stem, document.with_suffix(""))


def _move(old: Path, new: Path) -> None:
    for piece in PIECES:
        if (old / piece).exists() and not (new / piece).exists():
            rename_durably(old / piece, new / piece)


def _key(known: Metadata) -> str:
    """Names what decided the result, and of which recording it is."""
    decided = {"source": known.source_digest, "fingerprint": known.fingerprint.model_dump(mode="json")}
    return sha256(canonical(decided)).hexdigest()[:12]


def _place(document: Path, known: Metadata) -> Path:
    """Of its own, but for what is the same: that makes way."""
    folder = document.parent / EARLIER
    for number in count(1):
        aside = folder / (_key(known) if number == 1 else f"{_key(known)}-{number}")
        there = aside / document.name
        if there.is_symlink() or there.exists():
            earlier = known_of(there)
            if earlier is None or earlier.manually_reviewed or known.manually_reviewed:
                continue
            refuse_links(document.parent, aside / document.stem)
            with storage(there):
                there.unlink()
                shutil.rmtree(aside / document.stem, ignore_errors=True)
        return aside
    raise AssertionError("numbers do not end")
