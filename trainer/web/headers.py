"""Headers: what every answer carries, and an answer that nobody reads is not waited with."""

from __future__ import annotations

import asyncio

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import Message, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class ReaderGone(OSError):
    """It took nothing for too long."""


def with_headers(send: Send, asked: HTTPConnection, write_s: float) -> Send:
    """HEAD gets what GET would, but for the body."""
    head = asked.scope["method"] == "HEAD"

    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Content-Security-Policy", POLICY)
            headers.setdefault("Cache-Control", "no-store")
            for name, value in FIXED.items():
                headers[name] = value
            if asked.url.scheme == "https":
                headers["Strict-Transport-Security"] = "max-age=31536000"
        elif message["type"] == "http.response.body" and head:
            message = {**message, "body": b""}
        try:
            await asyncio.wait_for(send(message), write_s)
        except asyncio.TimeoutError as error:
            hang_up = asked.scope.get("state", {}).get("hang_up")
            if hang_up is not None:
                hang_up()
            raise ReaderGone(f"{asked.url.path}: nobody read the answer for {write_s} s") from error

    return sender
