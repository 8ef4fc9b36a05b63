"""One box of the fleet: its connection as a state machine that never waits, from TCP over TLS and CONNECT to its messages."""

from __future__ import annotations

import select
import socket
import ssl
import time
from hashlib import sha256

from bench import fleet_wire as wire
from bench.fleet_said import Voice
from broker.link import MAX_INCOMING_BYTES
from broker.staying import STABLE_NS
from contracts.topics import Topics, fleet
from device.publish.health import Options as HealthOptions
from device.publish.mqtt import Options as MqttOptions

RESTING, CALLING, SHAKING, ASKING, UP = "resting", "calling", "shaking", "asking", "up"
HEALTH_S = HealthOptions().interval_s
SOURCES = 8  # addresses of loopback that boxes call from: the ports of one are soon used up by connections that are over
IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h


class FleetBox:
    def __init__(self, number: int, port: int, options: MqttOptions, voice: Voice, context: ssl.SSLContext | None) -> None:
        self.number, self._port, self._options, self._voice, self._context = number, port, options, voice, context
        self.name = self.name_of(number)
        self._topics = Topics(self.name)
        self.sock: socket.socket | None = None
        self.fd = -1
        self.state = RESTING
        self.attempt_no = self._failures = 0
        self.sent = self.acked = self.refused = 0
        self._began, self._mid = 0.0, 0
        self._out, self._came = bytearray(), bytearray()
        self._session = ""
        self._wants_write = False

    @staticmethod
    def name_of(number: int) -> str:
        return f"box-{number:05d}"

    @property
    def up(self) -> bool:
        return self.state == UP

    def begin(self) -> None:
        """Call the broker; `fd` is to be watched."""
        self.attempt_no += 1
        self._began, self._mid, self._session = time.monotonic(), 0, self._voice.ulid()
        self._out.clear()
        self._came.clear()
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        self.sock.bind((f"127.0.0.{10 + self.number % SOURCES}", 0))
        self.sock.connect_ex(("127.0.0.1", self._port))
        self.fd, self.state = self.sock.fileno(), CALLING

    def end(self) -> int:
        """The connection is over; how many attempts in a row were short, as broker.staying counts them."""
        assert self.sock is not None
        self.sock.close()
        self.sock, self.state = None, RESTING
        self.attempt_no += 1
        self._failures = 0 if time.monotonic() - self._began > STABLE_NS / 1e9 else self._failures + 1
        return self._failures

    def wishes(self) -> int:
        """What the poll is to wait for."""
        writes = self.state == CALLING or self._wants_write or bool(self._out)
        return select.EPOLLIN | (select.EPOLLOUT if writes else 0)

    def move(self, what: int) -> None:
        """Something can be read or written; OSError or ValueError: it is over."""
        assert self.sock is not None
        if self.state == CALLING:
            if not what & (select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP):
                return
            if error := self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, "no connection")
            self._called()
        if self.state == SHAKING and not self._shaken():
            return
        self._flush()
        if self.state in (ASKING, UP):
            self._read()

    def _called(self) -> None:
        assert self.sock is not None
        if self._context is None:
            self._ask()
            return
        self.sock = self._context.wrap_socket(self.sock, server_hostname="127.0.0.1", do_handshake_on_connect=False)
        self.state = SHAKING

    def _shaken(self) -> bool:
        assert isinstance(self.sock, ssl.SSLSocket)
        try:
            self.sock.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as wish:
            self._wants_write = isinstance(wish, ssl.SSLWantWriteError)
            return False
        self._wants_write = False
        self._ask()
        return True

    def _ask(self) -> None:
        options = self._options
        will = (self._topics.up("status"), self._voice.status("lost", self._session), options.will_delay_s)
        username = None if self._context else self.name
        secret = f"-{sha256(self.name.encode()).hexdigest()[:16]}" if self._context else ""  # as long as that of a real one's key
        self._out += wire.connect(
            f"vedette-{self.name}{secret}", username, will,
            keepalive_s=options.keepalive_s, session_expiry_s=options.session_expiry_s, max_packet=MAX_INCOMING_BYTES,
        )  # fmt: skip
        self.state = ASKING

    def _read(self) -> None:
        assert self.sock is not None
        while True:
            try:
                more = self.sock.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            if not more:
                raise OSError("the broker closed the connection")
            self._came += more
            for kind, body in wire.packets(self._came):
                self._take(kind, body)

    def _take(self, kind: int, body: bytes) -> None:
        if kind == wire.CONNACK:
            if body[1] != 0:
                raise ValueError(f"the broker refuses the connection: {body[1]}")
            self.state = UP
            self._introduce()
        elif kind == wire.PUBACK:
            self.acked += 1
            self.refused += len(body) > 2 and body[2] >= 0x80

    def _introduce(self) -> None:
        """As the product does with each new connection: subscriptions, birth, and each state again."""
        self._mid += 1
        wished = [self._topics.dn("cmd"), fleet("cmd"), self._topics.dn("desired"), fleet("desired")]
        self._out += wire.subscribe(self._mid, wished)
        self._say("status", self._voice.status("online", self._session))
        self._say("info", self._voice.info())
        self.say_health()

    def say_health(self) -> None:
        self._say("health", self._voice.health(), int(HEALTH_S * 3) + 1)

    def _say(self, kind: str, payload: bytes, expiry_s: int | None = None) -> None:
        self._mid = self._mid % 65535 + 1
        self.sent += 1
        self._out += wire.publish(self._mid, self._topics.up(kind), payload, expiry_s)
        self._flush()

    def _flush(self) -> None:
        assert self.sock is not None
        while self._out:
            try:
                del self._out[: self.sock.send(self._out)]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
