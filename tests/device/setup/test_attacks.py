"""Somebody on the network who is not the owner: without the code, from another site, from far away, with a body that asks for echoes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pytest
from pydantic import SecretStr
from websockets.exceptions import InvalidStatus

from contracts.errors import ConfigError
from device.web.options import Options
from device.web.setup_gate import near
from device.web.site import build
from tests.device.setup.desk import Desk
from tests.device.setup.newbox import PASSWORD

HTML = {"accept": "text/html"}
SECRET = "hush-hush-7Z"
EVIL = "http://evil.example"


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def test_without_the_code_there_is_the_first_page_and_nothing_else(new: Desk) -> None:
    assert new.http.get("/", headers=HTML).headers["location"] == "/setup"
    assert "Code of the box" in new.http.get("/setup").text
    for path in ("/api/v1/info", "/api/v1/settings", "/settings", "/login", "/metrics", "/api/v1/snapshot/street.jpg", "/setup/x"):
        assert new.http.get(path).status_code == 403, path
    assert new.http.get("/healthz").json().keys() == {"status"}
    for path in ("/api/v1/live/street", "/api/v1/events/stream", "/setup"):
        with pytest.raises(InvalidStatus):
            new.page.listen(path)
    assert new.set("camera", {"name": "a", "kind": "test"}).status_code == 403
    assert new.owner.unclaimed and not (new.data / "config" / "owner.yaml").exists()


def test_wrong_codes_wait_and_then_the_right_one_waits_too(new: Desk, caplog: pytest.LogCaptureFixture) -> None:
    code = new.code
    for _ in range(5):
        assert new.claim("AAA-AAA-AAA").status_code == 401
    refused = new.claim(code)
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
    assert new.owner.unclaimed and code not in refused.text
    assert "a wrong setup code" in caplog.text and "AAA" not in caplog.text


def test_what_is_no_code_is_none(new: Desk) -> None:
    for code in ("", " ", "-", "\0", "A" * 5000, "ÄÖÜ", "%00"):
        assert not new.owner.code_fits(code)
    assert new.claim("A" * 5000).status_code == 401
    assert new.http.post("/setup", data={"password": PASSWORD, "again": PASSWORD}, headers=new.same).status_code == 401
    assert new.owner.unclaimed


@pytest.mark.parametrize(
    ("address", "is_near"),
    [
        ("127.0.0.1", True), ("10.1.2.3", True), ("172.31.0.1", True), ("192.168.7.7", True), ("169.254.1.1", True), ("::1", True),
        ("fe80::1%eth0", True), ("fd00::5", True), ("::ffff:192.168.1.1", True), ("172.32.0.1", False), ("8.8.8.8", False),
        ("100.64.0.1", False), ("2001:db8::1", False), ("::ffff:8.8.8.8", False), ("", False), ("?", False), ("unix", False),
    ],
)  # fmt: skip
def test_only_this_networks_own_addresses_are_near(address: str, is_near: bool) -> None:
    assert near(address) is is_near


def test_from_far_away_not_even_the_first_page_is_shown(new: Desk) -> None:
    app = build(new.desk, Options(), lambda _: None)

    async def ask(client: str, method: str) -> int:
        transport = httpx.ASGITransport(app=app, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as far:
            form = {"code": new.code, "password": PASSWORD, "again": PASSWORD}
            answer = await far.request(method, "/setup", data=form, headers={"origin": "http://127.0.0.1"})
            return answer.status_code

    assert anyio.run(ask, "203.0.113.9", "GET") == anyio.run(ask, "2001:db8::7", "POST") == 403
    assert anyio.run(ask, "192.168.1.20", "GET") == 200
    assert new.owner.unclaimed


def test_another_site_claims_and_changes_nothing(new: Desk) -> None:
    wrong: list[tuple[dict[str, str], int]] = [
        ({"host": "evil.example"}, 421), ({"host": "127.0.0.1.evil.example"}, 421), ({"host": ""}, 421), ({"origin": EVIL}, 403),
        ({"origin": "null"}, 403), ({"sec-fetch-site": "cross-site"}, 403), ({"sec-fetch-site": "same-site"}, 403),
    ]  # fmt: skip
    for headers, status in wrong:
        assert new.claim(**headers).status_code == status and new.owner.unclaimed
    assert new.claim().status_code == 303
    for headers, status in wrong:
        assert new.set("camera", {"name": "a", "kind": "test"}, **headers).status_code == status
    assert new.http.get("/api/v1/settings").json()["cameras"] == []


def test_a_claimed_box_does_not_serve_the_first_page_and_its_code_is_void(new: Desk) -> None:
    code = new.code
    assert new.claim().status_code == 303 and not (new.data / "config" / "setup-code").exists()
    assert new.http.get("/setup").headers["location"] == "/settings", "to its owner"
    assert "<form" not in new.claim(code).text
    new.http.cookies.clear()
    assert new.http.get("/setup", headers=HTML).headers["location"] == "/login?next=/setup"
    assert new.claim(code).status_code == 401
    assert not new.owner.code_fits(code) and not new.owner.code_fits("")
    assert new.http.get("/api/v1/settings").status_code == 401


def test_two_who_claim_it_at_a_time_are_not_both_its_owner(new: Desk) -> None:
    code = new.code
    assert new.claim(code).status_code == 303
    with pytest.raises(ConfigError, match="has an owner already"):
        new.owner.claim(SecretStr("the second one's"), code)


def test_a_machines_token_changes_no_settings(tmp_path: Path) -> None:
    token = "a-token-of-more-than-16-characters"
    desk = Desk(tmp_path, {"token": token}, page={"host": "127.0.0.1", "token": token})
    try:
        machine = {"authorization": f"Bearer {token}"}
        assert desk.http.get("/api/v1/info", headers=machine).status_code == 200
        assert desk.http.get("/api/v1/settings", headers=machine).status_code == 403
        assert desk.set("camera", {"name": "a", "kind": "test"}, **machine).status_code == 403
        assert desk.set("restart", {}, **machine).status_code == 403 and not desk.again.is_set()
    finally:
        desk.close()


def test_a_page_without_a_password_says_how_to_get_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path, cameras={"a": {"use": "pattern"}})
    try:
        assert not desk.owner.unclaimed
        assert "This page has no password" in desk.http.get("/settings").text
        assert desk.http.get("/api/v1/settings").status_code == 403
        assert "/settings" not in desk.http.get("/").text
    finally:
        desk.close()


def test_secrets_come_back_in_no_answer_and_no_log(new: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    new.claim()
    said = []
    camera = {"name": "a", "kind": "rtsp", "address": "rtsp://127.0.0.1:9/x", "user": "joe", "password": SECRET}
    broker = {"host": "127.0.0.1", "port": 9, "tls": "off", "username": "joe", "password": SECRET}
    said += [new.set("camera/try", camera), new.set("camera", camera), new.set("broker/try", broker), new.set("broker", broker)]
    assert [each.status_code for each in said] == [200] * 4
    assert (new.data / "config" / "owner.yaml").read_text().count(SECRET) == 2, "it is kept, for the box needs it"
    assert (new.data / "config" / "owner.yaml").stat().st_mode & 0o077 == 0
    for path, wrong in (
        ("camera", {**camera, "transport": 7}), ("camera", {**camera, "address": f"http://joe:{SECRET}@x/"}),
        ("camera", {**camera, "address": f"rtsp://joe:{SECRET}@[/"}), ("broker", {**broker, "port": 0}),
        ("broker", {**broker, "more": SECRET}),
        ("password", {"now": SECRET, "new": SECRET, "again": 7}), ("broker", {**broker, "tls": "on", "key": SECRET}),
    ):  # fmt: skip
        said.append(new.set(path, wrong))
        assert said[-1].status_code == 422, path
    said += [new.http.get(path) for path in ("/api/v1/settings", "/settings", "/", "/health", "/api/v1/info", "/metrics")]
    assert not [each.text for each in said if SECRET in each.text or PASSWORD in each.text]
    assert SECRET not in caplog.text and PASSWORD not in caplog.text


def test_the_password_is_kept_slow_to_guess_and_counts_at_once(new: Desk) -> None:
    new.claim()
    assert "scrypt:16384:8:1:" in (new.data / "config" / "owner.yaml").read_text()
    other = httpx.Client(base_url=new.page.base, headers=new.same)
    assert other.post("/login", data={"password": PASSWORD + "x"}).status_code == 401
    assert other.post("/login", data={"password": PASSWORD}).status_code == 303
    new_one = "another one, 22"
    assert new.set("password", {"now": "wrong", "new": new_one, "again": new_one}).status_code == 422
    assert new.set("password", {"now": PASSWORD, "new": new_one, "again": new_one}).status_code == 200
    assert other.get("/api/v1/settings").status_code == 401, "who was logged in elsewhere is no longer"
    assert new.http.get("/api/v1/settings").status_code == 200
    assert other.post("/login", data={"password": PASSWORD}).status_code == 401
    other.close()


def test_a_reset_is_asked_for_twice(new: Desk) -> None:
    new.claim()
    for wrong in ({"password": "no", "box": "new-box"}, {"password": PASSWORD, "box": "box"}, {"box": "new-box"}, {}):
        assert new.set("reset", wrong).status_code == 422
    assert not new.again.is_set() and not (new.data / "factory-reset.json").exists()
    assert new.set("reset", {"password": PASSWORD, "box": "new-box"}).status_code == 200
    assert new.again.is_set() and (new.data / "factory-reset.json").exists()
