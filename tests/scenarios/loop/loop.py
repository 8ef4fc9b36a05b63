"""Loop: from what a box saw, through labels, training and gates, to a better bundle, and back to the box."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.scenarios.loop.box import ROOT, ShelfBox, free_port
from tests.scenarios.loop.day import day_set
from tests.scenarios.loop.desk import Desk, Tell
from tests.scenarios.loop.field import Field, field
from tests.scenarios.loop.film import Film, film
from tests.scenarios.loop.labeller import Labeller, Memory

SIZE = [192, 256]  # of the model's input
SET, NAME, DEVICE = "shelf", "shelf", "shelf-box-1"
COUNTED = {"version": 1, "min_recordings": 4, "min_objects": 30, "resamples": 1000}
FINDS = {"finds-enough": {"kind": "absolute", "metric": "recall", "at_least": 0.4}}
NOT_WORSE = {"not-worse": {"kind": "non_inferior", "metric": "ap", "margin": 0.02, "to": ["champion", "parent"], "classes": "each"}}
GATES = {"first": {**COUNTED, "rules": FINDS}, "next": {**COUNTED, "rules": {**FINDS, **NOT_WORSE}}}


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything; the demo takes ten minutes on two cores, the test less."""

    day_sessions: int = 16
    day_pictures: int = 8
    cameras: int = 6
    shifts: int = 4
    seconds: float = 12
    parent_epochs: int = 16
    child_epochs: int = 8


@dataclass(frozen=True, slots=True)
class Told:
    """What the loop ends with."""

    parent: str
    child: str
    verdict: dict[str, Any]
    labelled: int
    before: Field
    after: Field
    events: int


class Loop:
    def __init__(self, folder: Path, scale: Scale, tell: Tell, broker_port: int) -> None:
        self._folder, self._scale, self._say, self._broker = folder, scale, tell, broker_port
        self._memory = Memory()
        self.home = folder / "trainer"
        self._began = time.monotonic()

    def _step(self, words: str) -> None:
        spent = int(time.monotonic() - self._began)
        self._say(f"[{spent // 60}:{spent % 60:02d}] {words}")

    def run(self, after: Callable[[Desk], None] = lambda _desk: None) -> Told:
        scale = self._scale
        with Desk(self.home, lambda words: self._say(f"         {words}")) as desk, self._ingest():
            self._step("A first model is made of shelves by day")
            self._prepare()
            parent = self._make(desk, "1.0.0", scale.parent_epochs, None, None)
            self._step(f"The box works with it in the evening: {scale.shifts} shifts, {scale.cameras} cameras")
            before = self._shifts(desk, parent)
            self._step(f"It kept {before.pictures} pictures; of what is there it saw {before.recall:.0%}. Now they are labelled")
            labelled = self._label(desk)
            self._step(f"{labelled} pictures are labelled. A new model begins from the old one")
            self._split("shelf-2", "--after", str(self.home / "splits" / "shelf-1.json"))
            child = self._make(desk, "1.1.0", scale.child_epochs, parent, parent)
            self._step("The new model goes to the box, for a shift nobody has seen")
            after_it = self._shift(desk, child, scale.shifts, "new")
            events = self._events(desk)
            after(desk)
        self._step("Done")
        return Told(parent, child, self.verdict, labelled, before, after_it, events)

    # ---- the model

    def _prepare(self) -> None:
        day_set(self.home / "sets" / SET, self._scale.day_sessions, self._scale.day_pictures)
        self._split("shelf-1", "--fractions", "0.6,0.15,0.25", "--salt", "shelf")
        (self.home / "gates").mkdir(exist_ok=True)
        for name, rules in GATES.items():
            (self.home / "gates" / f"{name}.yaml").write_text(yaml.safe_dump(rules, sort_keys=False))

    def _split(self, name: str, *words: str) -> None:
        place = self.home / "splits" / f"{name}.json"
        command = [sys.executable, "-m", "trainer.main", "dataset", "split", str(self.home / "sets" / SET), "--out", str(place), *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"dataset split: {done.stdout[-1000:]}{done.stderr[-1000:]}")

    def _make(self, desk: Desk, version: str, epochs: int, parent: str | None, champion: str | None) -> str:
        """Trained, exported, judged, bundled, and in the registry as what is best now; its digest."""
        split = "shelf-1" if parent is None else "shelf-2"
        learnt = desk.job("train", settings=self._settings(split, epochs, parent))
        run = str(learnt["run"])
        desk.job("export", run=run)
        named = {"run": run, "name": NAME, "version": version, **({"parent": parent} if parent else {})}
        draft = desk.job("bundle", draft=True, **named)
        rivals = {key: value for key, value in (("champion", champion), ("parent", parent)) if value}
        rules = "next" if champion else "first"
        self.verdict = dict(desk.job("gate", gates=rules, set=SET, split=split, candidate=draft["digest"], **rivals))
        if self.verdict["answer"] != "pass":
            raise RuntimeError(f"the gates say {self.verdict['answer']}: {self.verdict['failed']}")
        made = desk.job("bundle", verdict=self.verdict["verdict"], **named)
        self._crown(str(made["digest"]))
        return str(made["digest"])

    def _settings(self, split: str, epochs: int, parent: str | None) -> dict[str, Any]:
        model = {"architecture": "small", "size": SIZE, **({"parent": parent} if parent else {})}
        training = {"epochs": epochs, "batch_size": 8, "rate": 4e-3, "validate_every": max(1, epochs // 4)}
        augment = {"mosaic": 0, "crop": 0.2, "scale": [0.8, 1.25], "blur": 0, "jpeg": 0}
        return {"data": {"set": SET, "split": split}, "model": model, "training": training, "augment": augment}

    def _crown(self, digest: str) -> None:
        self._command("models", "champion", NAME, "--take", digest, "--home", str(self.home))

    def _command(self, *words: str) -> None:
        done = subprocess.run([sys.executable, "-m", "trainer.main", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"vedette-trainer {' '.join(words)}: {done.stdout[-1000:]}{done.stderr[-1000:]}")

    # ---- the box

    def _shifts(self, desk: Desk, model: str) -> Field:
        found = [self._shift(desk, model, number, "old") for number in range(self._scale.shifts)]
        return Field(*(sum(getattr(each, name) for each in found) for name in ("pictures", "there", "right", "wrong")))

    def _shift(self, desk: Desk, model: str, number: int, which: str) -> Field:
        """The box runs while its films do; what it kept is fetched before it stops."""
        scale, folder = self._scale, self._folder / f"shift-{number}"
        folder.mkdir(parents=True)
        films: dict[str, Film] = {}
        for camera in range(scale.cameras):
            seed = 1000 + number * scale.cameras + camera
            films[f"aisle-{camera}"] = film(folder / f"aisle-{camera}.mkv", seed, "evening", scale.seconds)
        bundle = self.home / "bundles" / f"{model.removeprefix('sha256:')}.zip"
        with ShelfBox(folder / "box", DEVICE, bundle, films, self._broker) as box:
            threading.Event().wait(scale.seconds + 3)
            manifest = folder / "box" / "data" / "dataset" / "manifest.jsonl"
            if which == "old":
                desk.job("fetch", box=box.url, into=SET)
        self._memory.keep(manifest, films)
        return field(manifest, films)

    def _label(self, desk: Desk) -> int:
        desk.job("review_fill", sets=[SET])
        with httpx.Client(base_url=desk.client.base_url, timeout=60) as client:
            desk.log_in(client, "lea")
            said = Labeller(client, self._memory)
            return said.label_all(lambda done, all_of: self._say(f"         labelled {done} of {all_of}") if done % 50 == 0 else None)

    # ---- what boxes say

    @contextmanager
    def _ingest(self) -> Iterator[None]:
        where = ["--host", "127.0.0.1", "--port", str(self._broker), "--store", str(self.home / "store.sqlite")]
        with (self.home / "ingest.log").open("wb") as log:
            command = [sys.executable, "-m", "trainer.main", "ingest", *where]
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)

    def _events(self, desk: Desk) -> int:
        from trainer.store.database import Database
        from trainer.store.standing import standing

        database = Database(str(self.home / "store.sqlite"), upgrade=False)
        try:
            return int(str(standing(database)["events"]))
        finally:
            database.close()


__all__ = ["Loop", "Scale", "Told", "free_port"]
