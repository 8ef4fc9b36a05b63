"""Scrub: text without passwords, tokens and the users of URLs; what the configuration says is secret is known by its very letters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, unquote

HIDDEN = "***"
WORDS = r"pass(?:word|wd|phrase)|pwd|user-?pw|proxy-?pw|token|secret|credentials?|authorization|api[_-]?key|private[_-]?key"
SECRET = re.compile(WORDS, re.IGNORECASE)
# "password": "two words" or Authorization: Bearer abc or ?token=abc
VALUE = r"""\\?"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|(?:(?:bearer|basic|digest)\s+)?[^ \t\r\n]+"""
NAMED = re.compile(rf"""(?i)(?P<key>(?:{WORDS})\w*)(?P<sep>\\?['"]?\s*[=:]\s*)(?P<value>{VALUE})""")
# Environment="MQTT__PASSWORD=two words", as systemd shows it
QUOTED = re.compile(rf"""(?i)(?P<quote>["'])(?P<key>[^"'\s=]*(?:{WORDS})\w*=)(?:(?!(?P=quote)).)*(?P=quote)""")
# rtsp://camera/stream?user=admin&pass=abc: what cameras call it, who may be called so in no other text
QUERY = re.compile(r"""(?i)(?<=[?&])(\w*pass?|\w*pwd?|psw|auth\w*|key|sig|signature)=([^&\s"'<>]+)""")
USERINFO = re.compile(r"(?<=://)[^ \t\r\n]*@")  # up to the last @: a password may hold / and @ too
LEAST = 4  # shorter secrets are not looked for by their letters: they are in every other word

_known: set[str] = set()


def remember(secrets: Iterable[str]) -> None:
    """From now on these very strings are hidden, however they come into a text."""
    for secret in secrets:
        _known.update(form for form in (secret, unquote(secret), quote(secret, safe=""), repr(secret)[1:-1]) if len(form) >= LEAST)


def forget() -> None:
    """Another configuration has other secrets."""
    _known.clear()


def scrub(text: str) -> str:
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = QUOTED.sub(rf"\g<quote>\g<key>{HIDDEN}\g<quote>", QUERY.sub(rf"\1={HIDDEN}", text))
    return USERINFO.sub(f"{HIDDEN}@", NAMED.sub(rf"\g<key>\g<sep>{HIDDEN}", text))


def masked(value: Any, key: str = "") -> Any:
    """Values as they may be shown, each by itself: what JSON or YAML is then made of stays JSON or YAML."""
    from pydantic import SecretStr  # not above: the boot guard, before each start, does without it

    if isinstance(value, dict):
        return {str(k): masked(v, str(k)) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item, key) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, SecretStr) or SECRET.search(key):
        return "(hidden)"
    return scrub(str(value))


def secrets_in(value: object) -> Iterator[str]:
    """Every SecretStr and every user's password of a URL in a configuration."""
    from pydantic import BaseModel, SecretStr

    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, str):
        yield from (found for _, found in QUERY.findall(value))
        yield from (password for found in USERINFO.findall(value) if (password := found[:-1].partition(":")[2]))
    elif isinstance(value, BaseModel):
        yield from secrets_in({**dict(value), **(value.model_extra or {})})
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and SECRET.search(str(key)):
                yield item
            yield from secrets_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from secrets_in(item)
