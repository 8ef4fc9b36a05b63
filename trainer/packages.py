"""Files out of published packages, by the package tools themselves, each checked against the hash we know."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contracts.errors import ConfigError

TIMEOUT_S = 900


@dataclass(frozen=True)
class Package:
    """`digest` is sha512-<base64> as npm writes it, or sha256:<hex>; None: the distribution's own signature is checked by its tool."""

    tool: Literal["apt", "npm", "pip"]
    name: str
    digest: str | None
    licence: str
    source: str  # what is in it and where it comes from, for cards and notices


def fetch(package: Package, folder: Path) -> Path:
    """The package's file in `folder`; one that is there already and whole is not fetched again."""
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()  # the tools run inside it
    there = _found(package, folder)
    if there is not None:
        return there
    command = _command(package, folder)
    if shutil.which(command[0]) is None:
        raise ConfigError(f"package {package.name}: {command[0]} is not on this machine; install it or put the file into {folder}")
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=TIMEOUT_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines() or ["no reason given"]
        raise ConfigError(
            f"package {package.name}: {package.tool} could not fetch it: {said[-1]}; connect this machine or put the file into {folder}"
        ) from error
    found = _found(package, folder)
    if found is None:
        what = f"what {package.tool} left in {folder} is not the file we know"
        raise ConfigError(f"package {package.name}: {what}; empty the folder and try again")
    return found


def matches(path: Path, digest: str | None) -> bool:
    """The whole file has this hash."""
    if digest is None:
        return True
    data = path.read_bytes()
    if digest.startswith("sha512-"):
        return base64.b64encode(hashlib.sha512(data).digest()).decode() == digest.removeprefix("sha512-")
    return hashlib.sha256(data).hexdigest() == digest.removeprefix("sha256:")


def _found(package: Package, folder: Path) -> Path | None:
    ending = {"apt": "*.deb", "npm": "*.tgz", "pip": "*.whl"}[package.tool]
    stem = package.name.split("==")[0].rsplit("@", 1)[0].strip("@").replace("/", "-")
    names = {stem, stem.replace("-", "_")}
    files = [path for path in sorted(folder.glob(ending)) if any(path.name.startswith(name) for name in names)]
    return next((path for path in files if matches(path, package.digest)), None)


def _command(package: Package, folder: Path) -> list[str]:
    if package.tool == "apt":
        return ["apt-get", "download", package.name]
    if package.tool == "npm":
        return ["npm", "pack", package.name, "--pack-destination", str(folder)]
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--dest", str(folder), package.name]
