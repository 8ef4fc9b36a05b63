"""Body: of a request that changes something, read whole before anybody looks at it: bounded in size and in time."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

from starlette.requests import HTTPConnection
from starlette.types import Message, Receive

from trainer.web.refusal import Refusal

MOST_BYTES = 64 << 10
LARGE = {"/api/v1/review/": 1 << 20, "/api/v1/rollouts": 1 << 20}  # a picture full of boxes; every box of a fleet
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 100


def most_bytes(path: str) -> int:
    return next((most for prefix, most in LARGE.items() if path.startswith(prefix)), MOST_BYTES)


def wrong_length(asked: HTTPConnection) -> Refusal | None:
    """Said before the first byte is read."""
    length, most = asked.headers.get("content-length", ""), most_bytes(asked.scope["path"])
    if not (length.isascii() and length.isdigit()) or "transfer-encoding" in asked.headers:  # which would count more than what is said
        return Refusal(411, "say how long the body is (Content-Length)")
    if int(length[:20]) > most:
        return Refusal(413, f"the body is longer than {most} bytes; send less at a time")
    return None


async def read_body(asked: HTTPConnection, receive: Receive, within_s: float) -> bytes | Refusal:
    try:
        return await asyncio.wait_for(_read(receive, most_bytes(asked.scope["path"])), within_s)
    except asyncio.TimeoutError:
        return Refusal(408, f"the body did not come within {within_s:.0f} s; try again")
    except EOFError:
        return Refusal(400, "the body broke off")


async def _read(receive: Receive, most: int) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise EOFError
        body += bytes(message.get("body", b""))
        if len(body) > most:
            raise EOFError
        if not message.get("more_body", False):
            return body


def replayed(body: bytes, receive: Receive) -> Receive:
    """For who reads it after us."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def form_of(body: bytes) -> dict[str, str]:
    """The first value of each field; what is no form has none."""
    try:
        read = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in read.items()}


def is_form(asked: HTTPConnection) -> bool:
    return asked.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM
