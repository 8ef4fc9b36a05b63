"""Who gets in, and who does not."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send
from websockets.exceptions import InvalidStatus

from device.clock import SystemClock
from device.web.access import Access
from device.web.guard import Guard
from device.web.login import onward
from device.web.options import Options
from serving.addresses import is_loopback
from tests.device.web.conftest import PASSWORD, TOKEN, Run, words

LOCKED = {"password": PASSWORD, "token": TOKEN}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "box.example"])
def test_an_open_address_without_a_lock_is_refused_with_the_mend(host: str) -> None:
    with pytest.raises(ValidationError, match="VEDETTE_PAGE__PASSWORD"):
        Options(host=host)
    assert Options(host=host, password=PASSWORD).locked


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost", "127.8.9.1"])
def test_loopback_is_known_in_all_its_forms(host: str) -> None:
    assert is_loopback(host)
    assert not is_loopback("10.0.0.1")


@pytest.mark.parametrize("bad", [{"token": "short"}, {"password": "short"}, {"jpeg_qualty": 80}, {"port": 70000}])
def test_wrong_options_are_errors(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Options(**bad)


def test_secrets_are_not_shown_when_options_are_printed() -> None:
    assert PASSWORD not in repr(Options(password=PASSWORD, token=TOKEN))
    assert TOKEN not in Options(token=TOKEN).model_dump_json()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8088", "127.0.0.1.evil.example", "", "[::1"])
def test_a_foreign_host_name_is_not_answered(run: Run, host: str) -> None:
    answer = run().get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "page.allowed_hosts" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["127.0.0.1:8088", "localhost", "[::1]:80", "192.168.7.2", "Box.Home:80"])
def test_addresses_and_allowed_names_are_answered(run: Run, host: str) -> None:
    assert run(allowed_hosts=["box.home"]).get("/healthz", headers={"host": host}).status_code == 200


def test_every_answer_carries_the_headers_that_keep_others_out(run: Run) -> None:
    client = run()
    for path in ("/", "/static/page.css", "/api/v1/info", "/no/such/page"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_a_host_header_cannot_write_into_the_policy(run: Run) -> None:
    policy = run().get("/", headers={"host": "a; script-src *"}).headers["content-security-policy"]
    assert "script-src *" not in policy


@pytest.mark.parametrize("path", ["/api/v1/info", "/api/v1/events", "/metrics", "/api/v1/snapshot/street.jpg", "/api/v1/openapi.json"])
def test_a_stranger_gets_nothing_from_a_locked_page(run: Run, path: str) -> None:
    answer = run(**LOCKED).get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_stranger_with_a_browser_is_asked_to_log_in_and_comes_back_to_where_it_was(run: Run) -> None:
    client = run(**LOCKED)
    asked = client.get("/events?label=person", headers={"accept": "text/html"})
    assert asked.status_code == 303
    assert asked.headers["location"] == "/login?next=/events%3Flabel%3Dperson"
    entered = client.post("/login", data={"password": PASSWORD, "next": "/events?label=person"}, headers=client.same)
    assert entered.headers["location"] == "/events?label=person"
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/events").status_code == 200


def test_logging_out_ends_the_session_on_the_box_not_only_in_the_browser(run: Run) -> None:
    client = run(**LOCKED)
    client.post("/login", data={"password": PASSWORD}, headers=client.same)
    cookie = client.http.cookies["vedette_session"]
    assert client.post("/logout", headers=client.same).status_code == 303
    client.http.cookies.set("vedette_session", cookie)
    assert client.get("/api/v1/info").status_code == 401


def test_a_machine_comes_in_with_its_token_and_only_with_that(run: Run) -> None:
    client = run(**LOCKED)
    assert client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}x"}).status_code == 401
    assert client.get("/metrics", headers={"authorization": f"Bearer {PASSWORD}"}).status_code == 401


@pytest.mark.parametrize("way", ["form", "bearer"])
def test_guessing_is_slowed_down_and_even_the_right_word_has_to_wait(run: Run, way: str) -> None:
    client = run(**LOCKED)

    def attempt(word: str) -> int:
        if way == "form":
            return int(client.post("/login", data={"password": word}, headers=client.same).status_code)
        return int(client.get("/api/v1/info", headers={"authorization": f"Bearer {word}"}).status_code)

    assert [attempt(f"guess {n}") for n in range(5)] == [401] * 5
    assert attempt("one more") == 429
    assert attempt(PASSWORD if way == "form" else TOKEN) == 429


def test_another_site_cannot_post_here(run: Run) -> None:
    client = run(**LOCKED)
    form = {"password": PASSWORD}
    assert client.post("/login", data=form, headers={"origin": "https://evil.example"}).status_code == 403
    assert client.post("/login", data=form, headers={"origin": "null"}).status_code == 403
    assert client.post("/login", data=form).status_code == 403
    assert client.post("/login", data=form, headers=client.same | {"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.post("/login", data=form, headers=client.same).status_code == 303


def test_a_large_or_endless_body_is_refused_before_it_is_read(run: Run) -> None:
    client = run(**LOCKED)
    assert client.post("/login", content=b"x" * 20_000, headers=client.same).status_code == 413
    assert client.post("/login", content=iter([b"x"]), headers=client.same).status_code == 411


@pytest.mark.parametrize("path", ["/api/v1/events/stream", "/api/v1/live/street"])
def test_another_site_cannot_listen_here(run: Run, path: str) -> None:
    client = run()
    with pytest.raises(InvalidStatus, match="403"):
        client.listen(path, origin="http://evil.example")


def test_a_stranger_cannot_listen_to_a_locked_page(run: Run) -> None:
    client = run(**LOCKED)
    with pytest.raises(InvalidStatus, match="403"):
        client.listen("/api/v1/events/stream", origin=client.base)
    with client.listen("/api/v1/events/stream", authorization=f"Bearer {TOKEN}") as socket:
        hello = words(socket, "hello")
    assert hello["seq"] == hello["last"] and not hello["resumed"], "it begins with what comes next"


def test_healthz_is_open_but_says_why_only_to_those_who_may_know(run: Run) -> None:
    client = run(**LOCKED)
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/healthz", headers={"authorization": f"Bearer {TOKEN}"}).json() == {"status": "ok", "reasons": []}


ELSEWHERE = ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nSet-Cookie: x", "javascript:alert(1)", ""]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_after_the_login_nobody_is_sent_elsewhere(path: str) -> None:
    assert onward(path) == "/"


def test_a_browser_that_reads_nothing_is_let_go_when_its_session_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream ends at once; that the word of it cannot be sent holds up nobody."""
    monkeypatch.setattr("device.web.guard.CLOSE_S", 0.05)
    ended: list[str] = []

    async def stream(_scope: Scope, _receive: Receive, _send: Send) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("stream")

    async def nothing() -> Message:
        return {"type": "websocket.connect"}

    async def stuck(message: Message) -> None:
        ended.append(str(message["code"]))
        await asyncio.Event().wait()

    async def visit() -> None:
        options = Options.model_validate(LOCKED)
        access = Access(options, SystemClock())
        cookie = access.sessions.open()
        headers = [(b"host", b"127.0.0.1"), (b"cookie", f"vedette_session={cookie}".encode())]
        scope = {"type": "websocket", "path": "/api/v1/events/stream", "headers": headers, "client": ("127.0.0.1", 1), "query_string": b""}
        socket = asyncio.ensure_future(Guard(stream, options, access)(scope, nothing, stuck))
        await asyncio.sleep(0)
        access.sessions.close(cookie)
        await asyncio.wait_for(socket, 10)

    asyncio.run(visit())
    assert ended == ["stream", "4401"]
