#!/usr/bin/env python3
"""A release: all that a box without a network needs to become, or to go on as, a Vedette, in one folder and one tar.

    scripts/release.py --arch aarch64 --python 3.10 --output dist     # a Jetson with JetPack 6
    scripts/release.py --arch x86_64 --python 3.11 --output dist      # Debian 12

Fetches every locked wheel by hash, builds the project's, reads the licences of all, and writes install.sh, deploy/, guide and SHA256SUMS
beside them. A commit gives the same bytes again: times are its own, or $SOURCE_DATE_EPOCH. TensorRT and python3-systemd are the system's
and not in it; `--with WHEEL` adds what was built on such a box (pycuda on a Jetson), or takes the place of a locked wheel of the same name.
With `--without-gpl` wheels that carry GPL libraries are not in it either: who installs it brings them, known by their hashes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from scripts import release_notices as notices  # noqa: E402
from scripts import release_wheels as wheels  # noqa: E402
from scripts.release_lock import ARCHES, GLIBC, Target, locked  # noqa: E402

MIB = 1 << 20
COMPILED = 1.3  # what a wheel takes when its modules are compiled, of what is in it


@dataclass(frozen=True)
class Plan:
    """What is asked for."""

    target: Target
    version: str
    trainer: bool
    own: tuple[Path, ...]
    cache: Path
    output: Path
    revision: str
    without_gpl: bool = False

    @property
    def name(self) -> str:
        return f"vedette-{self.version}-{self.target.arch}"


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def epoch(revision: str) -> int:
    """Seconds; that of 1980 where nothing says, the first that a zip can hold."""
    return max(int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct", revision or "HEAD") or 0), 315_619_200)


def make(plan: Plan) -> Path:
    """The folder of the release, with its tar and the tar's digest beside it."""
    plan.output.mkdir(parents=True, exist_ok=True)
    folder = plan.output / plan.name
    not_another(folder, plan.target)
    with tempfile.TemporaryDirectory(dir=plan.output, prefix=".release-") as temp:
        work, new = Path(temp), Path(temp) / plan.name
        parts = ["install", "box", *(["trainer"] if plan.trainer else [])]
        source = wheels.export(work / "source", plan.revision)
        every = wheels.fetch(locked(source / "requirements", parts, plan.target), plan.target, plan.cache / plan.target.name)
        every = wheels.with_own([*every, wheels.build(source, plan.version, epoch(plan.revision), work)], plan.own, plan.target)
        fill(new, plan, every, source)
        archive(new, work / "tar.gz", epoch(plan.revision))
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
        (work / "tar.gz").rename(plan.output / f"{plan.name}.tar.gz")
    digest = hashlib.sha256((plan.output / f"{plan.name}.tar.gz").read_bytes()).hexdigest()
    (plan.output / f"{plan.name}.tar.gz.sha256").write_text(f"{digest}  {plan.name}.tar.gz\n")
    return folder


def not_another(folder: Path, target: Target) -> None:
    about = folder / "RELEASE"
    if about.exists() and f"python={target.python}\n" not in about.read_text():
        raise SystemExit(f"{folder} is of another Python; give --output another folder, or remove it")


def fill(new: Path, plan: Plan, every: Sequence[wheels.Wheel], source: Path) -> None:
    (new / "wheels").mkdir(parents=True)
    said = {wheel.name: notices.read(wheel) for wheel in every if wheel.name != "vedette"}
    left = [wheel for wheel in every if plan.without_gpl and wheel.name in said and said[wheel.name].copyleft_libraries]
    for wheel in every:
        if wheel not in left:
            shutil.copyfile(wheel.path, new / "wheels" / wheel.path.name)
    installed = [wheel for wheel in every if wheel.name != "pip"]
    pip = next(wheel for wheel in every if wheel.name == "pip")
    (new / "wheels/requirements.txt").write_text("".join(wheel.line() + "\n" for wheel in installed))
    (new / "RELEASE").write_text(about(plan, every, pip.path.name, left))
    for folder, place in (("deploy", "deploy"), ("docs/guide", "doc/guide"), ("docs/images", "doc/images")):
        shutil.copytree(source / folder, new / place)
    (new / "deploy/install.sh").rename(new / "install.sh")
    for name in ("LICENSE", "NOTICE", "CHANGELOG.md"):
        shutil.copyfile(source / name, new / name)
    notices.check([*said.values()], allowed=[name for name in notices.LIBRARIES if name in (source / "NOTICE").read_text()])
    notices.lay([*said.values()], new / "licenses", left_out=[wheel.name for wheel in left])
    files = sorted(path for path in new.rglob("*") if path.is_file())
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(new).as_posix()}\n" for path in files]
    (new / "SHA256SUMS").write_text("".join(sums))


def about(plan: Plan, every: Sequence[wheels.Wheel], pip: str, left: Sequence[wheels.Wheel]) -> str:
    """What install.sh reads: a name and a value a line."""
    glibc = max(wheel.glibc() for wheel in every)
    unpacked = sum(info.file_size for wheel in every for info in zipfile.ZipFile(wheel.path).infolist())
    values = {
        "version": plan.version, "arch": plan.target.arch, "python": plan.target.python, "glibc": f"2.{glibc}",
        "trainer": "yes" if plan.trainer else "no", "needs_mib": str(int(unpacked * COMPILED / MIB) + 32), "pip": pip,
        "commit": plan.revision or "none: files as they lay", "made": str(epoch(plan.revision)),
        "bring": " ".join(wheel.path.name for wheel in left),
    }  # fmt: skip
    return "".join(f"{name}={value}\n" for name, value in values.items())


def archive(folder: Path, to: Path, when: int) -> None:
    """Sorted, owned by root, of one time: nothing of the machine that made it. Wheels are packed already, hence the least of gzip."""

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = when
        info.mode = 0o755 if info.isdir() or info.name.endswith("/install.sh") else 0o644
        return info

    (folder / "install.sh").chmod(0o755)
    with (
        to.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path in [folder, *sorted(folder.rglob("*"))]:
            tar.add(path, arcname=path.relative_to(folder.parent).as_posix(), recursive=False, filter=plain)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", choices=ARCHES, required=True, help="of the box")
    parser.add_argument(
        "--python", choices=sorted(GLIBC), required=True, help="of the box: 3.10 on JetPack 6 and Ubuntu 22.04, 3.11 Debian 12"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where folder and tar are put")
    parser.add_argument("--trainer", action="store_true", help="with what the trainer needs, too")
    parser.add_argument("--version", default=wheels.project_version(), help="instead of that of pyproject.toml")
    parser.add_argument(
        "--with", dest="own", type=Path, action="append", default=[], metavar="WHEEL", help="a wheel of your own (again for more)"
    )
    gpl = "leave out wheels that carry GPL libraries (PyAV's): for releases and boxes that are handed on; install.sh says how they come"
    parser.add_argument("--without-gpl", action="store_true", help=gpl)
    parser.add_argument("--commit", default="HEAD", help="what is released (default: the last one)")
    parser.add_argument("--uncommitted", action="store_true", help="the files as they lie here instead")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache/wheels", metavar="DIR", help="where fetched wheels are kept")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = arguments().parse_args(argv)
    revision = "" if args.uncommitted else git("rev-parse", "--verify", f"{args.commit}^{{commit}}")
    target, own = Target(args.arch, args.python), tuple(args.own)
    plan = Plan(target, args.version, args.trainer, own, args.cache, args.output, revision, args.without_gpl)
    folder = make(plan)
    size = (folder.parent / f"{folder.name}.tar.gz").stat().st_size
    print(f"{folder}\n{folder}.tar.gz ({size / MIB:.0f} MiB, {len(list((folder / 'wheels').glob('*.whl')))} wheels)")
    print((folder.parent / f"{folder.name}.tar.gz.sha256").read_text().split()[0])
    inside = sorted({name for path in (folder / "wheels").glob("*.whl") for name in notices.read(wheels.Wheel.of(path)).copyleft_libraries})
    if inside:
        print(f"carries {', '.join(inside)} (GPL): for boxes of your own; --without-gpl for what is handed on", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
