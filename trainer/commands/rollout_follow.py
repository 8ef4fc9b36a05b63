"""Follows a rollout: a line for whatever changes, until it has come to an end; Ctrl-C ends the looking, not the rollout."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Mapping
from typing import Any

from contracts.shown import shown
from trainer.clock import SystemClock
from trainer.push.asked import box_documents, document
from trainer.push.progress import ENDED
from trainer.push.rollout import Rollouts
from trainer.push.tended import untended

EVERY_S = 1.0
OVER = ("done", "halted", "stopped")
BAD = 3  # exit code


def follow(rollouts: Rollouts, name: str, *, as_json: bool) -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    seen: dict[str, Mapping[str, Any]] = {}
    while True:
        row = document(rollouts.get(name), rollouts.counted(name))
        boxes = box_documents(every_box(rollouts, name))
        for key, said in _standings(row, boxes, untended(rollouts.database, SystemClock())).items():
            if _differs(said, seen.get(key)):
                print(json.dumps(said) if as_json else shown(_line(key, said)), flush=True)
                seen[key] = said
        if (row["state"] in OVER and not _going_back(boxes)) or stop.wait(EVERY_S):
            return BAD if row["state"] in {"halted", "stopped"} else 0


def _going_back(boxes: list[dict[str, Any]]) -> bool:
    """Who is offline does so some day."""
    return any(box["aim"] == "back" and box["state"] not in ENDED and box["online"] == "online" for box in boxes)


def _differs(said: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    """Words alone count at the end and where something is wrong: on the way a box counts frames in them."""
    loose = {"words"} if said.get("state") not in ENDED and not said.get("code") else set()
    return before is None or any(value != before[name] for name, value in said.items() if name not in loose)


def every_box(rollouts: Rollouts, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while more := rollouts.boxes(name, f"{found[-1]['wave']}.{found[-1]['device']}" if found else ""):
        found += more
    return found


def _standings(row: Mapping[str, Any], boxes: list[dict[str, Any]], idle: list[str]) -> dict[str, Mapping[str, Any]]:
    """By what it is about: boxes whose wave has not come are silent, and percents are told in tens."""
    found: dict[str, Mapping[str, Any]] = {}
    for box in boxes:
        if box["aim"] != "later":
            percent = None if box["percent"] is None else int(box["percent"] // 10 * 10)
            told = {name: box[name] for name in ("aim", "state", "code", "words")}
            found[box["device"]] = {"box": box["device"], **told, "percent": percent}
    names = ("name", "state", "why", "wave", "boxes", "assigned", "accepted", "failed", "pending")
    found[""] = {**{name: row[name] for name in names}, "untended": idle}
    return found


def _line(key: str, said: Mapping[str, Any]) -> str:
    if key:
        percent = "" if said["percent"] is None else f" {said['percent']} %"
        aim = "" if said["aim"] == "new" else f"{said['aim']}: "
        return f"  {key:24} {aim}{said['state'] or 'told, no answer yet'}{percent} {said['code']} {said['words']}".rstrip()
    numbers = ", ".join(f"{said[name]} {name}" for name in ("assigned", "accepted", "failed", "pending"))
    hint = f"waits for `vedette-trainer rollout approve {said['name']}`" if said["state"] == "waiting" else ""
    begin = f"{said['name']}: {said['state']}, wave {said['wave']}, {said['boxes']} boxes: {numbers}"
    parts = [begin, hint, said["why"], *said["untended"]]
    return "; ".join(part for part in parts if part)

