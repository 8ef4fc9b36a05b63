"""Guard: every request passes it first: host names, origins, sizes, who is asking, and the headers of every answer."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from device.web import setup_gate
from device.web.access import COOKIE, Access
from device.web.options import Options
from device.web.setup_owner import Owner
from serving.addresses import is_loopback

MAX_BODY_BYTES = 16 << 10  # the only body the page takes is a login form
OPEN_PATHS = ("/login", "/healthz", "/static/", "/favicon.ico")
LOGGED_OUT = 4401  # close code for our own scripts: ask for the login
CLOSE_S = 2.0
SHIPPING = "/api/v1/exports"
SAFE = ("GET", "HEAD", "OPTIONS")
STRANGER_READS_S, KNOWN_READS_S = 20, 600  # how long none of an answer may be taken; a browser stops reading a film that is paused


class ReaderGone(OSError):
    """Who asks for answers and reads none would keep a connection for ever, and there are few."""


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    why: str
    retry_after_s: int = 0
    go: str = ""  # where a browser finds what it may see


class Guard:
    def __init__(self, app: ASGIApp, options: Options, access: Access, owner: Owner | None = None) -> None:
        self._app, self._options, self._access, self._owner = app, options, access, owner
        own = socket.gethostname().lower()
        reachable = () if is_loopback(options.host) else (own, f"{own}.local", options.host)
        self._hosts = {"localhost", *(name.lower() for name in (*reachable, *options.allowed_hosts))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        send = _with_headers(send, asked)
        unclaimed = self._owner is not None and self._owner.unclaimed
        refusal = self._wrong_way(asked) or (_finder(asked) if unclaimed else self._stranger(asked))
        with suppress(ReaderGone):
            await self._led(refusal, asked, scope, receive, send)

    async def _led(self, refusal: Refusal | None, asked: HTTPConnection, scope: Scope, receive: Receive, send: Send) -> None:
        if refusal is None and scope["type"] == "websocket" and self._by_session(asked):
            await self._while_logged_in(asked.cookies[COOKIE], scope, receive, send)
        elif refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.why[:120]})
        else:
            await _answer(refusal, asked)(scope, receive, send)

    def _wrong_way(self, asked: HTTPConnection) -> Refusal | None:
        """What no caller may do, whoever it is."""
        host = asked.headers.get("host", "")
        if not self._knows(host):
            return Refusal(421, f"this box does not answer to {_name(host) or 'no name'!r}; add the name to page.allowed_hosts")
        if asked.scope["type"] == "websocket":
            return None if _own_origin(asked, absent=True) else Refusal(403, "another site may not listen here")
        if asked.scope["method"] in SAFE:
            return None
        length = asked.headers.get("content-length", "")
        if not length.isdigit() or "transfer-encoding" in asked.headers:  # which would count more than what is said
            return Refusal(411, "say how long the body is")
        if int(length) > MAX_BODY_BYTES:
            return Refusal(413, f"the body is longer than {MAX_BODY_BYTES} bytes")
        machine = "authorization" in asked.headers
        return None if _own_origin(asked, absent=machine) else Refusal(403, "another site may not send this here")

    def _knows(self, host: str) -> bool:
        """An address cannot be rebound by a name server, so addresses are fine; names must be ours."""
        name = _name(host)
        try:
            ip_address(name)
        except ValueError:
            return name in self._hosts
        return True

    def _stranger(self, asked: HTTPConnection) -> Refusal | None:
        """Who is asking: a session, a machine with its token, or somebody who only gets what is open to all."""
        path = asked.scope["path"]
        is_open = any(path == p or (p.endswith("/") and path.startswith(p)) for p in OPEN_PATHS)
        token, address = _bearer(asked), asked.client.host if asked.client else "?"
        if path == SHIPPING or path.startswith(f"{SHIPPING}/"):
            return self._shipping(asked, token, address)
        asked.scope["vedette.welcome"] = welcome = self._has_session(asked)
        if welcome or (is_open and token is None):
            return None
        if token is not None:
            if wait_s := self._access.failures.wait_s(address):
                return Refusal(429, f"too many wrong guesses; wait {wait_s} s", wait_s)
            if self._access.bearer(token, address):
                asked.scope["vedette.welcome"] = True
                return None
        return Refusal(401, "log in, or send Authorization: Bearer <token>")

    def _shipping(self, asked: HTTPConnection, token: str | None, address: str) -> Refusal | None:
        """Training data has a token of its own, which opens nothing else; without one only this machine may ask, as for the page."""
        if not self._options.ships:
            return Refusal(403, "training data is not offered: set VEDETTE_PAGE__EXPORT_TOKEN on the box, and give it to the trainer")
        if self._options.export_token is None and self._has_session(asked):
            return None
        if token is not None and (wait_s := self._access.failures.wait_s(address)):
            return Refusal(429, f"too many wrong guesses; wait {wait_s} s", wait_s)
        if token is not None and self._access.trainer(token, address):
            return None
        return Refusal(401, "send Authorization: Bearer <token>, the one of page.export_token")

    async def _while_logged_in(self, cookie: str, scope: Scope, receive: Receive, send: Send) -> None:
        """A stream does not outlive the session that opened it: it ends with the session, and the browser is told why."""
        stream = asyncio.ensure_future(self._app(scope, receive, send))
        over = asyncio.ensure_future(self._access.sessions.ended(cookie))
        try:
            await asyncio.wait({stream, over}, return_when=asyncio.FIRST_COMPLETED)
            if stream.done():
                await stream
                return
        finally:
            for task in (stream, over):
                task.cancel()
            await asyncio.gather(stream, over, return_exceptions=True)
        with suppress(asyncio.TimeoutError, OSError, RuntimeError):  # gone already, or it reads nothing: it gets nothing more either
            await asyncio.wait_for(send({"type": "websocket.close", "code": LOGGED_OUT, "reason": "logged out"}), CLOSE_S)

    def _by_session(self, asked: HTTPConnection) -> bool:
        return self._access.locked and self._has_session(asked)

    def _has_session(self, asked: HTTPConnection) -> bool:
        return not self._access.locked or self._access.sessions.valid(asked.cookies.get(COOKIE, ""))


def _finder(asked: HTTPConnection) -> Refusal | None:
    """Who comes to a box without an owner: from its own network only, and nothing but the first-boot page is there."""
    if not setup_gate.near(asked.client.host if asked.client else ""):
        return Refusal(403, "nobody owns this box yet, and it is set up from its own network only")
    if asked.scope["type"] != "websocket" and setup_gate.served(asked.scope["path"]):
        return None
    return Refusal(403, "nobody owns this box yet: open /setup in a browser", go="/setup")


def welcome(asked: HTTPConnection) -> bool:
    """Whether the guard knows this visitor, and did not only let it pass to what is open to all."""
    return bool(asked.scope.get("vedette.welcome"))


def _bearer(asked: HTTPConnection) -> str | None:
    scheme, _, token = asked.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _name(host: str) -> str:
    """`[::1]:8080` -> `::1`, `Box.local:80` -> `box.local`."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _own_origin(asked: HTTPConnection, absent: bool) -> bool:
    """Whether the page that asks is one of ours. `absent`: what a caller without an Origin gets (browsers always send one)."""
    origin = asked.headers.get("origin")
    if asked.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    if origin is None:
        return absent
    try:
        return urlsplit(origin).netloc.lower() == asked.headers.get("host", "").lower()
    except ValueError:
        return False


def _answer(refusal: Refusal, asked: HTTPConnection) -> Response:
    path = asked.url.path
    wants_page = "text/html" in asked.headers.get("accept", "") and not path.startswith("/api/")
    if refusal.go and wants_page:
        return RedirectResponse(refusal.go, 303)
    if refusal.status == 401 and wants_page:
        onward = quote(path + (f"?{asked.url.query}" if asked.url.query else ""))
        return RedirectResponse(f"/login?next={onward}", 303)
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    if refusal.retry_after_s:
        headers["Retry-After"] = str(refusal.retry_after_s)
    return JSONResponse({"detail": refusal.why}, refusal.status, headers)


def _policy(host: str) -> str:
    sockets = f"ws://{host} wss://{host}"  # older Safari does not count them as 'self'
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
        f"connect-src 'self' {sockets}; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _with_headers(send: Send, asked: HTTPConnection) -> Send:
    name = asked.headers.get("host", "")
    host = name if _name(name) and not set(name) & set(" ;,'\"") else "localhost"

    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = _policy(host)
            headers["X-Content-Type-Options"] = "nosniff"
            headers["X-Frame-Options"] = "DENY"
            headers["Referrer-Policy"] = "same-origin"
            headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            headers.setdefault("Cache-Control", "no-store")
        if asked.scope["type"] == "websocket":
            await send(message)  # its own worker sees to who does not read
            return
        try:
            await asyncio.wait_for(send(message), KNOWN_READS_S if welcome(asked) else STRANGER_READS_S)
        except asyncio.TimeoutError as error:
            asked.scope.get("state", {}).get("hang_up", lambda: None)()
            raise ReaderGone(asked.scope["path"]) from error

    return sender
