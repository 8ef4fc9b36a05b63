"""Secrets in texts: whatever they look like, they do not come out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from device import scrub
from device.config import Settings
from device.publish.mqtt import Options as MqttOptions

LETTERS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f"), min_size=6, max_size=30)
PASSWORDS = LETTERS.map(lambda text: f"Zq{text}9")


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    scrub.forget()
    yield
    scrub.forget()


@given(PASSWORDS)
def test_the_password_of_a_url_is_hidden_even_when_it_holds_slashes_and_at_signs(password: str) -> None:
    said = scrub.scrub(f"opening rtsp://viewer:{password}@10.0.0.5:554/stream1 failed")
    assert password not in said and "viewer" not in said
    assert said == "opening rtsp://***@10.0.0.5:554/stream1 failed"


@given(
    PASSWORDS.filter(lambda text: '"' not in text and "\\" not in text), st.sampled_from(["password", "mqtt_password", "Token", "API-KEY"])
)
def test_a_secret_beside_its_name_is_hidden_with_all_its_words(password: str, name: str) -> None:
    for text in (f"{name}={password}", f'{name}: "{password} {password}" x', json.dumps({name: f"{password} two"}), f"{name} = {password}"):
        assert password not in scrub.scrub(text)


def test_a_password_in_the_question_of_a_url_is_a_secret_of_the_configuration() -> None:
    assert list(scrub.secrets_in({"url": "rtsp://c/s?user=admin&pass=open+sesame&x=1"})) == ["open+sesame"]
    assert scrub.scrub("GET /clips?passage=north&keys=2") == "GET /clips?passage=north&keys=2"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef012345",
        "authorization=Basic abcdef012345",
        "GET /x?token=abcdef012345&y=1",
        "{'password': 'it is abcdef012345'",
        r"{\"password\": \"abcdef012345\"}",
        "passphrase: abcdef012345",
        "private_key=abcdef012345",
        'password="unclosed abcdef012345',
        "rtsp://10.0.0.5/stream?user=admin&pass=abcdef012345",
        "rtsp://10.0.0.5/stream?auth=abcdef012345==&profile=1",
        "rtsp://10.0.0.5/11?loginuse=admin&loginpas=abcdef012345",
        'Environment="VEDETTE_MQTT__PASSWORD=two abcdef012345" OTHER=1',
        "Environment='VEDETTE_MQTT__PASSWORD=two abcdef012345'",
    ],
)
def test_names_of_secrets_are_known(text: str) -> None:
    assert "abcdef012345" not in scrub.scrub(text)


@given(PASSWORDS)
def test_a_secret_of_the_configuration_is_hidden_wherever_it_stands(password: str) -> None:
    scrub.forget()
    scrub.remember([password])
    for form in (password, quote(password, safe=""), repr(password)):
        said = scrub.scrub(f"odd <<{form}>> place")
        assert password not in said and quote(password, safe="") not in said and said.startswith("odd <<")


def test_what_is_no_secret_stays() -> None:
    for text in (
        "camera left: /dev/video0 is busy; stop the program",
        "mail to me@example.org",
        "3 passes, 2 tokenless",
        "http://10.0.0.1:8088/",
    ):
        assert scrub.scrub(text) == text


def test_a_short_secret_does_not_make_holes_in_every_word() -> None:
    scrub.remember(["a", "", "abc"])
    assert scrub.scrub("a camera abc") == "a camera abc"


def test_all_secrets_of_a_configuration_are_found() -> None:
    settings = Settings(
        cameras={"a": {"use": "rtsp", "url": "rtsp://me:in%20url@10.0.0.1/x"}, "b": {"use": "own:Camera", "api_token": "of-a-plug"}},  # type: ignore[dict-item]
        mqtt=MqttOptions(password=SecretStr("of-the-broker")),
    )
    assert set(scrub.secrets_in(settings)) == {"in%20url", "of-a-plug", "of-the-broker"}


def test_masked_values_are_masked_one_by_one_so_json_stays_json() -> None:
    masked = scrub.masked(
        {"url": "rtsp://me:pw@h/x?a=1", "token": "abc", "n": [1, None, True], "s": SecretStr("x"), "t": ("a@b",), "password": None}
    )
    assert masked == {
        "url": "rtsp://***@h/x?a=1",
        "token": "(hidden)",
        "n": [1, None, True],
        "s": "(hidden)",
        "t": ["a@b"],
        "password": None,
    }
    assert json.loads(json.dumps(masked)) == masked
