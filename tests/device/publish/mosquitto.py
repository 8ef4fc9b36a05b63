"""A real mosquitto on loopback or a unix socket, and a subscriber that keeps what it heard; for any test that needs a broker."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

BINARY = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
QUEUES = ("max_queued_messages 100000",)  # a listener that is slow for once misses nothing
needs_mosquitto = pytest.mark.skipif(not Path(BINARY).exists(), reason="mosquitto is not installed")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Broker:
    """Started and killed as often as a test likes; it keeps its sessions over a restart."""

    def __init__(self, folder: Path, *extra: str, unix: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self.unix_path = folder / "broker.sock" if unix else None
        self.host = str(self.unix_path) if unix else "127.0.0.1"
        listener = f"listener 0 {self.unix_path}" if unix else f"listener {self.port} 127.0.0.1"
        if not any(line.startswith("allow_anonymous") for line in extra):
            extra = ("allow_anonymous true", *extra)
        lines = (listener, "user root", "persistence true", f"persistence_location {folder}/", "autosave_on_changes true")
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join((*lines, "autosave_interval 1", "log_dest none", *QUEUES, *extra)) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self.unix_path:
            self.unix_path.unlink(missing_ok=True)
        self._process = subprocess.Popen([BINARY, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self.answers():
            assert self._process.poll() is None, f"mosquitto ended with {self._process.returncode}"
            assert time.monotonic() < deadline, "mosquitto did not start"
            threading.Event().wait(0.02)

    def answers(self) -> bool:
        family = socket.AF_UNIX if self.unix_path else socket.AF_INET
        with socket.socket(family) as sock:
            return sock.connect_ex(str(self.unix_path) if self.unix_path else (self.host, self.port)) == 0

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None

    def pause(self) -> None:
        """It neither answers nor closes: the kernel still takes connections for it."""
        assert self._process
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process
        os.kill(self._process.pid, signal.SIGCONT)


@contextmanager
def broker_in(folder: Path, *extra: str, unix: bool = False) -> Iterator[Broker]:
    broker = Broker(folder, *extra, unix=unix)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


class Listener:
    """A subscriber with a session of its own; `messages` are those that came, in order."""

    def __init__(self, broker: Broker, *topics: str, client_id: str = "listener", retain_as_published: bool = False) -> None:
        self.messages: list[MQTTMessage] = []
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._topics = [(topic, SubscribeOptions(qos=1, retainAsPublished=retain_as_published)) for topic in topics]
        transport: Any = "unix" if broker.unix_path else "tcp"
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5, transport=transport)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        self._client.connect(broker.host, broker.port, 60, clean_start=False, properties=properties)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def _on_connect(self, client: Client, *_: object) -> None:
        client.subscribe(self._topics)

    def _on_message(self, _client: object, _userdata: object, message: MQTTMessage) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def wait(self, enough: Callable[[list[MQTTMessage]], object], timeout_s: float = 20) -> list[MQTTMessage]:
        """Until `enough(messages)`; fails with what came instead."""
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self.messages), timeout_s), (
                f"{len(self.messages)} messages came: {[(m.topic, bytes(m.payload)[:300]) for m in self.messages[-5:]]}"
            )
            return list(self.messages)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, **properties: Any) -> None:
        """QoS 1; MQTT 5 properties by their names, e.g. ResponseTopic."""
        given = Properties(PacketTypes.PUBLISH)
        for name, value in properties.items():
            setattr(given, name, value)
        self._client.publish(topic, payload, 1, retain, given).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def listening(broker: Broker, *topics: str, client_id: str = "listener", retain_as_published: bool = False) -> Iterator[Listener]:
    listener = Listener(broker, *topics, client_id=client_id, retain_as_published=retain_as_published)
    try:
        yield listener
    finally:
        listener.close()


def envelopes(messages: list[MQTTMessage], name: str = "event") -> list[dict[str, Any]]:
    """The envelopes on up/<name>, in the order they came."""
    return [json.loads(m.payload) for m in messages if f"/up/{name}" in m.topic and m.payload]
