"""The kernel of the virtual machine: Debian's own package, unpacked into the cache; its modules and what each of them needs."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).resolve().parents[3] / ".cache" / "vm"


@dataclass(frozen=True)
class Kernel:
    image: Path
    modules: Path

    def module(self, name: str) -> Path:
        names = {name, name.replace("_", "-"), name.replace("-", "_")}
        found = next((path for each in names for path in self.modules.rglob(f"{each}.ko")), None)
        if found is None:
            raise LookupError(f"this kernel has no module {name}")
        return found

    def with_needs(self, *names: str) -> list[Path]:
        """In the order in which they are loaded. What is built in needs no file."""
        order: list[Path] = []
        for name in names:
            path = self.module(name)
            depends = re.search(rb"\0depends=([^\0]*)\0", b"\0" + path.read_bytes())
            needed = [each for each in (depends[1].decode() if depends else "").split(",") if each]
            order += [each for each in (*self.with_needs(*needed), path) if each not in order]
        return order


def kernel() -> Kernel:
    """Fetched once, through apt; CalledProcessError where there is none."""
    listed = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Depends: (linux-image-\d\S*-amd64)", listed)
    if found is None:
        raise LookupError("apt knows no kernel linux-image-amd64; apt-get update")
    folder = CACHE / found[1]
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", found[1]], cwd=folder, check=True, capture_output=True)
        (package,) = folder.glob("*.deb")
        subprocess.run(["dpkg-deb", "--extract", str(package), str(folder)], check=True)
        package.unlink()
        (folder / "done").touch()
    (image,) = (folder / "boot").glob("vmlinuz-*")
    (modules,) = (folder / "lib" / "modules").iterdir()
    return Kernel(image, modules)
