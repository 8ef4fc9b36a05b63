"""Who may come in, what each role may do, and that no other site does it in somebody's name."""

from __future__ import annotations

import re

import pytest

from tests.trainer.web.pages import PASSWORD, Running

HTML = {"accept": "text/html"}


def test_nobody_sees_anything_and_is_led_to_the_login(page: Running) -> None:
    answer = page.nobody.get("/me?x=1", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/me%3Fx%3D1")
    assert page.nobody.get("/api/v1/jobs").status_code == 401
    assert page.nobody.get("/nothing/at/all").status_code == 401


def test_the_form_lets_in_and_leads_on(page: Running) -> None:
    client = page.client()
    form = {"name": "vera", "password": PASSWORD, "next": "/me"}
    answer = client.post("/login", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    shown = client.get("/me")
    assert "vera" in shown.text
    token = re.search(r'name="csrf" content="([^"]+)"', shown.text)
    assert token
    out = client.post("/logout", data={"csrf": token[1]})
    assert (out.status_code, out.headers["location"]) == (303, "/login")
    assert client.get("/me", headers=HTML).status_code == 303


@pytest.mark.parametrize("onward", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example"])
def test_the_login_leads_to_no_other_site(page: Running, onward: str) -> None:
    answer = page.client().post("/login", data={"name": "vera", "password": PASSWORD, "next": onward})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_wrong_guesses_are_told_and_slowed_down(page: Running) -> None:
    codes = [page.nobody.post("/login", data={"name": "vera", "password": "wrong"}).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]
    late = page.nobody.post("/api/v1/session", json={"name": "vera", "password": PASSWORD})
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) >= 1
    deeds = page.parts.accounts.audit.page(action="login refused")
    assert [deed.what for deed in deeds] == ["vera"] * 5


def test_what_changes_something_needs_the_token_of_the_page(page: Running) -> None:
    ada = page.login("ada")
    token = ada.headers.pop("X-CSRF-Token")
    assert ada.post("/logout").status_code == 403
    assert ada.post("/logout", headers={"X-CSRF-Token": "x" + token[1:]}).status_code == 403
    assert ada.post("/logout", data={"csrf": page.login("ada").headers["X-CSRF-Token"]}).status_code == 403
    assert ada.get("/me").status_code == 200
    assert ada.post("/logout", headers={"X-CSRF-Token": token}).status_code == 303


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}])
def test_another_site_may_not_send_anything(page: Running, headers: dict[str, str]) -> None:
    ada = page.login("ada")
    assert ada.post("/logout", headers=headers).status_code == 403
    assert page.nobody.post("/api/v1/session", json={"name": "ada", "password": PASSWORD}, headers=headers).status_code == 403


def test_a_name_that_is_not_ours_is_not_answered(page: Running) -> None:
    assert page.nobody.get("/login", headers={"host": "evil.example"}).status_code == 421
    assert page.nobody.get("/login", headers={"host": "localhost:1"}).status_code == 200


def test_every_answer_carries_the_policy_and_no_private_page_is_kept(page: Running) -> None:
    vera = page.login("vera")
    for answer in (vera.get("/me"), page.nobody.get("/login"), page.nobody.get("/api/v1/jobs"), vera.get("/nothing")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_ones_own_password_is_changed_with_the_old_one_and_ends_every_session(page: Running) -> None:
    vera, elsewhere = page.login("vera"), page.login("vera")
    new = "another horse entirely"
    wrong = vera.post("/me", data={"password": "no", "new": new, "again": new})
    assert wrong.status_code == 422
    assert "not your password" in wrong.text
    assert vera.post("/me", data={"password": PASSWORD, "new": new, "again": "differs"}).status_code == 422
    assert vera.post("/me", data={"password": PASSWORD, "new": new, "again": new}).status_code == 303
    assert elsewhere.get("/api/v1/jobs").status_code == 401
    assert page.nobody.post("/api/v1/session", json={"name": "vera", "password": new}).status_code == 200
