"""Archive: the sections as one zip, each text scrubbed and then searched for every secret that is known; what has one stays out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from contracts.files import write_durably
from device.scrub import LEAST, scrub

README = """Diagnosis of a Vedette box, made {made} by `vedette diag`.

Pictures, clips and passwords are not in here: configuration and logs have *** where a secret was, folders are counted and not listed.
Look through it before you hand it on: the journal says which addresses cameras and broker have.
"""


def write_archive(path: Path, parts: Iterable[tuple[str, str]], secrets: Iterable[str], made: datetime) -> list[str]:
    """The names that were left out because a secret was still in them, which is a fault of ours. StorageError: it cannot be written.

    What is JSON was masked value by value when it was made: scrubbed as text it would be JSON no more.
    """
    known = [secret for secret in secrets if len(secret) >= LEAST]
    held = io.BytesIO()
    left_out = []
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        when = made.timetuple()[:6]
        for name, text in [("README.txt", README.format(made=f"{made:%Y-%m-%d %H:%M:%S} UTC")), *parts]:
            clean = text if name.endswith(".json") else scrub(text)
            if any(secret in clean for secret in known):
                left_out.append(name)
                clean = "left out: a secret was in it that could not be taken out\n"
            info = zipfile.ZipInfo(name, max(when, (1980, 1, 1, 0, 0, 0)))
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o100640 << 16
            archive.writestr(info, clean)
    write_durably(path, held.getvalue(), 0o640)
    return left_out
