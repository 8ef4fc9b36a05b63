"""Link: one connection to a broker, from CONNECT to its loss, driven by its owner's thread; paho gets no thread and no queue.

Every connection has a new client, so nothing of the last one (window, queue, message ids) is carried over in memory.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from broker.address import Address, said, tls_context
from broker.letters import Ack, Incoming, Letter, properties
from contracts.envelope import MAX_BYTES

log = logging.getLogger(__name__)
MAX_INCOMING_BYTES = MAX_BYTES + (256 << 10)  # a message we would read, its topic and its properties


class Link:
    """Fields that the owner reads after each `spin`: up, lost, acks, incoming, refused, window, max_packet.

    With `manual_ack` the broker keeps what came until the owner says `acknowledge`.
    """

    def __init__(self, address: Address, mono_ns: Callable[[], int], will: Letter | None = None, *, manual_ack: bool = False) -> None:
        self._address, self._mono_ns = address, mono_ns
        self.up = False
        self.lost: str | None = None  # why it is over
        self.refused = ""  # the broker's words, where it will not have a subscription
        self.session_present = False
        self.window = address.window
        self.max_packet = 1 << 28
        self.acks: deque[Ack] = deque()
        self.incoming: deque[Incoming] = deque()
        self._began_ns = mono_ns()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._tls_socket: ssl.SSLSocket | None = None
        self._client = self._made(will, manual_ack)

    def _made(self, will: Letter | None, manual_ack: bool) -> Client:
        address, version = self._address, MQTTProtocolVersion.MQTTv5
        api, transport = CallbackAPIVersion.VERSION2, address.transport
        client = Client(api, address.identity(), protocol=version, transport=transport, manual_ack=manual_ack)
        client.connect_timeout = address.connect_timeout_s
        client.max_inflight_messages_set(0)  # the owner keeps the window: paho ignores the broker's Receive Maximum
        if address.username is not None:
            client.username_pw_set(address.username, address.password)
        if address.tls is not None:
            client.tls_set_context(self._keeping(tls_context(address)))
        if will is not None:
            client.will_set(will.topic, will.payload, 1, will.retain, properties(PacketTypes.WILLMESSAGE, will))
        client._sock_recv = self._bounded(client._sock_recv)  # type: ignore[assignment, method-assign]
        client.on_connect = self._guarded(self._on_connect)
        client.on_disconnect = self._guarded(self._on_disconnect)
        client.on_publish = self._guarded(self._on_publish)
        client.on_subscribe = self._guarded(self._on_subscribe)
        client.on_message = self._guarded(self._on_message)
        return client

    def _bounded(self, receive: Callable[[int], bytes]) -> Callable[[int], bytes]:
        """A broker may announce 256 MiB, whatever it was told; paho would read them into memory, all at once."""

        def receive_so_much(size: int) -> bytes:
            if size > MAX_INCOMING_BYTES:
                raise ValueError(f"the broker sends a packet of {size} bytes, at most {MAX_INCOMING_BYTES} are read")
            return receive(size)

        return receive_so_much

    def _keeping(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """Remember the socket: paho leaves that of a failed handshake open."""
        wrap = context.wrap_socket

        def wrap_and_keep(*arguments: Any, **options: Any) -> ssl.SSLSocket:
            self._tls_socket = wrap(*arguments, **{**options, "server_hostname": self._address.name or options["server_hostname"]})
            return self._tls_socket

        context.wrap_socket = wrap_and_keep  # type: ignore[method-assign]
        return context

    def connect(self) -> None:
        """Send CONNECT; blocks for at most the connection timeout of each address. `up` follows in a `spin`."""
        asked = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own
        asked.MaximumPacketSize = MAX_INCOMING_BYTES
        address = self._address
        asked.SessionExpiryInterval = address.session_expiry_s or 0
        if address.accepts is not None:
            asked.ReceiveMaximum = address.accepts
        clean = address.session_expiry_s is None
        try:
            self._client.connect(address.host, address.port, address.keepalive_s, clean_start=clean, properties=asked)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; ValueError: a host paho cannot use
            self.lose(said(error, address))
        else:
            self._hurry()

    def _hurry(self) -> None:
        """Neither end waits 40 ms for the other: Nagle off here, acknowledgements at once because it is on at the broker."""
        sock: Any = self._client.socket()
        if sock is not None and self._address.transport == "tcp":
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # the kernel forgets this one: said again after each read

    def subscribe(self, topics: list[str]) -> None:
        """QoS 1; the retain flag comes as it was published, so that a retained command is known for what it is."""
        if topics:
            self._client.subscribe([(topic, SubscribeOptions(qos=1, retainAsPublished=True)) for topic in topics])

    def send(self, letter: Letter) -> int:
        """Publish with QoS 1; the message id that its acknowledgement will carry."""
        info = self._client.publish(letter.topic, letter.payload, 1, letter.retain, properties(PacketTypes.PUBLISH, letter))
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self.lose(f"sending failed ({info.rc.name})")
        return info.mid

    def acknowledge(self, mid: int) -> None:
        """What came under that number is safe with us; the broker forgets it."""
        if mid and self.lost is None:
            self._client.ack(mid, 1)

    def spin(self, timeout_s: float) -> None:
        """Wait for the network or for `wake`, at most so long, and do what is there to be done."""
        try:
            self._spin(timeout_s)
        except Exception as error:  # a seam: paho's decoders raise anything on what a broken broker sends
            log.warning("connection given up", exc_info=True)
            self.lose(f"{type(error).__name__}: {error}")
        if not self.up and self._mono_ns() - self._began_ns > self._address.connect_timeout_s * 1e9:
            self.lose(f"the broker at {self._address.where()} takes the connection but does not answer")

    def _spin(self, timeout_s: float) -> None:
        sock: Any = self._client.socket()
        if sock is None:
            self.lose("connection closed")
            return
        poller = select.poll()  # not select: file descriptors may be beyond 1024
        poller.register(self._wake_fd, select.POLLIN)
        poller.register(sock, select.POLLIN | (select.POLLOUT if self._client.want_write() else 0))
        pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        ready = dict(poller.poll(0 if pending else max(0, int(timeout_s * 1000 + 0.999))))
        if self._wake_fd in ready:
            os.eventfd_read(self._wake_fd)
        if pending or ready.get(sock.fileno(), 0) & ~select.POLLOUT:
            self._read(sock, poller)
        if self._client._in_messages:  # paho keeps them until they are released, which may be never
            self.lose("the broker sends with QoS 2, which was not asked for")
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()  # keepalive: PINGREQ, and an end when PINGRESP does not come

    def _read(self, sock: Any, poller: select.poll) -> None:
        """All packets that are there, within bounds: paho reads one each time."""
        poller.modify(sock, select.POLLIN)
        for _ in range(self._address.accepts or self.window):
            self._client.loop_read()
            pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
            over = self.lost is not None or self._client.socket() is None or self._client._in_messages
            if over or not (pending or poller.poll(0)):
                break
        self._hurry()

    def wake(self) -> None:
        """End a `spin` from any thread."""
        if self._wake_fd >= 0:
            os.eventfd_write(self._wake_fd, 1)

    def lose(self, reason: str) -> None:
        self.lost = self.lost or reason
        self.up = False

    def close(self, farewell: bool) -> None:
        """With `farewell` the broker is told, and forgets the will; without, it finds out."""
        if farewell and self.lost is None:
            self._client.disconnect()
        fd, self._wake_fd = self._wake_fd, -1
        for sock in (self._client.socket(), self._tls_socket):
            if sock is not None:
                sock.close()
        os.close(fd)

    # ---- paho's callbacks: they only note what came, and never raise

    def _guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        def guarded(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:  # a seam: raised into paho it would end its loop without a word
                log.exception("callback failed")
                self.lose(f"a callback failed: {type(error).__name__}: {error}")

        return guarded

    def _on_connect(self, _c: Client, _u: object, flags: Any, reason: ReasonCode, given: Properties | None) -> None:
        if reason.is_failure:
            self.lose(f"the broker refuses the connection: {reason}; check {self._address.named('username')}, password and certificate")
            return
        self.session_present = bool(flags.session_present)
        self.window = min(self.window, getattr(given, "ReceiveMaximum", self.window))
        self.max_packet = min(self.max_packet, getattr(given, "MaximumPacketSize", self.max_packet))
        if self.window < 1:
            self.lose("the broker says that it takes no message at all (Receive Maximum 0)")
            return
        self.up = True

    def _on_disconnect(self, _c: Client, _u: object, _flags: Any, reason: ReasonCode, _properties: Properties | None) -> None:
        if self.up:
            self.lose(f"connection lost: {reason}")
        named = self._address.named("port", "tls", "cert", "key")
        self.lose(f"the broker at {self._address.where()} closed the connection without an answer; check {named}")

    def _on_publish(self, _c: Client, _u: object, mid: int, reason: ReasonCode, _properties: Properties | None) -> None:
        self.acks.append(Ack(mid, str(reason) if reason.is_failure else ""))

    def _on_subscribe(self, _c: Client, _u: object, _mid: int, reasons: list[ReasonCode], _properties: Properties | None) -> None:
        self.refused = ", ".join(str(reason) for reason in reasons if reason.is_failure)

    def _on_message(self, _c: Client, _u: object, message: MQTTMessage) -> None:
        given = message.properties
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = None
        expiry_s = getattr(given, "MessageExpiryInterval", None)
        answer = (getattr(given, "ResponseTopic", None), getattr(given, "CorrelationData", None))
        mid = message.mid if message.qos else 0
        self.incoming.append(Incoming(topic, bytes(message.payload), message.retain, expiry_s, *answer, mid))


def probe(address: Address, mono_ns: Callable[[], int]) -> str | None:
    """None when the broker lets us in, otherwise why not. Leaves no trace where the address asks for a clean session: there is no will."""
    link = Link(address, mono_ns)
    link.connect()
    while not link.up and link.lost is None:
        link.spin(0.2)
    reason = link.lost
    link.close(farewell=True)
    return reason
