"""A scripted labeller on the real page, over its REST alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from dataset.exporter import Exporter
from dataset.marks import box
from dataset.native import NativeReader
from tests.trainer.review.homes import Shot, add
from tests.trainer.web.pages import Running, parts_in
from trainer.clock import SystemClock
from trainer.review.filling import fill
from trainer.review.settling import Settling

API = "/api/v1/review"
PERSON = {"id": "b1", "box": [10.5, 10, 20, 20], "category": "person", "source": "person"}
TRUTH = {"boxes": [PERSON], "exhaustive_for": ["person"], "ignore": [], "seconds": 2.5}


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Running]:
    with served(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A labeller at a page for tests after which nothing is another."""
    with served(tmp_path_factory.mktemp("trainer")) as running:
        yield running.login("lea")


@contextmanager
def served(folder: Path) -> Iterator[Running]:
    parts = parts_in(folder)
    cats = [Shot(n, [box("cat", (1, 1, 8, 8), 0.9)], "uniform", 0.1) for n in range(20, 23)]
    add(parts.home.sets / "yard", [*(Shot(n) for n in range(5)), *cats])
    fill(parts.database, parts.home.sets, SystemClock())
    running = Running(parts)
    yield running
    running.close()
    parts.database.close()


def first(lea: httpx.Client) -> dict[str, Any]:
    """With its ETag."""
    item = lea.get(f"{API}/items", params={"limit": 1}).json()["items"][0]["id"]
    answer = lea.get(f"{API}/items/{item}")
    return {**answer.json(), "etag": answer.headers["ETag"]}


def settled(page: Running) -> None:
    """As the page does behind each answer; that may be at it still."""
    while Settling(page.parts.database, page.parts.home.sets).settle().waiting:
        pass


def test_a_labeller_works_the_queue_off_and_the_data_set_has_it_all(page: Running) -> None:
    lea = page.login("lea")
    seen: list[str] = []
    item = lea.post(f"{API}/next", content=b"").json()["next"]
    while item:
        got = lea.get(f"{API}/items/{item}")
        whole, etag = got.json(), got.headers["ETag"]
        picture = lea.get(whole["image"]["url"])
        assert sha256(picture.content).hexdigest() == whole["image"]["url"].rpartition("/")[2]
        assert "immutable" in picture.headers["Cache-Control"]
        person = whole["labels"]["boxes"][0]["category"] == "person"
        draft = lea.put(f"{API}/items/{item}/draft", json=TRUTH, headers={"If-Match": etag})
        assert draft.json() == {"version": whole["version"] + 1}
        said = {"answer": "boxes", **TRUTH} if person else {"answer": "nothing", "seconds": 1}
        headers = {"If-Match": draft.headers["ETag"], "Idempotency-Key": f"answer-{item}"}
        done = lea.post(f"{API}/items/{item}/answer", json=said, headers=headers)
        assert done.status_code == 200, done.text
        again = lea.post(f"{API}/items/{item}/answer", json=said, headers=headers)
        assert again.json()["version"] == done.json()["version"]
        seen.append(item)
        item = done.json()["next"]
    assert len(set(seen)) == len(seen) == 8
    settled(page)
    stats = lea.get(f"{API}/stats").json()
    assert stats["states"]["done"] == 8
    assert stats["people"]["lea"]["answers"] == 8
    assert stats["seconds_per_item"] > 0
    precision = stats["estimates"]["cat"]["precision"]
    assert (precision["estimate"], precision["boxes"], stats["estimates"]["person"]["recall"]["estimate"]) == (0.0, 3, 1.0)
    assert stats["unwritten"] == 0
    reader = NativeReader(page.parts.home.sets / "yard")
    assert sorted(len(shot.labels) for shot in reader) == [0, 0, 0, 1, 1, 1, 1, 1]
    assert all(label.verified for shot in reader for label in shot.labels)
    reader.close()


def test_a_list_is_read_page_by_page_and_filtered(page: Running) -> None:
    vera = page.login("vera")
    found: list[str] = []
    after = ""
    while True:
        part = vera.get(f"{API}/items", params={"limit": 3, "after": after}).json()
        found += [item["id"] for item in part["items"]]
        if part["next"] is None:
            break
        after = part["next"]
    assert len(found) == len(set(found)) == 8
    assert len(vera.get(f"{API}/items", params={"reason": "uniform", "set": "yard"}).json()["items"]) == 3
    assert vera.get(f"{API}/items", params={"set": "other"}).json() == {"items": [], "next": None}
    assert vera.get(f"{API}/items", params={"limit": 0}).status_code == 422
    assert vera.get(f"{API}/items", params={"after": "x"}).status_code == 422


def test_versions_are_asked_for_and_who_is_late_gets_what_is_there(page: Running) -> None:
    lea, ada = page.login("lea"), page.login("ada")
    item = first(lea)
    at = f"{API}/items/{item['id']}"
    assert lea.put(f"{at}/draft", json=TRUTH).status_code == 428
    assert lea.put(f"{at}/draft", json=TRUTH, headers={"If-Match": '"3"'}).status_code == 422
    assert lea.put(f"{at}/draft", json=TRUTH, headers={"If-Match": item["etag"]}).status_code == 200
    late = ada.put(f"{at}/draft", json=TRUTH, headers={"If-Match": item["etag"]})
    assert late.status_code == 412
    assert {name: late.json()[name] for name in ("version", "by")} == {"version": 2, "by": "lea"}
    assert late.json()["draft"]["boxes"][0]["box"] == [10.5, 10, 20, 20]
    assert late.headers["ETag"] == '"v2"'
    done = ada.post(f"{at}/answer", json={"answer": "skip"}, headers={"If-Match": '"v2"'})
    assert done.json()["version"] == 3
    assert lea.post(f"{at}/answer", json={"answer": "unsure"}, headers={"If-Match": '"v3"'}).status_code == 409
    assert lea.post(f"{at}/reopen", content=b"").json() == {"version": 4}


def test_who_only_looks_changes_nothing_and_who_is_nobody_sees_nothing(page: Running) -> None:
    vera = page.login("vera")
    item = first(vera)
    refused = vera.put(f"{API}/items/{item['id']}/draft", json=TRUTH, headers={"If-Match": item["etag"]})
    assert (refused.status_code, "labeller" in refused.text) == (403, True)
    assert page.nobody.get(f"{API}/items").status_code == 401
    assert page.nobody.get(item["image"]["url"]).status_code == 401
    lea = page.login("lea")
    del lea.headers["X-CSRF-Token"]
    assert lea.put(f"{API}/items/{item['id']}/draft", json=TRUTH, headers={"If-Match": item["etag"]}).status_code == 403


def with_box(**change: Any) -> str:
    return json.dumps({**TRUTH, "answer": "boxes", "boxes": [{**PERSON, **change}]})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (with_box(box=[float("nan"), 1, 2, 3]), "boxes.0.box.0"),
        (with_box(box=[float("inf"), 1, 2, 3]), "boxes.0.box.0"),
        (with_box(box=[1e300, 1, 2, 3]), "boxes.0.box.0"),
        (with_box(box=[1, 2, 3]), "boxes.0.box"),
        (with_box(box=[60, 40, 20, 20]), "outside of the picture of 64x48"),
        (with_box(box=[-5, 0, 20, 20]), "outside of the picture"),
        (with_box(box=[10, 10, 0, 5]), "both must be above 0"),
        (with_box(box=[10, 10, -3, 5]), "both must be above 0"),
        (with_box(category="dragon"), "'dragon'): is no class of this data set; it has person, cat"),
        (with_box(category=""), "boxes.0.category"),
        (with_box(source="oracle"), "boxes.0.source"),
        (with_box(confidence=2), "boxes.0.confidence"),
        (json.dumps({**TRUTH, "answer": "boxes", "exhaustive_for": ["dragon"]}), "exhaustive_for 'dragon'"),
        (json.dumps({**TRUTH, "answer": "boxes", "ignore": [[100, 100, 5, 5]]}), "ignore region 1"),
        (json.dumps({**TRUTH, "answer": "boxes", "seconds": -1}), "seconds"),
        (json.dumps({**TRUTH, "answer": "boxes", "seconds": 1e12}), "seconds"),
        (json.dumps({**TRUTH, "answer": "maybe"}), "answer"),
        (json.dumps({**TRUTH, "answer": "nothing"}), "came with 1 boxes"),
        (json.dumps({"answer": "boxes"}), "has no box"),
        (json.dumps(TRUTH), "answer"),
        ("[" * 100_000, "labels"),
        ("[]", "labels"),
        ("", "labels"),
        ("\x00\xff", "labels"),
        (json.dumps({**TRUTH, "answer": "boxes", "boxes": [{"box": [1, 1, 1, 1], "category": "x"}] * 10_001}), "at most 10000"),
    ],
)
def test_what_cannot_be_so_is_refused_by_name(lasting: httpx.Client, body: str, why: str) -> None:
    item = first(lasting)
    answer = lasting.post(f"{API}/items/{item['id']}/answer", content=body.encode(), headers={"If-Match": item["etag"]})
    assert answer.status_code == 422, answer.text
    assert why in answer.json()["detail"]
    assert first(lasting)["version"] == item["version"]


def test_a_million_boxes_are_not_even_read(page: Running) -> None:
    lea = page.login("lea")
    item = first(lea)
    body = b'{"answer": "boxes", "boxes": [' + b'{"box":[1,1,1,1],"category":"person"},' * 1_000_000 + b"{}]}"
    try:
        answer = lea.post(f"{API}/items/{item['id']}/answer", content=body, headers={"If-Match": item["etag"]})
        assert answer.status_code == 413
    except (httpx.WriteError, httpx.ReadError):
        pass  # it hung up on us before all of it was sent
    assert first(lea)["version"] == item["version"]


@pytest.mark.parametrize("name", ["nonsense", "a" * 64, "..%2f..%2fetc%2fpasswd", "%00"])
def test_pictures_and_items_that_are_not_there(page: Running, name: str) -> None:
    vera = page.login("vera")
    refused = 400 if name == "%00" else 404  # the guard lets no such path in
    assert vera.get(f"{API}/images/{name}").status_code == refused
    assert vera.get(f"{API}/items/{name}").status_code == refused


def test_a_data_set_that_somebody_else_writes_to_waits_and_has_it_later(page: Running) -> None:
    lea, folder = page.login("lea"), page.parts.home.sets / "yard"
    item = first(lea)
    with Exporter(folder):
        done = lea.post(f"{API}/items/{item['id']}/answer", json={"answer": "nothing"}, headers={"If-Match": item["etag"]})
        assert done.status_code == 200
        waits = Settling(page.parts.database, page.parts.home.sets).settle()
        assert (waits.written, waits.waiting, "writes to this data set" in waits.why[0]) == (0, 1, True)
        assert lea.get(f"{API}/stats").json()["unwritten"] == 1
    settled(page)
    assert lea.get(f"{API}/stats").json()["unwritten"] == 0
