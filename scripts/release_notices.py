"""Licences of what a release carries: read out of each wheel, its texts laid beside it, and the libraries inside it named."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from scripts.release_wheels import Wheel

TEXTS = re.compile(r"[^/]+\.dist-info/licenses/.+|[^/]+/(?:LICEN[CS]E|NOTICE|COPYING|ThirdPartyNotices)[^/]*", re.IGNORECASE)
INSIDE = re.compile(r"(?:[^/]+\.libs|[^/]+/lib)/(lib[^/]+?)(?:-[0-9a-f]{8}[^/]*)?\.so[^/]*")
COPYLEFT = re.compile(r"\bA?GPL|Affero|(?<!Lesser )General Public", re.IGNORECASE)
RUNTIME = "GPL-3.0 with the GCC runtime exception"
# Libraries that wheels carry and whose own licence asks more of who hands them out than a notice.
LIBRARIES = {
    "libx264": "GPL-2.0-or-later, or commercial", "libx265": "GPL-2.0-or-later, or commercial",
    "libavcodec": "LGPL-3.0-or-later or LGPL-2.1-or-later (FFmpeg)", "libavformat": "LGPL (FFmpeg)", "libavutil": "LGPL (FFmpeg)",
    "libavfilter": "LGPL (FFmpeg)", "libavdevice": "LGPL (FFmpeg)", "libswscale": "LGPL (FFmpeg)", "libswresample": "LGPL (FFmpeg)",
    "libmp3lame": "LGPL-2.0-or-later", "libgnutls": "LGPL-2.1-or-later", "libnettle": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "libhogweed": "LGPL-3.0-or-later or GPL-2.0-or-later", "libgmp": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "libunistring": "LGPL-3.0-or-later or GPL-2.0-or-later", "libasound": "LGPL-2.1-or-later",
    "libgfortran": RUNTIME, "libquadmath": "LGPL-2.1-or-later", "libgomp": RUNTIME, "libstdc++": RUNTIME, "libgcc_s": RUNTIME,
}  # fmt: skip
COPYLEFT_LIBRARIES = re.compile(r"lib(x26[45]|xvid|postproc|faac|fdk-aac|rubberband|vidstab)\b")


@dataclass(frozen=True)
class Notice:
    """What one wheel says of itself."""

    name: str
    version: str
    licence: str
    texts: dict[str, bytes]
    libraries: tuple[str, ...]

    @property
    def copyleft(self) -> bool:
        """Every choice that its own licence leaves is GPL or AGPL."""
        return all(COPYLEFT.search(choice) for choice in re.split(r"\s+OR\s+", self.licence))

    @property
    def copyleft_libraries(self) -> tuple[str, ...]:
        return tuple(name for name in self.libraries if COPYLEFT_LIBRARIES.match(name))


def read(wheel: Wheel) -> Notice:
    with zipfile.ZipFile(wheel.path) as file:
        names = file.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        about = HeaderParser().parsestr(file.read(metadata).decode())
        named = [name for name in names if TEXTS.fullmatch(name) and not name.endswith("/")]
        texts = {name.partition("/")[2].removeprefix("licenses/"): file.read(name) for name in named}
    short = about.get("License") or ""
    classifiers = [line.removeprefix("License :: ") for line in about.get_all("Classifier") or [] if line.startswith("License ::")]
    licence = about.get("License-Expression") or " ".join([*classifiers, short if len(short) < 200 else ""]).strip()
    libraries = sorted({match[1] for name in names if (match := INSIDE.fullmatch(name))})
    return Notice(wheel.name, wheel.version, " ".join(licence.split()) or "not stated", texts, tuple(libraries))


def check(notices: Sequence[Notice], allowed: Sequence[str]) -> None:
    """Nothing copyleft comes in unseen."""
    for notice in notices:
        unknown = set(notice.copyleft_libraries) - set(allowed)
        if notice.copyleft or unknown:
            what = f"is under {notice.licence}" if notice.copyleft else f"carries {', '.join(sorted(unknown))}"
            raise SystemExit(f"{notice.name} {notice.version} {what}, which NOTICE does not know of; a release may not have it")


def table(notices: Sequence[Notice], left_out: Sequence[str] = ()) -> str:
    """`left_out` are wheels that it wants and does not carry."""
    lines = [
        "# What this release carries", "",
        "Read from the wheels themselves. The texts are in the folder named after each.",
        "NOTICE says what is asked of whoever hands this on.", "", "| package | version | licence |", "| --- | --- | --- |",
    ]  # fmt: skip
    lines += [f"| {notice.name} | {notice.version} | {notice.licence.replace('|', '/')} |" for notice in notices]
    if left_out:
        lines += ["", f"Not carried, but fetched by who installs it, for what is inside: {', '.join(left_out)}."]
    lines += ["", "## Libraries inside wheels", "", "| wheel | library | licence |", "| --- | --- | --- |"]
    for notice in notices:
        lines += [f"| {notice.name} | {name} | {LIBRARIES.get(name, 'see the texts of the wheel')} |" for name in notice.libraries]
    return "\n".join(lines) + "\n"


def lay(notices: Sequence[Notice], folder: Path, left_out: Sequence[str] = ()) -> None:
    folder.mkdir(parents=True)
    (folder / "THIRD-PARTY.md").write_text(table(notices, left_out))
    for notice in notices:
        for name, text in notice.texts.items():
            parts = [part for part in name.split("/") if part not in {"", ".", ".."}]
            place = folder.joinpath(f"{notice.name}-{notice.version}", *parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text)
