"""Code: the one-time code that shows who has the box in his hands; on its disk until it has an owner."""

from __future__ import annotations

import hmac
import re
import secrets
from hashlib import sha256
from pathlib import Path

from contracts.errors import StorageError
from contracts.files import refuse_links, storage, sync_folder, write_durably

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that is taken for another
LENGTH, GROUP = 9, 3  # 31^9: forty-four bits, and guesses wait
FILE = Path("config/setup-code")  # in the data folder
WRITTEN = re.compile(rf"[{ALPHABET}]{{{LENGTH}}}")
SECRET = 0o600


def plain(text: str) -> str:
    """As typed by people: small letters, spaces and dashes do not matter."""
    return re.sub(r"[\s-]", "", text).upper()


class SetupCode:
    """One box has one, the same over new starts, until it is void."""

    def __init__(self, data: Path) -> None:
        self._data, self._path = data, data / FILE

    def read(self) -> str:
        """In groups, easy to type; empty where there is none."""
        refuse_links(self._data, self._path)
        try:
            with self._path.open("rb") as file:
                code = file.read(64).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise StorageError(f"{self._path}: {error.strerror}; ask as root, or as the user of the service") from error
        return "-".join(re.findall("." * GROUP, code)) if WRITTEN.fullmatch(code) else ""

    def made(self) -> str:
        """The one there is, else a new one that is on the disk."""
        if code := self.read():
            return code
        write_durably(self._path, "".join(secrets.choice(ALPHABET) for _ in range(LENGTH)).encode(), SECRET)
        return self.read()

    def fits(self, given: str) -> bool:
        """In a time that says nothing of where they differ, nor of whether there is a code."""
        code = plain(self.read())
        wanted = code or secrets.token_hex()
        return hmac.compare_digest(sha256(plain(given).encode()).digest(), sha256(wanted.encode()).digest()) and bool(code)

    def void(self) -> None:
        with storage(self._path):
            if self._path.exists():
                self._path.unlink()
                sync_folder(self._path.parent)


def written(data: Path) -> list[str]:
    """The ways in which the code of a box may stand in a text that others will read; none where it has none, or may not be looked at."""
    try:
        code = SetupCode(data).read()
    except StorageError:
        return []
    return [code, plain(code)] if code else []
