"""The page of rollouts: every box as it happens, buttons for admins, and nothing of what a box says is markup."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import update

from contracts.update import Model
from tests.trainer.web.pages import Running
from trainer.accounts.audit import HERE
from trainer.push.rollout import Rollouts
from trainer.push.waves import Rules
from trainer.store.push_tables import rollout_boxes

MODEL = Model(target="models/m/m-2.0.0-b.vdb", digest="sha256:" + "2" * 64, sha256="2" * 64, length=10, name="mm", version="2.0.0")
EVIL = "<script>alert(1)</script>"
HTML = {"accept": "text/html"}


@pytest.fixture
def rollouts(page: Running) -> Rollouts:
    made = Rollouts(page.parts.database, page.parts.clock)
    made.start("night-2", MODEL, [f"box-{n:03}" for n in range(250)], ["box-000"], Rules(), HERE)
    return made


def say(page: Running, device: str, **said: object) -> None:
    with page.parts.database.write() as connection:
        connection.execute(update(rollout_boxes).where(rollout_boxes.c.device == device).values(**said))


def test_what_a_box_says_is_seen_when_it_says_it_and_costs_nothing_while_it_does_not(page: Running, rollouts: Rollouts) -> None:
    vera = page.login("vera")
    assert 'href="/rollouts/night-2"' in vera.get("/rollouts").text
    first = vera.get("/rollouts/night-2/now")
    again = {"If-None-Match": first.headers["etag"]}
    assert vera.get("/rollouts/night-2/now", headers=again).status_code == 304
    say(page, "box-000", aim="new", state="downloading", percent=42.0, words=EVIL, code="E_FETCH")
    text = vera.get("/rollouts/night-2/now", headers=again).text
    assert "downloading 42 %" in text
    assert "E_FETCH" in text
    assert EVIL not in text
    assert "1 of 250 boxes assigned: 0 accepted, 0 refused, 1 pending" in text
    say(page, "box-000", state="committed", signed=1)
    assert "1 accepted" in vera.get("/rollouts/night-2/now").text
    rows = vera.get("/rollouts/-/rows")
    assert vera.get("/rollouts/-/rows", headers={"If-None-Match": rows.headers["etag"]}).status_code == 304


def test_all_boxes_are_reached_page_by_page(page: Running, rollouts: Rollouts) -> None:
    vera, path, seen = page.login("vera"), "/rollouts/night-2", set()
    for _ in range(2):
        text = vera.get(path).text
        seen |= {part[:7] for part in text.split('href="/devices/')[1:]}
        path = text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&") if 'rel="next"' in text else ""
    assert path == ""
    assert len(seen) == 250


def test_admins_decide_and_it_is_in_the_audit(page: Running, rollouts: Rollouts) -> None:
    ada = page.login("ada")
    for what, state in (("pause", "paused"), ("resume", "running"), ("stop", "stopping")):
        answer = ada.post(f"/rollouts/night-2/{what}", data={"why": "blind at night", "csrf": ada.headers["X-CSRF-Token"]})
        assert (answer.status_code, answer.headers["location"]) == (303, "/rollouts/night-2")
        assert rollouts.get("night-2").state == state
    assert "blind at night" in ada.get("/rollouts/night-2").text
    deed = page.parts.accounts.audit.page()[0]
    assert (deed.who, deed.action, deed.what) == ("ada", "rollout stop", "night-2")


def test_others_look_and_do_not_decide(page: Running, rollouts: Rollouts) -> None:
    vera = page.login("vera")
    assert "<button>Pause" not in vera.get("/rollouts/night-2").text
    for who in (vera, page.login("lea")):
        assert who.post("/rollouts/night-2/stop", data={"csrf": who.headers["X-CSRF-Token"]}).status_code == 403
    assert page.nobody.get("/rollouts/night-2").status_code == 401
    assert rollouts.get("night-2").state == "running"


@pytest.mark.parametrize(("path", "status"), [("/rollouts/none", 404), ("/rollouts/none/now", 404), ("/rollouts/night-2?after=x", 422)])
def test_what_is_not_there_is_said(page: Running, rollouts: Rollouts, path: str, status: int) -> None:
    answer: httpx.Response = page.login("vera").get(path, headers=HTML)
    assert answer.status_code == status


def test_what_makes_no_sense_is_refused(page: Running, rollouts: Rollouts) -> None:
    ada = page.login("ada")
    form = {"csrf": ada.headers["X-CSRF-Token"]}
    assert ada.post("/rollouts/night-2/approve", data=form).status_code == 422
    assert ada.post("/rollouts/night-2/explode", data=form).status_code == 404
    assert ada.post("/rollouts/none/pause", data=form).status_code == 404
