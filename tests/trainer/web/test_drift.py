"""The page of drift: what drifted is said in words, with a line and the pictures to label first; in a browser and over REST."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from contracts.drift import DriftWindow
from dataset.exporter import Exporter
from tests.dataset.scenery import fill as fill_set
from tests.device.web.conftest import ARGS, CHROMIUM, PHONE, needs_chromium
from tests.device.web.visitor import Visitor
from tests.trainer.drift.stores import FIRST, HOUR_US, Field
from tests.trainer.drift.worlds import MODEL, Change, World
from tests.trainer.web.pages import PASSWORD, Running, parts_in
from trainer.review.filling import fill
from trainer.store.drift_tables import drift_hours, drift_standing
from trainer.store.registry_tables import models
from trainer.store.review_tables import review_items

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DAY = 24
AT = 9 * DAY + 5
NOW = AT + 46
PICTURES = "SCREENSHOTS"  # a folder that gets pictures of these pages


def hours(seed: int, **change: Any) -> dict[int, DriftWindow]:
    return World(seed, change=Change(AT, **change) if change else None).hours(12 * DAY)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    parts = parts_in(tmp_path_factory.mktemp("trainer"))
    field = Field(str(parts.home.path / "store.sqlite"))
    field.say("gate-1", hours(1, light=0.5, score=-0.15))
    field.say("gate-2", hours(2, light=0.5, score=-0.15))
    field.say("yard-1", hours(3))
    field.say("yard-2", {hour: window for hour, window in hours(4).items() if hour > 6 * DAY})
    with parts.database.write() as connection:
        known = {"digest": MODEL, "name": "person-street", "version": "1.1.0", "task": "detect", "file": "f" * 64}
        connection.execute(models.insert(), {**known, "bytes": 1, "manifest": "{}", "added_us": 0})
    assert len(field.look(NOW)) == 1
    with Exporter(parts.home.sets / "street") as exporter:
        fill_set(exporter, range(12))
    fill(parts.database, parts.home.sets, parts.clock)
    with parts.database.write() as connection:
        connection.execute(update(review_items).values(device="gate-1", t_us=(FIRST + AT + 30) * HOUR_US))
    running = Running(parts)
    yield running
    running.close()
    field.close()
    parts.database.close()


def test_what_drifts_comes_first_with_the_moment_to_retrain_in_words(page: Running) -> None:
    text = page.login("vera").get("/drift").text
    assert "person-street 1.1.0: the moment to retrain has come: the model is less sure of person" in text
    assert "on 2 of 3 boxes (gate-1, gate-2), since 20" in text
    assert text.index(">gate-1<") < text.index(">yard-1<")
    assert "learning, day " in text
    assert text.count("<svg class=\"spark\"") > 10


def test_a_box_says_what_to_label_first(page: Running) -> None:
    lea = page.login("lea")
    text = lea.get("/drift/gate-1").text
    assert "Pictures of this box that wait in the queue, since it drifted" in text
    links = [part.split('"')[0] for part in text.split('href="/label/')[1:]]
    assert 0 < len(links) <= 12
    assert lea.get(f"/label/{links[0]}").status_code == 200
    assert "Fetch its training data" in lea.get("/drift/gate-2").text


def test_rest_gives_the_same_in_pages(page: Running) -> None:
    vera = page.login("vera")
    whole = vera.get("/api/v1/drift").json()
    assert whole["calls"][0]["devices"] == ["gate-1", "gate-2"]
    first = whole["standing"][0]
    assert (first["state"], first["measure"], first["of_model"], len(first["line"])) == ("drift", "confidence:person", True, 7 * DAY)
    part = vera.get("/api/v1/drift", params={"limit": 5}).json()
    rest = vera.get("/api/v1/drift", params={"after": part["next"]}).json()
    assert part["standing"] + rest["standing"] == whole["standing"]
    only = vera.get("/api/v1/drift", params={"device": "yard-1", "state": "ok"}).json()["standing"]
    assert {(row["device"], row["state"]) for row in only} == {("yard-1", "ok")}
    together = vera.get("/api/v1/drift", params={"device": ""}).json()["standing"]
    assert {row["device"] for row in together} == {""}


@pytest.mark.parametrize(("path", "status"), [
    ("/drift/no-such-box", 404), ("/drift?state=x", 422), ("/api/v1/drift?model=x", 422), ("/api/v1/drift?limit=0", 422),
    ("/drift?after=x", 200), ("/drift?state=drift&after=[]", 200),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(page: Running, path: str, status: int) -> None:
    assert page.login("vera").get(path).status_code == status
    assert page.nobody.get(path).status_code == 401


def test_nothing_a_box_says_is_markup(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    parts = parts_in(tmp_path)
    field = Field(str(parts.home.path / "store.sqlite"), days=3)
    told = World(5).hours(5 * DAY)
    field.say("evil-1", {
        hour: window.model_copy(update={"camera": evil[:64], "classes": {evil: window.classes["person"]} if window.classes else {}})
        for hour, window in told.items()
    })  # fmt: skip
    field.look(5 * DAY - 1)
    running = Running(parts)
    vera = running.login("vera")
    for path in ("/drift", "/drift/evil-1"):
        text = vera.get(path).text
        assert "alert(1)" in text
        assert evil not in text
    running.close()
    with parts.database.write() as connection:
        connection.execute(update(drift_hours).values(body="{}"))
        connection.execute(update(drift_standing).values(line=""))
    field.look(5 * DAY)
    field.close()
    parts.database.close()


@needs_chromium[0]
@needs_chromium[1]
def test_in_a_browser_it_fits_wide_and_narrow_and_complains_of_nothing(page: Running) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as play:
        browser: Browser = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        for name, size, colours in (("trainer-drift", {"width": 1280, "height": 860}, "light"), ("phone", PHONE, "dark")):
            visitor = Visitor(browser, page.base, viewport=size, color_scheme=colours)
            shown = visitor.open("/")
            shown.fill("#name", "ada")
            shown.fill("#password", PASSWORD)
            shown.press("#password", "Enter")
            shown.wait_for_selector("nav.nav")
            for number, path in enumerate(("/drift", "/drift/gate-1")):
                shown = visitor.open(path)
                shown.wait_for_selector("svg.spark polyline.over, figure.curve polyline")
                if folder := os.environ.get(PICTURES):
                    shown.screenshot(path=f"{folder}/{name}-{number}.jpg", type="jpeg", quality=80)
                assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            visitor.close()
            assert visitor.complaints == []
        browser.close()
