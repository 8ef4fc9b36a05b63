"""Run by a Python that has Home Assistant: a discovery message on standard input, what its own schemas do not take on standard output."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from typing import Any

SHARED = ("device", "origin", "availability", "qos", "state_topic", "command_topic")


def main() -> None:
    version = importlib.import_module("homeassistant.const").__version__
    template = importlib.import_module("homeassistant.helpers.template").Template
    message = json.loads(sys.stdin.buffer.read())
    faults: list[str] = []
    schemas = importlib.import_module(f"homeassistant.components.mqtt.{'mixins' if _before_devices() else 'schemas'}")
    whole = getattr(schemas, "DEVICE_DISCOVERY_SCHEMA", None)
    if whole is not None:
        _try("device", whole, message, faults)
    shared = {key: message[key] for key in SHARED if key in message}
    for key, component in message["components"].items():
        given = {**shared, **component}
        platform = given.pop("platform")
        if set(component) == {"platform"}:
            continue
        schema = importlib.import_module(f"homeassistant.components.mqtt.{platform}").DISCOVERY_SCHEMA
        _try(key, schema, given, faults)
        for name, text in component.items():
            if name.endswith("_template"):
                template(text, None).ensure_valid()
    said = {"version": version, "device_schema": whole is not None, "faults": faults}
    sys.stdout.write(json.dumps(said))


def _before_devices() -> bool:
    return importlib.util.find_spec("homeassistant.components.mqtt.schemas") is None


def _try(key: str, schema: Any, given: dict[str, Any], faults: list[str]) -> None:
    voluptuous = importlib.import_module("voluptuous")
    try:
        schema(given)
    except voluptuous.Invalid as error:
        faults.append(f"{key}: {error}")


if __name__ == "__main__":
    main()
