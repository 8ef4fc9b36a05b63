"""Guard: every request passes it first: host names, origins, sizes, who is asking, whether the role may, and CSRF."""

from __future__ import annotations

import hmac
import logging
import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.errors import StorageError
from serving.addresses import is_loopback
from trainer.accounts.roles import Person
from trainer.web import body, rules
from trainer.web.headers import with_headers
from trainer.web.options import Options
from trainer.web.parts import Parts
from trainer.web.refusal import AWAY, Refusal, answer
from trainer.web.visitor import KEY

log = logging.getLogger(__name__)
COOKIE, CSRF, CSRF_FIELD = "vedette_trainer_session", "x-csrf-token", "csrf"
LONGEST_COOKIE = 256


class Guard:
    def __init__(self, app: ASGIApp, options: Options, parts: Parts) -> None:
        self._app, self._options, self._logins = app, options, parts.accounts.logins
        own = socket.gethostname().lower()
        reachable = () if is_loopback(options.host) else (own, f"{own}.local", options.host)
        self._hosts = {"localhost", *(name.lower() for name in (*reachable, *options.allowed_hosts))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "there is nothing to listen to here"})
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = HTTPConnection(scope)
        send = with_headers(send, asked, self._options.write_s)
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        asked = HTTPConnection(scope)
        scope.setdefault("state", {})
        refusal = self._wrong_way(asked) or await self._stranger(asked)
        if refusal is None and scope["method"] not in rules.SAFE:
            read = await body.read_body(asked, receive, self._options.body_s)
            refusal = read if isinstance(read, Refusal) else _forged(asked, read)
            receive = body.replayed(b"" if isinstance(read, Refusal) else read, receive)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await answer(refusal, asked)(scope, receive, send)

    def _wrong_way(self, asked: HTTPConnection) -> Refusal | None:
        """What no caller may do, whoever it is."""
        host = asked.headers.get("host", "")
        if not self._knows(host):
            return Refusal(421, f"this page does not answer to {_name(host) or 'no name'!r}; start it with --name {_name(host) or 'NAME'}")
        if "\0" in asked.scope["path"] or b"%00" in asked.scope["query_string"]:
            return Refusal(400, "an address has no NUL in it")
        if asked.scope["method"] in rules.SAFE:
            return None
        return body.wrong_length(asked) or (None if _own_origin(asked) else Refusal(403, "another site may not send this here"))

    def _knows(self, host: str) -> bool:
        """An address cannot be rebound by a name server, so addresses are fine; names must be ours."""
        name = _name(host)
        try:
            ip_address(name)
        except ValueError:
            return name in self._hosts
        return True

    async def _stranger(self, asked: HTTPConnection) -> Refusal | None:
        """Nobody, or somebody whose role is not enough."""
        path, cookie = asked.scope["path"], asked.cookies.get(COOKIE, "")
        person: Person | None = None
        if 0 < len(cookie) <= LONGEST_COOKIE and not path.startswith("/static/"):
            try:
                person = await run_in_threadpool(self._logins.person, cookie)
            except StorageError as error:
                log.warning("who is asking is not known: %s", error)
                return Refusal(503, AWAY, 5)
        asked.scope["state"][KEY] = person
        if rules.is_open(path):
            return None
        if person is None:
            return Refusal(401, "log in: POST name and password to /api/v1/session, or with a browser at /login")
        least = rules.least(path, asked.scope["method"])
        if not person.may(least):
            return Refusal(403, f"this needs the role {least}, and {person.name} is {person.role}; ask an admin")
        return None


def _forged(asked: HTTPConnection, read: bytes) -> Refusal | None:
    """Whether what changes something comes from a page of ours: it sends back the token it was given."""
    person = asked.scope["state"][KEY]
    if person is None or rules.is_open(asked.scope["path"]):
        return None  # nothing is done in anybody's name: a login, whose origin was looked at
    given = asked.headers.get(CSRF) or (body.form_of(read).get(CSRF_FIELD, "") if body.is_form(asked) else "")
    if hmac.compare_digest(given.encode("utf-8", "surrogatepass"), person.csrf.encode()):
        return None
    return Refusal(403, "the page that sent this is too old; load it again (machines send back the X-CSRF-Token of their login)")


def _name(host: str) -> str:
    """`[::1]:8080` -> `::1`, `Box.local:80` -> `box.local`."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _own_origin(asked: HTTPConnection) -> bool:
    """Whether the page that asks is one of ours. Browsers always say their origin with what changes something; programs need not."""
    origin = asked.headers.get("origin")
    if asked.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == asked.headers.get("host", "").lower()
    except ValueError:
        return False
