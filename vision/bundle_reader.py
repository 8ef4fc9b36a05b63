"""Reader: some bytes of a bundle's file, for who does not want all of them in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass

from contracts.errors import BundleError


@dataclass(frozen=True, slots=True)
class Reader:
    """Bytes of a file that is open, for who wants only some of them."""

    handle: int
    begin: int
    size: int
    name: str

    def read(self, at: int, size: int) -> bytes:
        """So many from there on; BundleError when they are not there."""
        done = b""
        try:
            while len(done) < size and (piece := os.pread(self.handle, size - len(done), self.begin + at + len(done))):
                done += piece
        except OSError as error:
            raise BundleError(f"bundle {self.name}: {error.strerror or error}; make or fetch the bundle again") from error
        if len(done) < size:
            raise BundleError(f"bundle {self.name}: ends too soon; make or fetch the bundle again")
        return done
