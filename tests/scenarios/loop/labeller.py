"""Labeller: a person who is never wrong: looks at each picture of the queue through the trainer's REST API and draws what is true of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.scenarios.loop.film import Boxes, Film
from tests.scenarios.loop.shelf import CLASSES

SECONDS = 20.0  # what a person takes for such a picture


class Memory:
    """What is true of each picture, by the digest of its file: what the box wrote down when it kept it, and the film it came from."""

    def __init__(self) -> None:
        self._truth: dict[str, Boxes] = {}

    def keep(self, manifest: Path, films: Mapping[str, Film]) -> None:
        for line in manifest.read_text().splitlines():
            record = json.loads(line)
            self._truth[record["sha256"]] = films[record["source"]].truth[record["pts_ns"] // 1_000_000]

    def boxes(self, sha256: str) -> Boxes:
        return self._truth[sha256]


@dataclass
class Labeller:
    """`client` talks to the trainer; `log_in` comes first."""

    client: httpx.Client
    memory: Memory
    said: Counter[str] = field(default_factory=Counter)

    def log_in(self, name: str, password: str) -> None:
        answer = self.client.post("/api/v1/session", json={"name": name, "password": password}).raise_for_status()
        self.client.headers["X-CSRF-Token"] = answer.json()["csrf"]

    def label_all(self, told: Callable[[int, int], None] = lambda _done, _all: None) -> int:
        """How many pictures were answered; again and again until nothing is open."""
        done = 0
        while items := self._open():
            for item in items:
                self._answer(item)
                done += 1
                told(done, done + len(items))
        return done

    def _open(self) -> list[dict[str, Any]]:
        answer = self.client.get("/api/v1/review/items", params={"state": "open", "limit": 200}).raise_for_status()
        return list(answer.json()["items"])

    def _answer(self, item: dict[str, Any]) -> None:
        shown = self.client.get(f"/api/v1/review/items/{item['id']}").raise_for_status()
        sha256 = shown.json()["image"]["url"].rpartition("/")[2]
        boxes = drawn(self.memory.boxes(sha256))
        answer = {
            "answer": "boxes" if boxes else "nothing", "boxes": boxes, "exhaustive_for": list(CLASSES), "ignore": [],
            "seconds": SECONDS,
        }  # fmt: skip
        headers = {"If-Match": shown.headers["ETag"], "Idempotency-Key": f"{item['id']}-1"}
        self.client.post(f"/api/v1/review/items/{item['id']}/answer", json=answer, headers=headers).raise_for_status()
        self.said[answer["answer"]] += 1
        self.said["things"] += len(boxes)


def drawn(truth: Iterable[tuple[str, tuple[float, float, float, float]]]) -> list[dict[str, Any]]:
    return [{"id": f"b{n}", "box": list(box), "category": kind, "source": "person"} for n, (kind, box) in enumerate(truth)]
