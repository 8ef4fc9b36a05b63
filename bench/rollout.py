"""Rollout: a thousand boxes that sign and verify as real ones do, a real broker, ingest and pusher as processes: where it stops."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import MQTTMessage

from bench.ingest import ROOM
from bench.report import ROOT, Figure, report
from contracts.topics import ROOT as TOPICS
from contracts.topics import Topics, read_topic
from contracts.update import Assignment, AssignmentKeys, Model, Receipt, SignedReceipt, UpdateReport, UpdateSignature
from contracts.wire import utc_from_ns
from device.update.assigned import Recipient, admit, sequence_of, vouched
from tests.device.publish.mosquitto import Broker, Listener, broker_in
from tests.device.update.box import bundle
from tests.trainer.ingest.boxes import Fleet, envelope, status
from tests.trainer.ingest.trainers import Trainer, eventually
from trainer.accounts.audit import HERE
from trainer.clock import SystemClock
from trainer.home import Home
from trainer.push.ceremony import Brought, init
from trainer.push.keys import targets_key
from trainer.push.place import Place
from trainer.push.releasing import described
from trainer.push.repository import Repository
from trainer.push.rollout import Counts, Rollout, Rollouts
from trainer.push.waves import Rules
from trainer.registry.keys import SigningKey
from trainer.store.database import Database

STATES = ("offered", "downloading", "verified", "preflight", "building", "selftest", "shadow", "trial", "committed")
OLD = "sha256:" + "1" * 64
WORDS = "words of the bench"
SHARE = 0.03
NAME = "spring"


@dataclass
class Swarm:
    """Each box has its own key and its own floors; those that fail refuse at their self-test."""

    names: Sequence[str]
    failing: set[str]
    keys: AssignmentKeys
    fleet: Fleet
    secrets: dict[str, SigningKey] = field(default_factory=dict)
    floors: dict[str, dict[str, int]] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)
    took: set[str] = field(default_factory=set)

    def introduce(self) -> None:
        for name in self.names:
            self.secrets[name] = SigningKey(os.urandom(32))
            self._send(name, "status", status("online", "s1"))
            self._send(name, "info", {"key": self.secrets[name].public.model_dump(mode="json")})

    def follow(self, message: MQTTMessage) -> None:
        """As a box judges it; a message that it does not follow says nothing here."""
        name = read_topic(message.topic).device or ""
        read = vouched(bytes(message.payload), self.keys)
        floors = self.floors.setdefault(name, {})
        admit(read.assignment, Recipient(name), floors, [key.keyid for key in self.keys.keys], utc_from_ns(time.time_ns()))
        floors.update({sequence_of(read.assignment, keyid): read.assignment.seq for keyid in read.keyids})
        if read.assignment.model is None:
            self._say(name, read.assignment, "committed")
            return
        for state in STATES:
            if state == "shadow" and name in self.failing:
                self._say(name, read.assignment, "rejected", code="E_GOLDEN", words="golden answers differ")
                return
            self._say(name, read.assignment, state)
        self.took.add(name)

    def _say(self, name: str, assignment: Assignment, state: str, **more: Any) -> None:
        model, now = assignment.model, utc_from_ns(time.time_ns())
        if state == "committed" and model is not None:
            said = Receipt(device=name, model=model, rollout=assignment.rollout, seq=assignment.seq, accepted=now, head="0" * 64)
            more |= {"receipt": self._signed(name, said), "current": model.digest}
        told = UpdateReport.model_validate({
            "state": state, "rollout": assignment.rollout, "seq": assignment.seq, "at": now, "current": OLD, "head": "0" * 64,
            "model": model.digest if model else None, **more,
        })  # fmt: skip
        self._send(name, "update", told.model_dump(mode="json"))

    def _signed(self, name: str, receipt: Receipt) -> SignedReceipt:
        payload, key = receipt.model_dump_json(), self.secrets[name]
        return SignedReceipt(payload=payload, sig=UpdateSignature(keyid=key.public.keyid, sig=key.sign(payload.encode()).hex()))

    def _send(self, name: str, kind: str, data: dict[str, Any]) -> None:
        self.sent[kind] += 1
        raw = envelope(name, None, data, kind, boot=f"b{self.sent[kind]}")
        self.fleet.send(Topics(name).up(kind), raw, retain=True)


@dataclass(frozen=True)
class Seen:
    rollout: Rollout
    counts: Counts
    seconds: float
    reports: int
    assignments: int
    took: int


def rolled(folder: Path, boxes: int, rules: Rules) -> Seen:
    """From `rollout start` to the end of everything that follows from it."""
    home, model = released(folder)
    names = [f"box-{number:05d}" for number in range(boxes)]
    canaries, chance = names[:10], random.Random(5)
    failing = set(chance.sample(names[10:], round(SHARE * boxes)))
    keys = AssignmentKeys.model_validate_json((Place(home).trust / "assignment.json").read_bytes())
    (folder / "broker").mkdir()
    with broker_in(folder / "broker", *ROOM) as broker, working(home, broker) as trainer:
        heard, fleet, database = Listener(broker, f"{TOPICS}/+/dn/desired"), Fleet(broker.host, broker.port), Database(home.store)
        rollouts = Rollouts(database, SystemClock())
        swarm = Swarm(names, failing, keys, fleet)
        swarm.introduce()
        fleet.flush()
        eventually(lambda: len(rollouts.heard_of()) == boxes, 120)
        began = time.perf_counter()
        rollouts.start(NAME, model, names, canaries, rules, HERE)
        followed = until_it_ends(rollouts, heard, swarm)
        seconds = time.perf_counter() - began
        seen = Seen(rollouts.get(NAME), rollouts.counted(NAME), seconds, swarm.sent["update"], followed, len(swarm.took))
        heard.close()
        fleet.close()
        database.close()
        trainer.stop()
    return seen


def until_it_ends(rollouts: Rollouts, heard: Listener, swarm: Swarm) -> int:
    """Messages that boxes followed, to the halt and what it calls off."""
    followed, quiet_since = 0, time.monotonic()
    while True:
        fresh = heard.messages[followed:]
        for message in fresh:
            swarm.follow(message)
        followed += len(fresh)
        swarm.fleet.flush()
        if fresh or rollouts.get(NAME).state == "running":
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > 3:
            return followed
        eventually(lambda done=followed: len(heard.messages) > done or rollouts.get(NAME).state != "running", 120)


def released(folder: Path) -> tuple[Home, Model]:
    home, safe = Home(folder / "home"), folder / "safe"
    place = init(home, SystemClock(), Brought((safe,), WORDS, WORDS))
    stored = bundle(folder / "v2.vdb", "2.0.0")
    model = Repository(place, SystemClock()).release(
        stored.path, hashlib.sha256(stored.path.read_bytes()).hexdigest(), described(stored), targets_key(place, WORDS)
    )
    return home, model


@contextmanager
def working(home: Home, broker: Broker) -> Iterator[Trainer]:
    """`ingest` and `rollout run`, as they are started by hand."""
    trainer = Trainer(Path(home.store), broker)
    trainer.start()
    trainer.wait(lambda said: said["connected"])
    where = ["--home", str(home.path), "--host", broker.host, "--port", str(broker.port), "--json"]
    pusher = subprocess.Popen([sys.executable, "-m", "trainer.main", "rollout", "run", *where], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield trainer
    finally:
        pusher.send_signal(signal.SIGTERM)
        said = json.loads(pusher.communicate(timeout=60)[0].splitlines()[-1])
        print(f"  the pusher: {said}")
        trainer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=1000)
    boxes = parser.parse_args().boxes
    figures = []
    for words, rules in (("more than 2 % refuse", Rules(error_share=0.02)), ("more than 20 refuse", Rules(errors=20, error_share=1.0))):
        with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
            seen = rolled(Path(folder), boxes, rules)
        print(f"  {seen.rollout.why}; {seen.counts}")
        least = 20 if rules.errors else 0.02 * seen.counts.assigned
        assert seen.rollout.state == "halted"
        assert seen.counts.failed > least
        figures += [
            Figure(f"{words}: refusals when it halted", seen.counts.failed, ""),
            Figure(f"{words}: boxes that took it", seen.took, ""),
            Figure(f"{words}: boxes that kept their model", seen.counts.boxes - seen.took, "", ">= 1"),
            Figure(f"{words}: messages of boxes", seen.reports, ""),
            Figure(f"{words}: messages to boxes", seen.assignments, ""),
            Figure(f"{words}: from start to halt, and what follows", seen.seconds, "s"),
        ]
    report("rollout", figures, boxes=boxes, failing=SHARE)


if __name__ == "__main__":
    main()
