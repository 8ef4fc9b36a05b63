"""Of connections that ask nothing the one gives way that has asked nothing for longest."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.server import ServerState

from serving.door import Door

ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def answered(visitor: socket.socket) -> None:
    """To the last byte of the body."""
    said = b""
    while not said.endswith(b"\r\n\r\nok"):
        piece = visitor.recv(1000)
        assert piece
        said += piece


class Over:
    """asyncio's transport of TLS once that is over: for a turn of the loop, until uvicorn is told, there is no socket of it any more."""

    def get_extra_info(self, _name: str, default: object = None) -> object:
        return default


def test_a_connection_that_is_just_over_turns_no_visitor_away() -> None:
    door, state, loop = Door(time.monotonic_ns, 6), ServerState(), asyncio.new_event_loop()
    made = door(config=uvicorn.Config(Starlette(), log_config=None), server_state=state, app_state={}, _loop=loop)
    made.transport = cast(Any, Over())
    state.connections.add(made)
    assert door.greeted() == set()
    loop.close()


def test_who_was_answered_a_moment_ago_is_not_the_oldest() -> None:
    asked, go = threading.Event(), asyncio.Event()

    async def slow(_request: Request) -> PlainTextResponse:
        asked.set()
        await go.wait()
        return PlainTextResponse("ok")

    door = Door(time.monotonic_ns, 6)  # three that ask nothing
    config = uvicorn.Config(Starlette(routes=[Route("/", slow)]), http=cast(Any, door), ws="none", lifespan="off", log_config=None)
    server, listening = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(server.serve([listening]),))
    thread.start()
    visitors: list[socket.socket] = []

    def visitor() -> socket.socket:
        """When it is known of: the kernel takes connections before anybody does."""
        before, waiting = len(door._since), threading.Event()
        visitors.append(socket.create_connection(listening.getsockname()[:2], 10))
        assert any(len(door._since) > before or waiting.wait(0.01) for _ in range(1000))
        return visitors[-1]

    try:
        first = visitor()
        first.sendall(ASK)
        assert asked.wait(10)
        second = visitor()  # while the first is answered
        visitor()
        loop.call_soon_threadsafe(go.set)
        answered(first)
        visitors.append(socket.create_connection(listening.getsockname()[:2], 10))
        assert second.recv(10) == b"", "it has asked nothing for longest"
        first.sendall(ASK)
        answered(first)
    finally:
        server.should_exit = True
        for each in visitors:
            each.close()
        thread.join(10)
        loop.close()
        listening.close()
    assert not thread.is_alive()
