"""Boxes for these tests and the bench: messages as boxes write them, and many boxes on one connection to a broker."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from broker.letters import Incoming
from contracts.envelope import CROCKFORD
from contracts.event import event_id
from contracts.topics import Topics
from contracts.wire import utc_from_ns, utc_text

T0_NS = 1_770_000_000_000_000_000


def ulid(*words: object) -> str:
    """The same for the same words."""
    value = event_id("ulid", "object", 0, "|".join(map(str, words))).int >> 1
    return "".join(CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))


def event(number: int, life: str = "new", at: int | None = None, **changes: Any) -> dict[str, Any]:
    """`number` names the event, `at` tenths of a second after its beginning."""
    start = utc_text(utc_from_ns(T0_NS + number * 1_000_000_000))
    t = utc_text(utc_from_ns(T0_NS + number * 1_000_000_000 + (at or 0) * 100_000_000))
    end = {"end": t} if life == "end" else {}
    return {
        "id": str(event_id("test", "object", number)), "life": life, "kind": "object", "camera": "yard", "label": "person",
        "confidence": 0.8, "start": start, "t": t, "start_pts_ns": number, "pts_ns": number, "box": [1.5, 2.0, 30.0, 40.0],
        "zones": ["door"], **end, **changes,
    }  # fmt: skip


def envelope(device: str, seq: int | None, data: dict[str, Any], kind: str = "event", boot: str = "boot-1", **changes: Any) -> bytes:
    said = {
        "v": 1, "id": ulid(device, boot, kind, seq if seq is not None else json.dumps(data)), "seq": seq, "boot": boot,
        "t": data.get("t", utc_text(utc_from_ns(T0_NS))), "mono": 1.5, "clk": "ntp", "type": f"{kind}.v1", "profile": "street",
        "model": None, "data": data,
    }  # fmt: skip
    return json.dumps({**said, **changes}).encode()


def health(last_seq: int, depth: int = 0, **changes: Any) -> dict[str, Any]:
    outbox = {"depth": depth, "bytes": 0, "oldest_age_s": None, "unsaved": 0, "shed": 0, "shed_to_seq": 0, "last_seq": last_seq}
    system = {
        "rss_bytes": 1, "cpu_percent": 1.0, "disk_total_bytes": 1, "disk_free_bytes": 1, "written_bytes": 1, "temperature_c": None,
        "uptime_s": 1.0, "clock": "ntp",
    }  # fmt: skip
    return {"fps": 1.0, "cameras": {}, "parts": {}, "outbox": outbox, "system": system, **changes}


def status(state: str, session: str) -> dict[str, Any]:
    return {"state": state, "session": session, "software": "0.1.0"}


def came(device: str, payload: bytes, name: str = "event", mid: int = 1) -> Incoming:
    return Incoming(Topics(device).up(name), payload, mid=mid)


class Fleet:
    """Publishes for many boxes over one connection, QoS 1; `flush` waits until the broker has everything."""

    def __init__(self, host: str, port: int, unix: bool = False) -> None:
        self._client = Client(
            CallbackAPIVersion.VERSION2, "fleet", protocol=MQTTProtocolVersion.MQTTv5, transport="unix" if unix else "tcp"
        )
        self._client.max_inflight_messages_set(100)
        self._changed, self._open = threading.Condition(), 0
        self._client.on_publish = self._on_publish
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(host, port)
        self._client.loop_start()

    def _on_publish(self, *_: object) -> None:
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._open < 1000, 60)
            self._open += 1
        self._client.publish(topic, payload, 1, retain)

    def events(self, device: str, messages: Iterable[bytes]) -> None:
        for message in messages:
            self.send(Topics(device).up("event"), message)

    def flush(self, timeout_s: float = 60) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._open <= 0, timeout_s), f"{self._open} messages were not taken"

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
