"""The README's table of figures, written from bench/results: every promise with its goal and whether it is met."""

from __future__ import annotations

from bench.report import ROOT, figures_of, kept

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
ORDER = (
    "throughput", "stages", "start", "latency", "idle", "record", "export", "dataset", "batch", "hashing", "ingest", "fleet", "rollout",
    "drift", "peers",
)  # fmt: skip


def table() -> str:
    results = kept()
    rows = ["| what | measured | goal | |", "| --- | --- | --- | --- |"]
    for name in [name for name in ORDER if name in results]:
        rows += [f"| {f.name} | {f.words()} | {f.goal} | {f.verdict} |" for f in figures_of(results[name]) if f.goal]
    return "\n".join(rows)


def source() -> str:
    """What they were measured on, and how busy it was."""
    results = kept().values()
    machine = max(results, key=lambda result: str(result["date"]))["machine"]
    loads = sorted(result["machine"]["load"][0] for result in results)
    days = sorted({str(result["date"])[:10] for result in results})
    where = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']:g} GB, no GPU"
    return f"Measured {' to '.join(days)} on {where}; load average {loads[0]:g} to {loads[-1]:g}."


def main() -> None:
    page = ROOT / "README.md"
    text = page.read_text()
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2] if END in rest else rest
    page.write_text(f"{before}{BEGIN}\n{table()}\n\n{source()}\n{END}{after}")


if __name__ == "__main__":
    main()
