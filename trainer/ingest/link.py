"""Link: one connection to the broker, driven by its owner's thread; nothing is acknowledged before the owner says so.

Every connection has a new client; the broker keeps the session, and sends again what was not acknowledged.
"""

from __future__ import annotations

import logging
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from contracts.envelope import MAX_BYTES
from contracts.errors import ConfigError
from trainer.ingest.options import Options

log = logging.getLogger(__name__)
MAX_PACKET = MAX_BYTES + (256 << 10)  # a message we would read, its topic and its properties


@dataclass(frozen=True, slots=True)
class Incoming:
    topic: str | None  # None: not even UTF-8
    payload: bytes
    mid: int  # 0: QoS 0, nothing to acknowledge


class Link:
    """Fields that the owner reads after each `spin`: up, lost, incoming, session_present."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.up = False
        self.lost: str | None = None  # why it is over
        self.session_present = False
        self.incoming: deque[Incoming] = deque()
        self._began = time.monotonic()
        self._client = self._made()

    def _made(self) -> Client:
        options = self._options
        client = Client(
            CallbackAPIVersion.VERSION2,
            options.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            transport=options.transport,
            manual_ack=True,
        )
        client.connect_timeout = options.connect_timeout_s
        if options.username is not None:
            client.username_pw_set(options.username, options.password.get_secret_value() if options.password else None)
        if options.tls:
            client.tls_set_context(tls_context(options))
        client._sock_recv = self._bounded(client._sock_recv)  # type: ignore[assignment, method-assign]
        client.on_connect = self._guarded(self._on_connect)
        client.on_disconnect = self._guarded(self._on_disconnect)
        client.on_subscribe = self._guarded(self._on_subscribe)
        client.on_message = self._guarded(self._on_message)
        return client

    def _bounded(self, receive: Callable[[int], bytes]) -> Callable[[int], bytes]:
        """A broker may announce 256 MiB, whatever it was told; paho would read them into memory, all at once."""

        def receive_so_much(size: int) -> bytes:
            if size > MAX_PACKET:
                raise ValueError(f"the broker sends a packet of {size} bytes, at most {MAX_PACKET} are read")
            return receive(size)

        return receive_so_much

    def connect(self) -> None:
        """Send CONNECT, asking for our old session; `up` follows in a `spin`."""
        options, asked = self._options, Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own
        asked.MaximumPacketSize = MAX_PACKET
        asked.ReceiveMaximum = options.window
        asked.SessionExpiryInterval = options.session_expiry_s
        try:
            self._client.connect(options.host, options.port, options.keepalive_s, clean_start=False, properties=asked)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; ValueError: a host paho cannot use
            self.lose(f"no broker at {options.where()}: {error}; start it, or correct host and port")

    def subscribe(self, topics: list[str]) -> None:
        self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])

    def acknowledge(self, mid: int) -> None:
        """What came under that number is stored; the broker forgets it."""
        if mid and self.lost is None:
            self._client.ack(mid, 1)

    def publish(self, topic: str, payload: bytes, response: str, correlation: bytes, expiry_s: int) -> None:
        """QoS 1; a question that gets no answer is asked again by whoever asked."""
        given = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        given.ResponseTopic, given.CorrelationData, given.MessageExpiryInterval = response, correlation, expiry_s
        if self._client.publish(topic, payload, 1, False, given).rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self.lose("sending failed")

    def spin(self, timeout_s: float) -> None:
        """Wait for the network, at most so long, and do what is there to be done."""
        try:
            self._spin(timeout_s)
        except Exception as error:  # a seam: paho's decoders raise anything on what a broken broker sends
            log.warning("connection given up", exc_info=True)
            self.lose(f"{type(error).__name__}: {error}")
        if not self.up and time.monotonic() - self._began > self._options.connect_timeout_s:
            self.lose(f"the broker at {self._options.where()} takes the connection but does not answer")

    def _spin(self, timeout_s: float) -> None:
        sock: Any = self._client.socket()
        if sock is None:
            self.lose("connection closed")
            return
        poller = select.poll()  # not select: file descriptors may be beyond 1024
        poller.register(sock, select.POLLIN | (select.POLLOUT if self._client.want_write() else 0))
        pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        ready = dict(poller.poll(0 if pending else max(0, int(timeout_s * 1000 + 0.999))))
        if pending or ready.get(sock.fileno(), 0) & ~select.POLLOUT:
            self._read(sock, poller)
        if self._client._in_messages:  # paho keeps them until they are released, which may be never
            self.lose("the broker sends with QoS 2, which was not asked for")
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()  # keepalive: PINGREQ, and an end when PINGRESP does not come

    def _read(self, sock: Any, poller: select.poll) -> None:
        """All packets that are there, as far as the window: paho reads one each time."""
        poller.modify(sock, select.POLLIN)
        for _ in range(self._options.window):
            self._client.loop_read()
            pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
            if self.lost is not None or self._client.socket() is None or not (pending or poller.poll(0)):
                break
        if self._options.transport == "tcp" and self._client.socket() is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def lose(self, reason: str) -> None:
        self.lost = self.lost or reason
        self.up = False

    def close(self) -> None:
        """The session stays at the broker."""
        if self.lost is None:
            self._client.disconnect()
        sock: Any = self._client.socket()
        if sock is not None:
            sock.close()

    # ---- paho's callbacks: they only note what came, and never raise

    def _guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        def guarded(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:  # a seam: raised into paho it would end its loop without a word
                log.exception("callback failed")
                self.lose(f"a callback failed: {type(error).__name__}: {error}")

        return guarded

    def _on_connect(self, _c: Client, _u: object, flags: Any, reason: ReasonCode, _given: Properties | None) -> None:
        if reason.is_failure:
            self.lose(f"the broker refuses the connection: {reason}; check user, password and certificate")
            return
        self.session_present, self.up = bool(flags.session_present), True

    def _on_disconnect(self, _c: Client, _u: object, _flags: Any, reason: ReasonCode, _properties: Properties | None) -> None:
        self.lose(f"connection lost: {reason}")

    def _on_subscribe(self, _c: Client, _u: object, _mid: int, reasons: list[ReasonCode], _properties: Properties | None) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self.lose(f"the broker refuses a subscription: {', '.join(refused)}; let this client read vedette/v1/+/up/#")

    def _on_message(self, _c: Client, _u: object, message: MQTTMessage) -> None:
        try:
            topic: str | None = message.topic
        except UnicodeDecodeError:
            topic = None
        self.incoming.append(Incoming(topic, bytes(message.payload), message.mid if message.qos else 0))


def tls_context(options: Options) -> ssl.SSLContext:
    """TLS 1.2 or later, the broker's name and certificate verified; ConfigError where a file is wrong."""
    try:
        context = ssl.create_default_context(cafile=str(options.ca) if options.ca else None)
        if options.cert is not None:
            context.load_cert_chain(options.cert, options.key)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(f"--ca, --cert, --key: {error}; they must be PEM files, the key that of the certificate") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
