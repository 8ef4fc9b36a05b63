"""Every page with something on it: what is there is shown, what is not is said, and nothing from outside is markup."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.trainer.web import worlds
from tests.trainer.web.pages import Running, parts_in
from trainer.store.registry_tables import models

HTML = {"accept": "text/html"}
PAGES = ("/devices", "/events", "/sets", "/runs", "/models", "/rollouts", "/jobs", "/label", "/me")
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def vera(page: Running) -> httpx.Client:
    return page.login("vera")


@pytest.fixture
def full(page: Running) -> Iterator[Running]:
    worlds.fill(page.parts)
    yield page


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, httpx.Client]]:
    """People at a full trainer's page, for tests that only look."""
    running = Running(parts_in(tmp_path_factory.mktemp("trainer")))
    worlds.fill(running.parts)
    yield {name: running.login(name) for name in ("ada", "vera")}
    running.close()
    running.parts.database.close()


@pytest.mark.parametrize("path", PAGES)
def test_an_empty_trainer_says_what_to_do(page: Running, path: str) -> None:
    answer = page.login("vera").get(path, headers=HTML)
    assert answer.status_code == 200
    assert "<h1" in answer.text


def test_the_first_page_is_that_of_the_boxes(vera: httpx.Client) -> None:
    assert vera.get("/").headers["location"] == "/devices"


def test_pages_of_admins_are_for_admins(page: Running, vera: httpx.Client) -> None:
    for path in ("/users", "/audit"):
        refused = vera.get(path, headers=HTML)
        assert refused.status_code == 403
        assert "needs the role admin" in refused.text
        assert page.login("ada").get(path).status_code == 200
    assert "People" not in vera.get("/devices").text


def test_boxes_are_listed_with_what_is_missing_and_what_they_run(full: Running) -> None:
    vera = full.login("vera")
    text = vera.get("/devices").text
    assert "yard-1" in text
    assert "12" in text
    assert "sha256:aaaaaaaaaaaa" in text
    one = vera.get("/devices/yard-1").text
    assert "camera street: online" in one
    assert "5 to 16" in one
    assert vera.get("/devices/nobody").status_code == 404
    assert "gate-2" not in vera.get("/devices?name=yard").text
    assert "yard-1" not in vera.get("/devices?state=lost").text


def test_events_are_filtered_and_paged_by_key(full: Running) -> None:
    vera = full.login("vera")
    seen = []
    path = "/events?device=yard-1"
    while path:
        text = vera.get(path).text
        seen += worlds.events_in(text)
        path = worlds.next_page(text)
    assert len(seen) == len(set(seen)) == 120
    assert worlds.events_in(vera.get("/events?label=dog").text) == worlds.events_in(vera.get("/events?label=dog&kind=object").text)
    assert worlds.events_in(vera.get("/events?label=unicorn").text) == []
    assert worlds.events_in(vera.get("/events?device=nobody").text) == []
    one = vera.get(f"/events/yard-1/{seen[0]}")
    assert one.status_code == 200
    assert vera.get("/events/yard-1/none").status_code == 404


def test_what_boxes_say_is_text_and_never_markup(full: Running) -> None:
    vera = full.login("vera")
    worlds.say(full.parts, EVIL)
    for path in ("/devices", "/devices/evil-1", "/events?device=evil-1"):
        text = vera.get(path).text
        assert EVIL not in text
        assert "&lt;script&gt;" in text


def test_a_data_set_is_shown_with_pictures_and_boxes(full: Running) -> None:
    vera = full.login("vera")
    assert "street" in vera.get("/sets").text
    text = vera.get("/sets/street").text
    assert text.count("<figure") == 24
    assert '<rect class="box machine"' in text
    assert len(worlds.pictures_in(text)) == 24
    older = vera.get(worlds.next_page(text)).text
    assert older.count("<figure") == 6
    picture = vera.get(worlds.pictures_in(text)[0])
    assert picture.headers["content-type"] == "image/png"
    assert "immutable" in picture.headers["cache-control"]
    assert vera.get(worlds.pictures_in(text)[0], headers={"If-None-Match": picture.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/sets/..%2f", "/sets/%2e%2e%2f", "/sets/..%2f..%2fetc", "/sets/street/pictures/..%2f..%2fmanifest.jsonl",
        "/sets/street/pictures/x", f"/sets/street/pictures/{'0' * 64}", "/runs/..%2f..", "/runs/none/report", "/verdicts/..%2fx",
        f"/blobs/{'0' * 64}",
        "/models/x", "/jobs/none", "/jobs/new/none", "/static/../site.py", "/static/%2e%2e/site.py", "/sets/a%00b", "/events?label=%00",
    ],
)  # fmt: skip
def test_no_address_leads_out_of_the_home(readers: dict[str, httpx.Client], path: str) -> None:
    answer = readers["ada"].get(path, headers=HTML)
    assert answer.status_code in {400, 404, 422}
    assert "<h1>" in answer.text


def test_a_run_shows_its_curves_and_its_report_can_do_nothing(full: Running) -> None:
    vera = full.login("vera")
    assert worlds.RUN in vera.get("/runs").text
    text = vera.get(f"/runs/{worlds.RUN}").text
    assert text.count("<polyline") == 6
    assert "0.625" in text
    report = vera.get(f"/runs/{worlds.RUN}/report")
    assert report.headers["content-security-policy"].startswith("sandbox;")
    now = vera.get(f"/runs/{worlds.RUN}/now")
    assert "<html" not in now.text
    assert vera.get(f"/runs/{worlds.RUN}/now", headers={"If-None-Match": now.headers["etag"]}).status_code == 304


def test_a_progress_beyond_all_numbers_is_left_out_of_the_curves(full: Running) -> None:
    path = full.parts.home.runs / worlds.RUN / "progress.jsonl"
    first = path.read_text().splitlines()[0]
    path.write_text(first + "\n" + first.replace('"epoch":1,', f'"epoch":{10**400},').replace('"rate":0.001', '"rate":1e308') + "\n")
    answer = full.login("vera").get(f"/runs/{worlds.RUN}")
    assert (answer.status_code, answer.text.count("<polyline")) == (200, 6)


def test_gates_stand_beside_the_champions_rule_by_rule(full: Running) -> None:
    vera = full.login("vera")
    listed = vera.get("/models").text
    assert listed.count('class="tag champion"') == 1
    text = vera.get(f"/models/{worlds.CANDIDATE}").text
    assert "beside the champion" in text
    rule = text[text.index("finds-persons") :]
    assert rule.index("candidate:") < rule.index("champion:")
    assert "0.810" in rule
    assert "0.930" in rule
    assert "yard-1" in text
    assert "takes the title" not in text


def test_no_link_of_any_page_is_dead(full: Running) -> None:
    """Also where a model has a parent that is not in the registry, as the one that came with the product."""
    with full.parts.database.write() as connection:
        connection.execute(models.update().where(models.c.digest == worlds.CANDIDATE).values(parent=f"sha256:{'9' * 64}"))
        connection.execute(models.update().where(models.c.digest != worlds.CANDIDATE).values(parent=worlds.CANDIDATE))
    ada, seen, waiting, dead = full.login("ada"), set[str](), ["/devices"], []
    while waiting and len(seen) < 150:
        seen.add(path := waiting.pop())
        answer = ada.get(path, headers=HTML, follow_redirects=True)
        if answer.status_code != 200:
            dead.append(path)
        elif "html" in answer.headers["content-type"]:
            links = {html.unescape(link).split("#")[0] for link in re.findall(r'href="(/[^"]*)"', answer.text)}
            waiting += sorted(links - seen - set(waiting))
    assert dead == []
    assert f"/models/{worlds.CANDIDATE}" in seen
    assert len(seen) > 25


def test_machines_hear_of_errors_in_json_and_people_in_pages(vera: httpx.Client) -> None:
    assert vera.get("/api/v1/nothing").json() == {"detail": "there is no /api/v1/nothing here"}
    page = vera.get("/nothing", headers=HTML)
    assert page.status_code == 404
    assert "Nothing here" in page.text
    wrong = vera.request("GET", "/logout", headers=HTML)
    assert wrong.status_code == 405
    assert "GET is not answered here" in wrong.text


@pytest.mark.parametrize("path", [*PAGES, "/healthz", "/nothing"])
def test_head_is_get_without_the_body(readers: dict[str, httpx.Client], path: str) -> None:
    vera = readers["vera"]
    got, asked = vera.get(path, headers=HTML), vera.head(path, headers=HTML)
    assert asked.status_code == got.status_code
    assert asked.content == b""
    assert asked.headers["content-type"] == got.headers["content-type"]


def test_static_files_are_kept_for_ever_under_their_digest(page: Running) -> None:
    text = page.nobody.get("/login").text
    sheet = worlds.attribute(text, "href", ".css")
    fixed = page.nobody.get(sheet)
    assert "immutable" in fixed.headers["cache-control"]
    assert fixed.headers["content-type"].startswith("text/css")
    loose = page.nobody.get("/static/page.css")
    assert loose.headers["cache-control"] == "no-cache"
    assert page.nobody.get("/static/page.css", headers={"If-None-Match": loose.headers["etag"]}).status_code == 304
    assert page.nobody.get(sheet.replace("page.css", "nothing.css")).status_code == 404


def test_people_are_added_changed_and_removed_and_the_audit_knows(page: Running) -> None:
    ada = page.login("ada")
    assert ada.post("/users", data={"name": "bo", "role": "viewer", "password": "a long password"}).status_code == 303
    assert ada.post("/users", data={"name": "bo", "role": "viewer", "password": "a long password"}).status_code == 422
    assert ada.post("/users/bo/role", data={"role": "labeller"}).status_code == 303
    assert ada.post("/users/bo/password", data={"password": "another password"}).status_code == 303
    assert ada.post("/users/bo/remove").status_code == 303
    gone = ada.post("/users/bo/remove")
    assert gone.status_code == 422
    assert "there is none" in gone.text
    told = ada.get("/audit?who=ada").text
    assert [word for word in ("user removed", "password changed", "role changed", "user added") if word not in told] == []
    assert page.login("lea").post("/users", data={"name": "x", "role": "admin", "password": "a long password"}).status_code == 403
    assert page.parts.accounts.audit.broken() is None


def test_only_admins_ask_for_jobs_and_what_is_wrong_with_one_is_said(page: Running) -> None:
    ada, lea = page.login("ada"), page.login("lea")
    asked = {"kind": "dataset_hash", "arguments": {"set": "street"}}
    assert lea.post("/api/v1/jobs", json=asked).status_code == 403
    made = ada.post("/api/v1/jobs", json=asked, headers={"Idempotency-Key": "k"})
    assert made.status_code == 202
    place = made.headers["location"]
    assert ada.post("/api/v1/jobs", json=asked, headers={"Idempotency-Key": "k"}).headers["location"] == place
    one = lea.get(place).json()
    assert (one["state"], one["who"], one["arguments"]["set"]) == ("waiting", "ada", "street")
    assert lea.post(f"{place}/cancel").status_code == 403
    ended = ada.post(f"{place}/cancel")
    assert (ended.status_code, ended.json()["state"]) == (200, "cancelled")
    for kind, arguments, words in (
        ("nothing", {}, "no such kind"), ("dataset_hash", {}, "set"), ("dataset_hash", {"set": "../x"}, "set"),
        ("dataset_hash", {"set": "x", "y": 1}, "y"), ("fetch", {"box": "file:///etc/passwd", "into": "x"}, "box"),
        ("fetch", {"box": "http://user:pw@box/", "into": "x"}, "box"),
    ):  # fmt: skip
        refused = ada.post("/api/v1/jobs", json={"kind": kind, "arguments": arguments})
        assert refused.status_code == 422
        assert words in json.dumps(refused.json())
    assert ada.get("/api/v1/jobs").json()["jobs"][0]["id"] == one["id"]
    assert ada.get("/api/v1/jobs/none").status_code == 404
    form = ada.post("/jobs/new/dataset_hash", data={"set": "street", "threads": "2"})
    assert form.status_code == 303
    shown = ada.get(form.headers["location"]).text
    assert "waiting" in shown
    assert ada.post("/jobs/new/dataset_hash", data={"set": "no name"}).status_code == 422
