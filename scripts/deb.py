#!/usr/bin/env python3
"""A Debian package of a release: vedette_<version>_<arch>.deb, which carries the release whole and lets its install.sh do the work.

    scripts/deb.py --from dist/vedette-0.1.0-x86_64 --output dist

`dpkg -i` of another version is an upgrade or a way back. A release that does not come up is taken back, and dpkg says that the package
failed.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from pathlib import Path

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
MAINTAINER = "The Vedette authors <authors@vedette.invalid>"
PLACE = "usr/lib/vedette/release"
CALL = f"/{PLACE}/install.sh"
POSTINST = f"""#!/bin/bash
set -e
case $1 in
  configure) {CALL} install --from /{PLACE} ;;
esac
"""
PRERM = f"""#!/bin/bash
set -e
case $1 in
  remove) {CALL} remove ;;
esac
"""
# By then the release is gone: the script brings install.sh in itself.
POSTRM = """#!/bin/bash
case ${1:-} in
  purge) set -- remove --purge ;;
  *) exit 0 ;;
esac
"""
# What lintian holds against a package that carries a release as it is, and why it is so.
OVERRIDES = """# the release's own install.sh does the work: it reads files, not the terminal, and names programs by place on purpose
vedette: read-in-maintainer-script
vedette: command-with-path-in-maintainer-script
# it looks whether a Python is below /tmp, and writes nothing there
vedette: possibly-insecure-handling-of-tmp-files-in-maintainer-script
# of a folder that it has just made, and root owns
vedette: recursive-privilege-change
# services come and go with the release in force, and what is away already is no error; what is one is its exit code
vedette: maintainer-script-calls-systemctl
vedette: maintainer-script-ignores-errors
"""


def about(release: Path) -> dict[str, str]:
    if not (release / "RELEASE").is_file():
        raise SystemExit(f"{release} is no release; make one with scripts/release.py")
    return dict(line.split("=", 1) for line in (release / "RELEASE").read_text().splitlines())


def deb_version(version: str) -> str:
    """As dpkg orders it the way Python does: 0.2.0rc1 before 0.2.0, 0.2.0.post1 after it."""
    version = re.sub(r"\.dev(\d+)$", r"~~dev\1", version)
    return re.sub(r"\.post(\d+)", r"+post\1", re.sub(r"(a|b|rc)(\d+)", r"~\1\2", version, count=1))


def control(said: Mapping[str, str], installed_kib: int) -> str:
    major, minor = said["python"].split(".")
    python = f"python3 (>= {major}.{minor}~), python3 (<< {major}.{int(minor) + 1}~)"
    depends = f"coreutils (>= 8.24), libc6 (>= {said['glibc']}), passwd, {python}, systemd (>= 245)"
    return f"""Package: vedette
Version: {deb_version(said["version"])}
Architecture: {ARCHITECTURES[said["arch"]]}
Maintainer: {MAINTAINER}
Installed-Size: {installed_kib}
Depends: {depends}
Recommends: python3-systemd
Section: video
Priority: optional
Description: vision appliance: sees through local cameras and decides on the box
 Vedette watches cameras, detects on the box, keeps what matters and tells the
 rest of the world over MQTT.
 .
 The package carries a release with all it needs for Python {said["python"]}. It is put
 beside the one in force, which serves again should the new one not come up.
"""


def changelog(said: Mapping[str, str]) -> str:
    version, date = deb_version(said["version"]), formatdate(int(said["made"]))
    return f"vedette ({version}) unstable; urgency=medium\n\n  * See CHANGELOG.md of the release.\n\n -- {MAINTAINER}  {date}\n"


def copyright_of(release: Path) -> str:
    notice = "".join(f" {line.rstrip() or '.'}\n" for line in (release / "NOTICE").read_text().splitlines())
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: Vedette\n"
        f"Comment: wheels of others are in it; their licences are in /{PLACE}/licenses\n{notice}\n"
        "Files: *\nCopyright: 2026 the Vedette authors\nLicense: Apache-2.0\n"
        " On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.\n"
    )


def lay(release: Path, root: Path) -> None:
    """The package's tree."""
    said = about(release)
    shutil.copytree(release, root / PLACE)
    docs, overrides, scripts = root / "usr/share/doc/vedette", root / "usr/share/lintian/overrides", root / "DEBIAN"
    for folder in (docs, overrides, scripts):
        folder.mkdir(parents=True)
    (docs / "copyright").write_text(copyright_of(release))
    (docs / "changelog.gz").write_bytes(gzip.compress(changelog(said).encode(), 9, mtime=0))
    (overrides / "vedette").write_text(OVERRIDES)
    for path in [root, *root.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.name == "install.sh" else 0o644)
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) // 1024
    (scripts / "control").write_text(control(said, size))
    install = (release / "install.sh").read_text().partition("\n")[2]
    for name, text in (("postinst", POSTINST), ("prerm", PRERM), ("postrm", POSTRM + install)):
        (scripts / name).write_text(text)
        (scripts / name).chmod(0o755)


def make(release: Path, output: Path) -> Path:
    """The package; the same release gives the same bytes."""
    said = about(release)
    output.mkdir(parents=True, exist_ok=True)
    package = output / f"vedette_{deb_version(said['version'])}_{ARCHITECTURES[said['arch']]}.deb"
    with tempfile.TemporaryDirectory(dir=output, prefix=".deb-") as temp:
        lay(release, Path(temp) / "tree")
        # wheels are packed already
        words = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", f"{temp}/tree", f"{temp}/new.deb"]
        done = subprocess.run(words, env={**os.environ, "SOURCE_DATE_EPOCH": said["made"]}, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"dpkg-deb: {done.stderr.strip()}")
        Path(temp, "new.deb").rename(package)
    return package


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--from", dest="release", type=Path, required=True, metavar="FOLDER", help="a release, as scripts/release.py makes it"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the package is put")
    args = parser.parse_args(argv)
    if not shutil.which("dpkg-deb"):
        raise SystemExit("dpkg-deb is missing; packages are made on Debian or Ubuntu")
    print(make(args.release, args.output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
