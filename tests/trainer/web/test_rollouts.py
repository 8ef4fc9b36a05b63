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


# ---- over REST

API = "/api/v1/rollouts"


@pytest.fixture
def released(page: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """That a bundle is a release is the repository's to say, which tests/trainer/push shows."""
    monkeypatch.setattr("trainer.web.rollouts_api.Place.require", lambda place: None)
    monkeypatch.setattr("trainer.web.rollouts_api.Repository.everything", lambda repository: {MODEL.target: MODEL})


def test_a_program_begins_a_rollout_and_decides_with_the_rights_of_the_page(page: Running, released: None) -> None:
    ada, vera, lea = (page.login(name) for name in ("ada", "vera", "lea"))
    boxes = {"boxes": ["box-002", "box-003"], "canaries": ["box-001"]}
    asked = {"name": "night-3", "model": "mm@2.0.0", **boxes, "steps": [50, 100], "approve": True}
    for who in (vera, lea):
        assert who.post(API, json=asked).status_code == 403
    assert page.nobody.get(API).status_code == 401
    made = ada.post(API, json=asked)
    assert (made.status_code, made.headers["location"]) == (201, f"{API}/night-3"), made.text
    said = vera.get(f"{API}/night-3").json()
    assert (said["state"], said["boxes"], said["target"], said["who"]) == ("running", 3, MODEL.target, "ada")
    assert (said["rules"]["steps"], said["rules"]["approve"]) == ([50, 100], True)
    assert ada.post(f"{API}/night-3/pause").json()["state"] == "paused"
    assert vera.post(f"{API}/night-3/resume").status_code == 403
    assert ada.post(f"{API}/night-3/resume").json()["state"] == "running"
    refused = ada.post(f"{API}/night-3/approve")
    assert (refused.status_code, "is running" in refused.json()["detail"]) == (422, True)
    assert ada.post(f"{API}/night-3/stop", json={"why": "blind at night"}).json()["state"] == "stopping"
    assert "blind at night" in vera.get(f"{API}/night-3").json()["why"]
    assert [each["name"] for each in vera.get(API).json()["rollouts"]] == ["night-3"]
    deeds = [(each.who, each.action, each.what) for each in page.parts.accounts.audit.page()[:4]]
    assert deeds == [("ada", f"rollout {what}", "night-3") for what in ("stop", "resume", "pause", "started")]


def test_boxes_come_page_by_page_with_what_they_say(page: Running, rollouts: Rollouts) -> None:
    vera = page.login("vera")
    say(page, "box-000", aim="new", state="committed", signed=1, t_us=1_790_000_000_000_000)
    first = vera.get(f"{API}/night-2/boxes?limit=200").json()
    rest = vera.get(f"{API}/night-2/boxes", params={"after": first["after"]}).json()
    assert (len(first["boxes"]), len(rest["boxes"]), rest["after"]) == (200, 50, None)
    canary = first["boxes"][0]
    assert (canary["device"], canary["aim"], canary["state"], canary["signed"]) == ("box-000", "new", "committed", True)
    assert canary["at"].startswith("2026-09-21T")
    assert {each["aim"] for each in rest["boxes"]} == {"later"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"model": "mm@9.9.9", "boxes": ["box-001"]}, "is not released"),
        ({"model": "mm@2.0.0"}, "has no box"),
        ({"model": "mm@2.0.0", "boxes": ["../x"]}, "use 3 to 40"),
        ({"model": "mm@2.0.0", "boxes": ["box-001"], "steps": [50, 10]}, "rise to 100"),
        ({"model": "mm@2.0.0", "boxes": ["box-001"], "error_shares": 0.5}, "error_shares"),
    ],
)  # fmt: skip
def test_what_cannot_be_begun_says_why(page: Running, released: None, asked: dict[str, object], words: str) -> None:
    answer = page.login("ada").post(API, json={"name": "night-3", **asked})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_a_program_is_told_what_is_not_there(page: Running, rollouts: Rollouts) -> None:
    ada = page.login("ada")
    assert ada.get(f"{API}/none").status_code == 404
    assert ada.post(f"{API}/none/stop", json={"why": "x"}).status_code == 404
    assert ada.post(f"{API}/night-2/explode").status_code == 422
    assert ada.post(f"{API}/night-2/stop", json={}).status_code == 422, "say why: it is kept"
    unbegun = ada.post(API, json={"name": "night-4", "model": "mm@2.0.0", "boxes": ["box-001"]})
    assert "hold the ceremony" in unbegun.json()["detail"]


# ---- begun on the page


def test_an_admin_begins_one_on_the_page_and_a_mistake_keeps_what_was_typed(
    page: Running, released: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.push.place.Place.begun", True)
    ada = page.login("ada")
    form = {"csrf": ada.headers["X-CSRF-Token"], "name": "night-5", "release": MODEL.target, "who": "named", "steps": "50, 100"}
    refused = ada.post("/rollouts", data={**form, "boxes": "Yard 1"}, headers=HTML)
    assert (refused.status_code, "use 3 to 40" in refused.text, 'value="night-5"' in refused.text) == (422, True, True)
    made = ada.post("/rollouts", data={**form, "boxes": "box-002, box-003", "canaries": "box-001", "approve": "1"})
    assert (made.status_code, made.headers["location"]) == (303, "/rollouts/night-5"), made.text
    said = ada.get(f"{API}/night-5").json()
    assert (said["boxes"], said["rules"]["steps"], said["rules"]["approve"], said["who"]) == (3, [50, 100], True, "ada")
    vera = page.login("vera")
    assert vera.post("/rollouts", data={**form, "csrf": vera.headers["X-CSRF-Token"]}).status_code == 403
    assert "Begin a rollout" not in vera.get("/rollouts").text
    assert "Begin a rollout" in ada.get("/rollouts").text


def test_a_repository_that_cannot_be_read_hides_no_rollout_from_who_may_stop_it(
    page: Running, rollouts: Rollouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.push.place.Place.begun", True)  # and nothing is there
    answer = page.login("ada").get("/rollouts")
    assert (answer.status_code, "night-2" in answer.text, "timestamp.json: No such file" in answer.text) == (200, True, True)


def test_who_looks_is_told_that_nobody_brings_it_to_boxes(page: Running, rollouts: Rollouts) -> None:
    vera = page.login("vera")
    for path in ("/rollouts", "/rollouts/night-2", API):
        text = vera.get(path).text
        assert "start `vedette-trainer rollout run`" in text
        assert "start `vedette-trainer ingest`" in text
