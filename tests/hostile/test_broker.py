"""A broker that lies: whatever it sends, the connection is given up, memory stays flat, and the box goes on and finds an honest one."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.device.publish.fakes import DEVICE, Box, event, eventually
from tests.device.publish.mosquitto import Broker, broker_in, envelopes, listening, needs_mosquitto
from tests.memory import at_most_mib

CONNACK = b"\x20\x03\x00\x00\x00"
MiB = 1 << 20


def packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + remaining(len(body)) + body


def remaining(size: int) -> bytes:
    out = bytearray()
    while True:
        size, digit = divmod(size, 128)
        out.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(out)


def publish(qos: int, number: int, payload: bytes) -> bytes:
    topic = f"vedette/v1/{DEVICE}/dn/cmd".encode()
    return packet(0x30 | qos << 1, struct.pack("!H", len(topic)) + topic + struct.pack("!H", number) + b"\0" + payload)


@contextmanager
def lying(say: Callable[[socket.socket], None]) -> Iterator[Any]:
    """Takes every connection, reads its CONNECT, and says what it likes; `came` counts the connections."""
    server = socket.create_server(("127.0.0.1", 0))
    broker = SimpleNamespace(host="127.0.0.1", port=server.getsockname()[1], unix_path=None, came=0)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                broker.came += 1
                with suppress(OSError), connection:
                    connection.settimeout(10)
                    connection.recv(4096)
                    say(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield broker
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(15)
        assert not thread.is_alive()


def wait_for_the_end(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def huge_connack(connection: socket.socket) -> None:
    connection.sendall(b"\x20" + remaining(268_435_455))
    with suppress(OSError):
        for _ in range(256):
            connection.sendall(b"x" * MiB)


def huge_publish(connection: socket.socket) -> None:
    connection.sendall(CONNACK + b"\x32" + remaining(268_435_455))
    with suppress(OSError):
        for _ in range(256):
            connection.sendall(b"x" * MiB)


def never_released(connection: socket.socket) -> None:
    connection.sendall(CONNACK)
    with suppress(OSError):
        for number in range(1, 400):
            connection.sendall(publish(2, number, b"x" * MiB))


def nothing_taken(connection: socket.socket) -> None:
    connection.sendall(packet(0x20, b"\x00\x00\x03\x21\x00\x00"))
    wait_for_the_end(connection)


def trickle(connection: socket.socket) -> None:
    for byte in b"\x20\x7f" + b"\0" * 60:
        connection.sendall(bytes([byte]))
        threading.Event().wait(0.1)


def garbage(connection: socket.socket) -> None:
    rng = random.Random(connection.fileno())
    connection.sendall(rng.choice([b"", CONNACK]) + rng.randbytes(4000))
    wait_for_the_end(connection)


LIES = [huge_connack, huge_publish, never_released, nothing_taken, trickle, garbage]


@pytest.mark.parametrize("say", LIES)
def test_a_lying_broker_is_left_and_costs_no_memory(tmp_path: Path, say: Callable[[socket.socket], None]) -> None:
    with lying(say) as broker, Box(tmp_path, cast(Broker, broker)) as box:
        with at_most_mib(64):
            box.put(event(1))
            eventually(lambda: broker.came >= 3, 40)
        assert "kept on the box" in box.await_part("mqtt", "degraded")
        assert box.outbox.health().depth == 1


def flood(connection: socket.socket) -> None:
    connection.sendall(CONNACK)
    with suppress(OSError):
        for number in range(20_000):
            connection.sendall(publish(1, number % 65_000 + 1, b'{"v":1,"id":"i%d","cmd":"none"}' % number))
    wait_for_the_end(connection)


def test_a_flood_of_commands_neither_stops_the_worker_nor_fills_memory(tmp_path: Path) -> None:
    with lying(flood) as broker, Box(tmp_path, cast(Broker, broker), {"ack_timeout_s": 30}) as box:
        with at_most_mib(64):
            eventually(lambda: box.tally.get("", "commands", "E_UNKNOWN") >= 5000, 60)
        assert not box.crew.late()


@pytest.mark.broker
@needs_mosquitto
def test_after_a_lying_broker_an_honest_one_gets_everything(tmp_path: Path) -> None:
    with lying(garbage) as liar, Box(tmp_path, cast(Broker, liar)) as box:
        box.put(event(1))
        eventually(lambda: liar.came >= 3)
    with broker_in(tmp_path) as honest, listening(honest, f"vedette/v1/{DEVICE}/up/#") as desk, Box(tmp_path, honest):
        desk.wait(lambda came: any(e["data"]["life"] == "new" for e in envelopes(came)))
