"""Data sets: pictures a second and memory of writing and reading each format, every leg in a process of its own."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.report import ROOT, Figure, report
from dataset.findings import Findings
from dataset.formats.known import FORMATS, open_reader, open_writer
from dataset.items import Category, Item, Label, Origin
from dataset.prepare import Plan, divide

NAMES = ("coco", "yolo", "voc", "cvat", "cvat-video", "tfrecord")
CLASSES = [Category(name, number) for number, name in enumerate(("person", "car", "bicycle", "dog"), 1)]
LABELS = 5  # of a picture
PICTURE = bytes.fromhex(  # a PNG of one grey pixel; YOLO wants to know sizes, and TFRecord holds pictures
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c636800000082008177cd72b60000000049454e44ae426082"
)


def items(count: int, picture: Path) -> Iterator[Item]:
    """Like what a box keeps: some classes, confidences, tracks, where and when."""
    for n in range(count):
        labels = tuple(label(n, k) for k in range(LABELS))
        origin = Origin("yard", f"session {n // 500}", wall_ns=1_790_000_000_000_000_000 + n * 1_000_000_000)
        place = f"{n // 1000:04d}/{n:07d}.png"
        phash = n * 0x9E3779B97F4A7C15 % (1 << 64)
        yield Item(f"{n:064x}", place, 1, 1, labels, picture, sequence="yard", frame=n, origin=origin, phash=phash)


def label(n: int, k: int) -> Label:
    side = 0.05 + (n * 7 + k) % 90 / 100
    name = CLASSES[(n + k) % len(CLASSES)].name
    return Label(((1 - side) / 2, (1 - side) / 2, side, side), name, 0.5 + k / 20, "detector", k == 0, track=n // 50 * LABELS + k)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000, help="pictures, of five labels each (default 100000)")
    parser.add_argument("--formats", nargs="+", choices=NAMES, default=NAMES, help="which of them (default: all)")
    parser.add_argument("--leg", nargs=3, metavar=("LEG", "FORMAT", "FOLDER"), help="one leg, its answer as JSON; for the bench itself")
    given = parser.parse_args()
    if given.leg:
        leg, name, folder = given.leg
        print(json.dumps(measured(leg, name, Path(folder), given.items)))
        return
    figures, peaks, cpu = [], [], {}
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
        for name in given.formats:
            reading = ("read", "divide") if name == "coco" else ("read",) if FORMATS[name].read else ()
            for leg in ("write", *reading):
                answer = run(leg, name, folder, given.items)
                peaks.append(answer["peak_mb"])
                cpu[f"{name}, {leg}"] = round(given.items / answer["cpu_s"])
                figures.append(Figure(f"{name}, {leg}", given.items / answer["seconds"], "pictures/s"))
                figures.append(Figure(f"{name}, {leg}, memory at its highest", answer["peak_mb"], "MB"))
                print(f"  {figures[-2].name:20} {figures[-2].words():>18} {figures[-1].words():>10}", flush=True)
    figures.append(Figure("memory, at its highest", max(peaks), "MB", "<= 200"))
    report("dataset", figures, items=given.items, labels_each=LABELS, pictures_per_cpu_second=cpu)


def run(leg: str, name: str, folder: str, count: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.dataset", "--items", str(count), "--leg", leg, name, folder]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    answer: dict[str, float] = json.loads(done.stdout)
    assert answer["items"] == count, f"{name} {leg}: {answer['items']} of {count}"
    return answer


def measured(leg: str, name: str, folder: Path, count: int) -> dict[str, float]:
    began, place = time.perf_counter(), folder / name
    if leg == "write":
        picture = folder / "picture.png"
        picture.write_bytes(PICTURE)
        done = write(name, place, picture, count)
    elif leg == "read":
        done = read(name, place)
    else:
        done = len(divide(open_reader(place, name), Plan(by="session", look=False), {}, lambda _: None).sides)
    seconds = time.perf_counter() - began
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"items": done, "seconds": seconds, "cpu_s": time.process_time(), "peak_mb": peak_kb / 1024}


def write(name: str, place: Path, picture: Path, count: int) -> int:
    """Pictures as hard links where a format cannot do without them."""
    writer = open_writer(place, name, CLASSES, "link" if name in {"yolo", "tfrecord"} else "none", Findings())
    for item in items(count, picture):
        writer.write(item)
    writer.close()
    return count


def read(name: str, place: Path) -> int:
    reader = open_reader(place, name)
    done = sum(len(item.labels) == LABELS for item in reader)
    assert reader.findings.clean, reader.findings.document()
    reader.close()
    return done


if __name__ == "__main__":
    main()
