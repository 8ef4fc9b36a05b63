"""Drifting: what the model and the cameras show is counted by the hour, and each hour told to the broker when it is over."""

from __future__ import annotations

from broker.letters import Letter
from contracts.drift import DriftHour
from contracts.topics import Topics
from device.config import Loaded
from device.drift.gathering import Gathering
from device.pipeline.crew import Crew
from device.pipeline.protocols import Inbox
from device.pipeline.tally import Tally
from device.publish.notices import Notices
from device.publish.stamp import Stamp
from vision.types import Scene

EXPIRY_S = 30 * 86_400  # so long a broker keeps an hour for a trainer that is away


def gather(
    loaded: Loaded, crew: Crew, outlets: list[Inbox[Scene]], stamp: Stamp, notices: Notices, tally: Tally
) -> Gathering | None:
    """With a place in the crew and an ear at the pipeline; None where it is off."""
    settings = loaded.settings
    if settings.drift is None:
        return None
    topics = Topics(settings.device_id)

    def post(hour: DriftHour) -> None:
        if settings.mqtt is not None:
            payload = stamp.wrap("drift", hour).model_dump_json().encode()
            notices.post_state(Letter(topics.drift(hour.slot), payload, expiry_s=EXPIRY_S))

    gathering = Gathering(settings.data / "drift.sqlite", settings.drift, stamp.clock, tally, stamp.boot, post)
    outlets.append(gathering.looks)
    crew.add("drift", gathering.run, deadline_s=60)
    crew.on_stop(gathering.close)
    return gathering
