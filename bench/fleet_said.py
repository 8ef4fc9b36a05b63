"""What a box says: taken from a real one that watches a camera, and said again by each simulated box in the product's own envelopes."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from pydantic import BaseModel

from bench import bundles
from bench.box import Box, broker
from bench.start import SIDE, config
from contracts.envelope import Envelope, read_envelope
from contracts.health import Health
from contracts.status import Info, Status
from contracts.wire import utc_from_ns, utc_text
from device.clock import SystemClock
from device.publish.stamp import Stamp

KINDS = ("status", "info", "health")
NOBODY = "0" * 26  # in the place of a session
REPORTS = 4  # of health: by then each of its parts has something to say


class Sample(BaseModel):
    """Goes to the processes of the boxes as JSON."""

    profile: str
    software: str
    info: Info
    health: Health


def sample(folder: Path) -> Sample:
    """`vedette run` with one 1080p camera, a network of the usual size and a broker, until it has reported its health a few times."""
    folder.mkdir()
    with broker(folder) as port:
        heard = _Heard(port)
        with Box(config(folder / "box", bundles.lamp(folder, SIDE), port)):
            came = heard.wait(REPORTS, 120)
    status = Status.model_validate(came["status"].data)
    info, health = Info.model_validate(came["info"].data), Health.model_validate(came["health"].data)
    return Sample(profile=came["health"].profile, software=status.software, info=info, health=health)


class _Heard:
    """The newest of each kind, and how often health came."""

    def __init__(self, port: int) -> None:
        self._came: dict[str, Envelope] = {}
        self._reports, self._news = 0, threading.Condition()
        self._client = Client(CallbackAPIVersion.VERSION2, "sample", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe([(f"vedette/v1/+/up/{kind}", 1) for kind in KINDS])
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _take(self, _client: object, _data: object, message: MQTTMessage) -> None:
        with self._news:
            envelope = read_envelope(bytes(message.payload))
            self._came[envelope.type.partition(".")[0]] = envelope
            self._reports += envelope.type == "health.v1"
            self._news.notify_all()

    def wait(self, reports: int, timeout_s: float) -> dict[str, Envelope]:
        with self._news:
            if not self._news.wait_for(lambda: self._reports >= reports, timeout_s):
                raise SystemExit(f"a real box said its health {self._reports} times in {timeout_s:g} s, {reports} were waited for")
        self._client.disconnect()
        self._client.loop_stop()
        return self._came


class Voice:
    """What a simulated box says: made whole by the product's code once a process; then ids, times and sessions alone are new,
    because to make all of it anew each time would take more of this machine than the broker."""

    def __init__(self, sample: Sample, stamp: Stamp) -> None:
        self._stamp = stamp
        told: dict[str, tuple[str, BaseModel]] = {"info": ("info", sample.info), "health": ("health", sample.health)}
        for state in ("online", "lost"):
            told[state] = "status", Status.model_validate({"state": state, "session": NOBODY, "software": sample.software})
        self._whole = {what: _apart(_said(stamp, kind, data)) for what, (kind, data) in told.items()}

    def ulid(self) -> str:
        return self._stamp.ulid()

    def status(self, state: str, session: str) -> bytes:
        return self._again(state).replace(NOBODY.encode(), session.encode())

    def info(self) -> bytes:
        return self._again("info")

    def health(self) -> bytes:
        return self._again("health")

    def _again(self, what: str) -> bytes:
        before, boot, clock = self._whole[what]
        now = self._stamp.clock
        mono, text = now.mono_ns() / 1e9, utc_text(utc_from_ns(now.wall_ns()))
        return b"".join((before, self._stamp.ulid().encode(), boot, text.encode(), b'","mono":', repr(mono).encode(), clock))


def _said(stamp: Stamp, kind: str, data: BaseModel) -> bytes:
    return stamp.wrap(kind, data).model_dump_json().encode()


def _apart(message: bytes) -> tuple[bytes, bytes, bytes]:
    """Before the id, from it to the time, behind `mono`."""
    found = re.fullmatch(rb'(.*?"id":")[^"]+(".*?"t":")[^"]+","mono":[0-9.e+]+(,.*)', message, re.DOTALL)
    if found is None:
        raise SystemExit(f"the envelope is laid out otherwise now: {message[:300]!r}")
    return found[1], found[2], found[3]


def voice(sample: Sample) -> Voice:
    return Voice(sample, Stamp(SystemClock(), sample.profile))


def sizes(sample: Sample) -> dict[str, int]:
    """Bytes of the payload of each kind."""
    said = voice(sample)
    return {"status": len(said.status("online", said.ulid())), "info": len(said.info()), "health": len(said.health())}


def written(sample: Sample, path: Path) -> Path:
    path.write_text(json.dumps(sample.model_dump(mode="json")))
    return path
