"""What is said about models/person-street: its manifest's fields and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.bundle import Head, Input
from trainer.export import INPUT, MULTIPLE, OPSET
from trainer.learn import Schedule
from trainer.packages import Package
from trainer.split import Split

NAME, VERSION = "person-street", "1.0.0"


def fields(size: tuple[int, int]) -> dict[str, Any]:
    return {
        "name": NAME,
        "version": VERSION,
        "labels": ["person"],
        "input": Input(name=INPUT, dtype="uint8", layout="nhwc", color="rgb", size=size, multiple=MULTIPLE, fit="letterbox"),
        "head": Head(kind="end2end"),
        "golden_tolerance": {"onnx": 0.01, "tensorrt": 0.05},
        "needs": {"opset": OPSET},
        "license": "Apache-2.0",
        "source": "trained by `vedette-trainer train person-street`; see CARD.md",
    }


def card(metrics: Mapping[str, Any], schedule: Schedule, packages: Sequence[Package], split: Split) -> str:
    return "\n".join([_what(metrics), _good(metrics, split), NOT_GOOD, _made(schedule, packages)])


def _what(metrics: Mapping[str, Any]) -> str:
    return f"""# {NAME} {VERSION}

Finds people who walk in a street, seen whole from a few metres above, by day. It ships so that Vedette works from the first minute;
it is no general person detector.

## What it is
- A picture in (uint8 RGB, any height and width of a multiple of {MULTIPLE}), at most 100 boxes out, best first: no anchors, no NMS.
  Normalisation, peaks and boxes are inside the graph (ONNX, opset {OPSET}).
- {metrics["weights"]:,} weights, {metrics["model_bytes"] / 1e6:.2f} MB. MobileNetV2 up to stride 16, a small pyramid,
  one map of centres at stride 8.
- One picture takes {metrics["cpu_ms_1_thread"]} ms of CPU at 512x384 on one thread of the server it was made on, picture to boxes.
"""


def _good(metrics: Mapping[str, Any], split: Split) -> str:
    rows = {
        "boxes drawn by hand (`hand.json`)": metrics["test_hand"],
        "labels of the teacher, test part": metrics["test_teacher"],
        "labels of the teacher, validation part": metrics["validation_teacher"],
    }
    table = "\n".join(
        f"| {name} | {r['frames']} | {r['persons']} | {r['ap50']:.3f} | {r['ap50_95']:.3f} | {r['precision']:.3f} | {r['recall']:.3f} |"
        for name, r in rows.items()
    )
    return f"""## How good it is
On the last part of the recording, from frame {split.test[0]} on, which it never saw: it learnt from frames 0 to {split.train[1] - 1},
its confidence was chosen on {split.validation[0]} to {split.validation[1] - 1}, with gaps between the parts.
Precision and recall are those at confidence {metrics["confidence"]} and IoU 0.5.

| against | frames | persons | AP50 | AP50-95 | precision | recall |
| --- | --- | --- | --- | --- | --- | --- |
{table}

All of it is the same camera, the same afternoon and partly the same people: expect less anywhere else.
AP50-95 is low because neither the teacher's boxes nor those drawn by hand are exact to the pixel.
"""


NOT_GOOD = """## What it is not good for
Other views (eye level, straight from above, fisheye), night, infrared, rain, indoors, crowds, people who sit, lie, ride or are cut
by furniture, children, people higher than about two thirds of the picture; and nothing that decides about a person. People lower than
about 35 pixels in the network's input are often missed: choose a larger input size for them. Mirrored, grey, darkened or cropped pictures
of the same street do no harm. On stills of other kinds (a portrait, a footballer, an office, a cyclist close by) it missed nearly
everybody and took a chair and a flag for people. For such scenes import a general detector:
`vedette-trainer models import --recipe ssd-mobilenet-oid`.
"""


def _made(schedule: Schedule, packages: Sequence[Package]) -> str:
    sources = "\n".join(f"- {package.source} ({package.tool} `{package.name}`): {package.licence}." for package in packages)
    return f"""## How it was made
`make model` does it all again: {schedule.rounds} rounds of {schedule.batches} batches of {schedule.batch} pictures, seed {schedule.seed}.
The teacher looks at overlapping tiles of every second frame; its answers vote, must differ from the empty scene, and where it hesitates
the frames before and after decide or the place is not judged. Training pictures are parts of those frames at other sizes, colours, noise
and sharpness, and people cut out of them put before other stills of the same package.

Sources:
{sources}

The frames drawn by hand are `hand.json`; how they were drawn is said there. The two golden images are frames of the same recording.
Weights, labels and this card: Apache-2.0.
"""
