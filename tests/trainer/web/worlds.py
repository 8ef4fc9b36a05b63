"""A trainer that has seen something: boxes, events, a data set, a run, models with their gates; and readers of its pages."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any
from uuid import UUID

from contracts.run import Best, EpochLine, Run, Software
from contracts.verdict import Check, TestSet, Verdict
from dataset.exporter import Exporter
from tests.dataset.scenery import fill as fill_set
from trainer.store.registry_tables import model_events, models, placements
from trainer.store.tables import devices, events, gaps, reports
from trainer.web.parts import Parts

NOW_US = 1_790_000_000_000_000
WHEN = datetime(2026, 9, 21, 12, tzinfo=timezone.utc)
RUN = "01K5QZ3V0000000000000000RR"
CHAMPION, CANDIDATE, MODEL = (f"sha256:{letter * 64}" for letter in "cda")


def fill(parts: Parts) -> None:
    _boxes(parts)
    with Exporter(parts.home.sets / "street") as exporter:
        fill_set(exporter, range(30))
    _run(parts)
    _models(parts)


def _device(number: int, name: str, state: str) -> dict[str, Any]:
    said = {"number": number, "name": name, "state": state, "state_us": NOW_US, "first_us": NOW_US - 10**12, "last_us": NOW_US}
    return {**said, "software": "0.1.0", "profile": "street", "info": json.dumps({"type": "info.v1", "data": {"model": MODEL}})}


def event_row(device: int, number: int, label: str = "person") -> dict[str, Any]:
    start, event = NOW_US - number * 1_000_000, str(UUID(int=device << 64 | number % (1 << 64)))
    known = {
        "device": device,
        "event": event,
        "kind": "object",
        "camera": "street",
        "label": label,
    }
    life = {"confidence": 0.9, "life": "end", "start_us": start, "end_us": start + 2_000_000, "t_us": start, "rank": start}
    return {**known, **life, "model": MODEL, "body": json.dumps({"kind": "object", "label": label})}


def _boxes(parts: Parts) -> None:
    health = {"type": "health.v1", "data": {"cameras": {"street": {"state": "online"}}, "parts": {"mqtt": {"state": "ok"}}}}
    report = {"device": 1, "kind": "health", "message": "0" * 26, "t_us": NOW_US, "came_us": NOW_US, "body": json.dumps(health)}
    hole = {"device": 1, "journal": 1, "first": 5, "last": 16, "state": "open", "seen_us": NOW_US}
    with parts.database.write() as connection:
        connection.execute(devices.insert(), [_device(1, "yard-1", "online"), _device(2, "gate-2", "lost")])
        connection.execute(events.insert(), [event_row(1, n, "dog" if n % 9 == 0 else "person") for n in range(120)])
        connection.execute(events.insert(), [event_row(2, n) for n in range(30)])
        connection.execute(reports.insert(), report)
        connection.execute(gaps.insert(), hole)


def say(parts: Parts, text: str) -> None:
    """A box that puts that text wherever it can."""
    info = {"type": "info.v1", "data": {"model": text, "hardware": {text: text}}}
    row = {**_device(9, "evil-1", "online"), "software": text, "profile": text, "info": json.dumps(info)}
    event = {**event_row(9, 1, text), "camera": text, "kind": text, "model": text}
    with parts.database.write() as connection:
        connection.execute(devices.insert(), row)
        connection.execute(events.insert(), event)


def _run(parts: Parts) -> None:
    folder = parts.home.runs / RUN
    folder.mkdir()
    run = Run(
        id=RUN, state="done", config={"data": {"set": "street"}, "model": {"architecture": "small"}}, seed=1,
        software=Software(vedette="0.1.0", torch="2.9", python="3.11"), device="cpu", created=WHEN, started=WHEN, ended=WHEN,
        best=Best(epoch=20, ap50=0.625, ap=0.4), pictures={"train": 20, "val": 10}, examples={"person": 30},
    )  # fmt: skip
    lines = [
        EpochLine(
            epoch=n, epochs=20, step=n, loss={"box": 1 / n, "total": 2 / n}, rate=0.001, ap=n / 50, ap50=n / 32, classes={"person": n / 32},
            seconds=1, left_s=20 - n, t=WHEN,
        )
        for n in range(1, 21)
    ]  # fmt: skip
    (folder / "run.json").write_text(run.model_dump_json())
    (folder / "progress.jsonl").write_text("".join(line.model_dump_json() + "\n" for line in lines) + '{"epoch": 21, "ep')
    (folder / "report.html").write_text("<!doctype html><p>worst mistakes<script>alert(1)</script>")


def verdict(candidate: str, champion: str | None, recall: float) -> Verdict:
    """One that finds persons as often as that; below 0.9 is refused."""
    answer: Any = "pass" if recall >= 0.9 else "fail"
    why = f"recall of person is {recall:.2f}, at least 0.9 is asked for"
    checks = [
        Check(rule="finds-persons", kind="absolute", answer=answer, why=why, metric="recall", label="person", limit=0.9,
              estimate=recall, low=recall - 0.02, high=recall + 0.02, recordings=40, objects=900),
    ]  # fmt: skip
    if champion:
        loss: Any = "pass" if recall >= 0.92 else "fail"
        checks.append(
            Check(rule="not-worse", kind="non_inferior", answer=loss, why="its AP against the champion's", metric="ap", against="champion",
                  limit=0.01, estimate=recall - 0.93, low=recall - 0.95, high=recall - 0.91, ours=recall - 0.4, theirs=0.53)
        )  # fmt: skip
    return Verdict(
        answer=answer, takes_the_title=False, candidate=candidate, champion=champion, gates_sha256="0" * 64, confidence=0.95,
        resamples=2000, seed=1, test_set=TestSet(root=f"sha256:{'e' * 64}", uses=3, models=2, level="fresh"), checks=checks, t=WHEN,
    )  # fmt: skip


def _models(parts: Parts) -> None:
    told = ((CHAMPION, "1.0.0", verdict(CHAMPION, None, 0.93)), (CANDIDATE, "1.1.0", verdict(CANDIDATE, CHAMPION, 0.81)))
    with parts.database.write() as connection:
        for number, (digest, version, said) in enumerate(told):
            raw = said.model_dump_json().encode()
            name = sha256(raw).hexdigest()
            (parts.home.verdicts / f"{name}.json").write_bytes(raw)
            row = {"digest": digest, "name": "person-street", "version": version, "release": f"person-street@{version}", "task": "detect"}
            rest = {"file": "f" * 64, "bytes": 1_800_000, "run": RUN, "licence": "Apache-2.0", "card": "# Card", "manifest": "{}"}
            connection.execute(models.insert(), {**row, **rest, "added_us": NOW_US + number})
            event = {"model": digest, "name": "person-street", "who": "ada", "t_us": NOW_US}
            connection.execute(model_events.insert(), {**event, "kind": "judged", "verdict": name, "answer": said.answer})
        event = {"model": CHAMPION, "name": "person-street", "who": "ada", "t_us": NOW_US, "kind": "champion", "reign": 1}
        connection.execute(model_events.insert(), event)
        stay = {"device": 1, "model": CANDIDATE, "hour": 1, "from_us": NOW_US, "to_us": NOW_US + 1, "told": 1}
        connection.execute(placements.insert(), stay)


def events_in(text: str) -> list[str]:
    return re.findall(r'href="/events/[^/"]+/([0-9a-f-]{36})"', text)


def pictures_in(text: str) -> list[str]:
    return re.findall(r'<image href="([^"]+)"', text)


def next_page(text: str) -> str:
    """Empty: that was the last."""
    found = re.search(r'rel="next" href="([^"]+)"', text)
    return found[1].replace("&amp;", "&") if found else ""


def attribute(text: str, name: str, ending: str) -> str:
    found = re.search(rf'{name}="([^"]+{re.escape(ending)})"', text)
    assert found
    return found[1]
