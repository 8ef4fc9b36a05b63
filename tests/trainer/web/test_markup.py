"""Words from outside that would be markup, on every page and in the labelling page's editor: real Chromium shows them as words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from dataset.marks import box
from tests.device.web.conftest import needs_chromium
from tests.trainer.review.homes import Shot, add
from tests.trainer.web import worlds
from tests.trainer.web.pages import Running, parts_in
from tests.trainer.web.static.label.person import Person
from tests.trainer.web.test_browser import chromium
from trainer.review.filling import fill
from trainer.store.registry_tables import models

if TYPE_CHECKING:

    from playwright.sync_api import Browser

pytestmark = needs_chromium
__all__ = ["chromium"]
EVIL = '"\'><img src=x onerror="window.taken=1"><svg/onload=window.taken=2>{{7*7}}</title></textarea>'
OTHER = "javascript:window.taken=3//<b>&lt;"
PAGES = (
    "/devices", "/devices/evil-1", "/events", "/sets", "/sets/yard", "/runs", f"/runs/{worlds.RUN}", "/models",
    f"/models/{worlds.CANDIDATE}", "/jobs", "/audit", "/jobs/new/%3Cimg%20src=x%20onerror=window.taken=4%3E", f"/label/{OTHER}",
)  # fmt: skip


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    parts = parts_in(tmp_path_factory.mktemp("trainer"))
    worlds.fill(parts)
    worlds.say(parts, EVIL)
    marks = [box(EVIL[:90], (4, 4, 20, 20), 0.6), box(OTHER, (30, 10, 20, 20), 0.4)]
    about = {"session": EVIL.replace("/", "")[:60], "source": OTHER, "exhaustive_for": (EVIL[:90],)}
    add(parts.home.sets / "yard", [Shot(n, tuple(marks), more=about) for n in range(3)])
    fill(parts.database, parts.home.sets, parts.clock, names=("yard",))
    run = parts.home.runs / worlds.RUN
    said = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**said, "why": EVIL, "classes": [EVIL], "notes": [EVIL], "config": {EVIL: OTHER}}))
    line = json.loads((run / "progress.jsonl").read_text().splitlines()[0])
    (run / "progress.jsonl").write_text(json.dumps({**line, "loss": {EVIL: 1.0}, "classes": {EVIL: 0.5}}) + "\n")
    with parts.database.write() as connection:
        connection.execute(models.update().values(licence=EVIL, card=EVIL, version=OTHER, name=EVIL[:60]))
    job = parts.jobs.ask("train", {"config": EVIL}, EVIL[:60])
    parts.jobs.claim("w")
    parts.jobs.end(job.id, "w", "failed", EVIL, {EVIL: OTHER})
    page = Running(parts)
    yield page
    page.close()
    parts.database.close()


def test_markup_from_outside_is_words_on_every_page(chromium: Browser, evil: Running) -> None:
    ada = Person(chromium, evil.base, "ada")
    job = evil.parts.jobs.listed(1)[0].id
    for path in (*PAGES, f"/jobs/{job}"):
        ada.page.goto(evil.base + path)
        ada.page.wait_for_selector("h1, #label")
        assert ada.page.evaluate("window.taken === undefined && !document.querySelector('img[onerror], [onload]')"), path
    assert [line for line in ada.complaints if "404" not in line] == []
    ada.close()


def test_markup_in_classes_is_words_in_the_editor(chromium: Browser, evil: Running) -> None:
    lea = Person(chromium, evil.base).open()
    for key in ("?", "Escape", "Tab", "1", "2", "Delete", "Control+z", "e"):
        lea.press(key)
    assert lea.page.evaluate("document.body.innerText").count("onerror")
    assert lea.page.evaluate("window.taken === undefined && !document.querySelector('img[onerror], [onload]')")
    assert lea.complaints == []
    lea.close()
