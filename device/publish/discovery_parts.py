"""What Home Assistant is told there is of a box: components of its device discovery, each reading our own topics by a template.

A template must answer to anything we may send: a figure that is not known is `None`, which it shows as unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, get_args

from contracts.topics import Topics
from contracts.update import UpdateState

Component = dict[str, Any]
# Two presses are two commands: a box does not do the same id twice.
PRESSED = '"id": "ha-" ~ (utcnow().timestamp() * 1000) | int ~ "-" ~ range(100000) | random, "t": utcnow().isoformat()'


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to show of a box."""

    device: str
    cameras: tuple[str, ...]
    updates: bool = False
    records: bool = False
    expire_s: int = 60  # a report of health older than that says nothing any more


def components(shown: Shown) -> dict[str, Component]:
    """By keys that stay as long as what they are for has its name."""
    topics = Topics(shown.device)
    made = {**_box(shown, topics), **(_update(topics) if shown.updates else {})}
    for camera in shown.cameras:
        made.update({f"{part}_{key_of(camera)}": each for part, each in _camera(camera, shown, topics)})
    return {key: {**each, "unique_id": f"vedette_{shown.device}_{key}"} for key, each in made.items()}


def key_of(name: str) -> str:
    """A name as it may stand in an id; two names never have the same."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return plain if plain == name else f"{plain}_{sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}".lstrip("_")


def literal(text: str) -> str:
    """Any text as a string of a template."""
    return json.dumps(text, ensure_ascii=False)


def _box(shown: Shown, topics: Topics) -> dict[str, Component]:
    def health(name: str, value: str, **more: Any) -> Component:
        return _health(shown, topics, "sensor", name, value, **{"entity_category": "diagnostic", **more})

    measured = {"state_class": "measurement"}
    alerts = {"json_attributes_topic": topics.up("health"), "json_attributes_template": '{{ {"alerts": value_json.data.alerts} | tojson }}'}
    degrees = {"device_class": "temperature", "unit_of_measurement": "°C", **measured}
    return {
        "problem": _health(
            shown, topics, "binary_sensor", "Problem", '"ON" if value_json.data.alerts else "OFF"', device_class="problem", **alerts
        ),
        "alerts": health("Alerts", "value_json.data.alerts | length", icon="mdi:alert-outline", **measured),
        "fps": health("Frames analysed", "value_json.data.fps", unit_of_measurement="fps", icon="mdi:speedometer", **measured),
        "temperature": health("Temperature", "value_json.data.system.temperature_c", **degrees),
        "memory": health("Memory", _giga("value_json.data.system.rss_bytes"), unit_of_measurement="GB", icon="mdi:memory", **measured),
        "disk_free": health("Disk free", _giga("value_json.data.system.disk_free_bytes"), unit_of_measurement="GB", icon="mdi:harddisk"),
        "days_left": health(
            "Disk lasts", '(value_json.data.storage or {}).get("days_left")', unit_of_measurement="d", icon="mdi:harddisk", **measured
        ),
        "waiting": health(
            "Messages waiting", '(value_json.data.outbox or {}).get("depth", 0)', icon="mdi:tray-full", **measured
        ),
        "model": {
            "platform": "sensor", "name": "Model", "state_topic": topics.up("info"), "icon": "mdi:brain",
            "value_template": "{{ value_json.data.model }}", "entity_category": "diagnostic",
        },
        "restart": {**_button("Restart", "restart", {}, topics), "device_class": "restart", "entity_category": "config"},
    }  # fmt: skip


def _camera(camera: str, shown: Shown, topics: Topics) -> Iterator[tuple[str, Component]]:
    its = f"value_json.data.cameras.get({literal(camera)}, {{}})"

    def health(platform: str, name: str, value: str, **more: Any) -> Component:
        return _health(shown, topics, platform, f"{camera} {name}", value, **more)

    told = {"json_attributes_topic": topics.up("health"), "json_attributes_template": _reasons(its)}
    online = f'"ON" if {its}.get("state") == "online" else "OFF"'
    yield "online", health("binary_sensor", "online", online, device_class="connectivity", **told)
    yield "fps", health("sensor", "frames analysed", f'{its}.get("fps")', unit_of_measurement="fps", entity_category="diagnostic")
    yield "count", health("sensor", "events", f'{its}.get("events")', state_class="total_increasing", icon="mdi:counter")
    yield "event", {
        "platform": "event", "name": f"{camera} event", "state_topic": topics.up("event"), "event_types": ["new", "end"],
        "value_template": _event(camera), "icon": "mdi:motion-sensor",
    }  # fmt: skip
    yield "snapshot", {**_button(f"{camera} snapshot", "snapshot", {"camera": camera}, topics), "icon": "mdi:camera"}
    if shown.records:
        asked = {"action": "start", "cameras": [camera]}
        yield "record", {**_button(f"{camera} record", "record", asked, topics), "icon": "mdi:record-rec"}
        stop = {"action": "stop", "cameras": [camera]}
        yield "stop", {**_button(f"{camera} stop recording", "record", stop, topics), "icon": "mdi:stop"}


def _reasons(its: str) -> str:
    said = ", ".join(f'"{key}": {its}.get("{key}")' for key in ("state", "reason", "since"))
    return f"{{{{ {{{said}}} | tojson }}}}"


def _event(camera: str) -> str:
    """`{}`, which is passed over, for what is no news: another camera's, updates, and what was replayed after the broker was away."""
    keys = ("id", "kind", "label", "confidence", "zones", "entered", "start", "end", "snapshot")
    said = ", ".join(f'"{key}": e.get("{key}")' for key in keys)
    return (
        f"{{% set e = value_json.data %}}{{% if e.camera == {literal(camera)} and e.life in ['new', 'end'] and not value_json.replay %}}"
        f'{{{{ {{"event_type": e.life, {said}}} | tojson }}}}{{% else %}}{{}}{{% endif %}}'
    )


def _update(topics: Topics) -> dict[str, Component]:
    keys = ("words", "code", "name", "version", "rollout", "percent", "left_s", "model", "current")
    said = ", ".join(f'"{key}": value_json.data.get("{key}")' for key in keys)
    return {
        "update": {
            "platform": "sensor", "name": "Update", "state_topic": topics.up("update"), "device_class": "enum",
            "options": list(get_args(UpdateState)), "value_template": "{{ value_json.data.state }}", "entity_category": "diagnostic",
            "json_attributes_topic": topics.up("update"), "json_attributes_template": f"{{{{ {{{said}}} | tojson }}}}",
        }
    }  # fmt: skip


def _health(shown: Shown, topics: Topics, platform: str, name: str, value: str, **more: Any) -> Component:
    return {
        "platform": platform, "name": name, "state_topic": topics.up("health"), "value_template": f"{{{{ {value} }}}}",
        "expire_after": shown.expire_s, **more,
    }  # fmt: skip


def _button(name: str, command: str, args: dict[str, Any], topics: Topics) -> Component:
    """Never retained: a command that comes again with each connection is refused."""
    said = f'{{"v": 1, {PRESSED}, "cmd": "{command}", "args": {json.dumps(args, ensure_ascii=False)}}}'
    template = f"{{{{ {said} | tojson }}}}"
    return {"platform": "button", "name": name, "command_topic": topics.dn("cmd"), "command_template": template, "qos": 1, "retain": False}


def _giga(value: str) -> str:
    return f"({value} / 1e9) | round(1) if {value} is number else None"
