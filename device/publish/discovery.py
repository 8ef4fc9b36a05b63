"""Discovery: Home Assistant is told of this box by one retained message, and that it is gone when that is no longer wanted."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue, ValidationError

from broker.letters import Letter
from contracts.errors import StorageError
from contracts.files import write_durably
from contracts.topics import Topics
from contracts.wire import Wire
from device.pipeline.sqlite_file import PRIVATE
from device.pipeline.strict import Strict
from device.publish.discovery_parts import Shown, components
from device.publish.notices import Notices

log = logging.getLogger(__name__)
PREFIX = r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+){0,3}$"
MAX_GONE = 200  # components that there were once
MAX_TOPICS = 8


class Options(Strict):
    prefix: str = Field(
        default="homeassistant", pattern=PREFIX, max_length=100, description="discovery prefix, as set in Home Assistant's MQTT integration"
    )


class Told(Wire):
    """What an earlier run said, and where: without it what is gone would stay there for ever."""

    format: int = 1
    topics: list[str] = Field(default_factory=list)
    components: dict[str, str] = Field(default_factory=dict, description="key -> platform")


class Discovery:
    """Written down before it is said. What was taken back is taken back at every start: nobody says that it arrived."""

    def __init__(self, notices: Notices, path: Path) -> None:
        self._notices, self._path = notices, path
        self._told = _read(path)

    def say(self, options: Options, shown: Shown, device: dict[str, JsonValue], software: str) -> None:
        topic = topic_of(options.prefix, shown.device)
        now = components(shown)
        platforms = {key: str(each["platform"]) for key, each in now.items()}
        gone = {key: platform for key, platform in self._told.components.items() if key not in now}
        gone = dict(list(gone.items())[-MAX_GONE:])
        self._take_back(shown.device, topic)
        if not self._keep([*self._others(topic), topic], {**gone, **platforms}):
            return
        payload = configuration(shown, device, software, {**{key: {"platform": platform} for key, platform in gone.items()}, **now})
        self._notices.post_state(Letter(topic, json.dumps(payload, ensure_ascii=False).encode(), retain=True))

    def silent(self, device: str) -> None:
        """It is no longer wanted."""
        self._take_back(device, "")

    def _take_back(self, device: str, but: str) -> None:
        """Only what this box may write: a device id of before is another's."""
        for topic in self._told.topics:
            if topic != but and topic.endswith(f"/device/{device}/config"):
                self._notices.post_state(Letter(topic, b"", retain=True))

    def _others(self, topic: str) -> list[str]:
        return [other for other in self._told.topics if other != topic][-MAX_TOPICS:]

    def _keep(self, topics: list[str], platforms: dict[str, str]) -> bool:
        told = Told(topics=topics, components=platforms)
        if told == self._told:
            return True
        try:
            write_durably(self._path, told.model_dump_json().encode(), PRIVATE)
        except StorageError as error:
            log.warning("%s; Home Assistant is not told of this box, for it could not be taken back", error)
            return False
        self._told = told
        return True


def topic_of(prefix: str, device: str) -> str:
    return f"{prefix}/device/{device}/config"


def configuration(shown: Shown, device: dict[str, JsonValue], software: str, parts: dict[str, Any]) -> dict[str, Any]:
    """The whole message. A box is there as long as its birth stands at the broker and not its last will."""
    there = "{{ 'online' if value_json.data.state == 'online' else 'offline' }}"
    return {
        "device": {"identifiers": [f"vedette-{shown.device}"], "name": f"Vedette {shown.device}", "manufacturer": "Vedette", **device},
        "origin": {"name": "Vedette", "sw_version": software},
        "availability": [{"topic": Topics(shown.device).up("status"), "value_template": there}],
        "qos": 1,
        "components": parts,
    }


def _read(path: Path) -> Told:
    try:
        return Told.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Told()
    except (OSError, ValidationError) as error:
        log.warning("%s could not be read (%s): what was said to Home Assistant may stay at the broker", path, type(error).__name__)
        return Told()
