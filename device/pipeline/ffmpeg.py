"""FFmpeg's own bound on memory, which PyAV does not reach: no single piece larger than this, whoever asks for it."""

from __future__ import annotations

import ctypes
from pathlib import Path

LARGEST_BYTES = 256 << 20  # a still of 64 million pixels in three colours takes 201 MB; all else is smaller
MAPS = Path("/proc/self/maps")


def bound_allocations(most: int = LARGEST_BYTES) -> int:
    """The number of FFmpeg libraries found and bounded. Without it a camera may announce a description of 2 GB, or never end a picture."""
    lines = (line.split(maxsplit=5) for line in MAPS.read_text().splitlines())
    paths = {fields[5] for fields in lines if len(fields) == 6 and Path(fields[5]).name.startswith("libavutil")}
    for path in paths:
        library = ctypes.CDLL(path)  # loaded already: this only finds it again
        library.av_max_alloc.argtypes = [ctypes.c_size_t]
        library.av_max_alloc.restype = None
        library.av_max_alloc(most)
    return len(paths)
