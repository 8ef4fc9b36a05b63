"""Home Assistant's side of its MQTT discovery, as its documentation has it: what a component may say, and how templates are rendered.

Rewritten from the published rules (device-based discovery; platforms sensor, binary_sensor, event and button); the same messages
are given to Home Assistant's own schemas in tests/deploy/test_dashboards.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

COMMON = {"platform", "unique_id", "name", "icon", "entity_category", "qos", "device_class"}
ATTRIBUTES = {"json_attributes_topic", "json_attributes_template"}
MAY = {
    "sensor": {*COMMON, *ATTRIBUTES, "state_topic", "value_template", "unit_of_measurement", "state_class", "options", "expire_after"},
    "binary_sensor": {*COMMON, *ATTRIBUTES, "state_topic", "value_template", "expire_after"},
    "event": {*COMMON, "state_topic", "value_template", "event_types"},
    "button": {*COMMON, "command_topic", "command_template", "retain"},
}
MUST = {"sensor": "state_topic", "binary_sensor": "state_topic", "event": "state_topic", "button": "command_topic"}
CLASSES = {
    "sensor": {"temperature", "enum"}, "binary_sensor": {"problem", "connectivity"}, "button": {"restart"}, "event": set(),
}  # fmt: skip


def faults_in(topic: str, message: Mapping[str, Any]) -> list[str]:
    """What Home Assistant would not take."""
    found = [] if re.fullmatch(r"(\w|/|-)+/device/[a-zA-Z0-9_-]+/config", topic) else [f"topic {topic}"]
    found += [] if message["device"].get("identifiers") else ["a device without identifiers"]
    found += [] if message.get("origin", {}).get("name") else ["an origin without a name"]
    found += [] if message.get("components") else ["no components"]
    ids = [each["unique_id"] for each in message["components"].values() if "unique_id" in each]
    found += [] if len(ids) == len(set(ids)) else ["an id twice"]
    return [*found, *(fault for key, each in message["components"].items() for fault in _component(key, each))]


def _component(key: str, each: Mapping[str, Any]) -> list[str]:
    if set(each) == {"platform"}:
        return []  # takes it away
    platform = each["platform"]
    found = [f"{key}: {platform} has no {name}" for name in set(each) - MAY[platform]]
    found += [f"{key}: needs {name}" for name in (MUST[platform], "unique_id") if not each.get(name)]
    found += [f"{key}: {each[name]}" for name in each if name.endswith("_topic") and re.search(r"[#+\0]", each[name])]
    if (kind := each.get("device_class")) is not None and kind not in CLASSES[platform]:
        found.append(f"{key}: device_class {kind}")
    enum = kind == "enum" and platform == "sensor"
    if ("options" in each) != enum or (enum and {"state_class", "unit_of_measurement"} & set(each)):
        found.append(f"{key}: options are for enum alone, which has neither unit nor state class")
    if each.get("entity_category") == "config" and platform in {"sensor", "binary_sensor"}:
        found.append(f"{key}: what only reads is no configuration")
    return found


def rendered(template: str, payload: bytes | None = None) -> str:
    """As Home Assistant does: sandboxed; here what is not there is an error and not an empty word with a line in the log."""
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    environment.globals["utcnow"] = lambda: datetime.now(timezone.utc)
    given = {} if payload is None else {"value": payload.decode(), "value_json": json.loads(payload)}
    return environment.from_string(template).render(given).strip()
