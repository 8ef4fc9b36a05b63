"""All benches one after another, each in a process of its own, and one table at the end: `python -m bench [name...]`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from bench import footage, readme
from bench.report import figures_of, kept, machine, show

BENCHES = (
    "throughput", "stages", "start", "latency", "idle", "record", "dataset", "hashing", "ingest", "fleet", "rollout", "export", "batch",
    "drift",
)  # fmt: skip


def main() -> int:
    names = chosen(sys.argv[1:])
    print(f"{machine()['cpu']}, {machine()['cores']} cores, load {os.getloadavg()[0]:.1f}")
    if not footage.real():
        print("The street footage is not there: drawn pictures are looked at instead; `make demo` fetches it.")
    failed = []
    for name in names:
        print(f"\n{name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], cwd=footage.ROOT, check=False).returncode:
            failed.append(name)
    results = kept()
    rows = [figure for name in names if name in results and name not in failed for figure in figures_of(results[name])]
    print()
    show("all that has a goal", [row for row in rows if row.goal])
    readme.main()
    print("The table of README.md is now of these.")
    for name in failed:
        print(f"{name}: failed, see above", file=sys.stderr)
    return 1 if failed else 0


def chosen(argv: Sequence[str]) -> list[str]:
    """The benches named, or all but peers. (argparse's `choices` refuses an empty list before Python 3.12.)"""
    known = (*BENCHES, "peers")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="BENCH", help=f"which of {', '.join(known)} (default: all but peers)")
    names: list[str] = parser.parse_args(argv).names
    strange = [name for name in names if name not in known]
    if strange:
        parser.error(f"{strange[0]} is not a bench; choose from {', '.join(known)}")
    return names or list(BENCHES)


if __name__ == "__main__":
    sys.exit(main())
