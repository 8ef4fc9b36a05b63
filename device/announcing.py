"""Announcing: up/info, when the box comes up and whenever another model looks, which the event log is told too."""

from __future__ import annotations

from collections.abc import Mapping

from broker.letters import Letter
from contracts.dsse import PublicKey
from contracts.topics import Topics
from device.config import Loaded
from device.inventory import engine_fingerprint, info, stage_fingerprints
from device.pipeline.protocols import Stage, WideStage
from device.publish.eventlog import EventLog
from device.publish.notices import Notices
from device.publish.stamp import Stamp


class Announcing:
    """Nothing is said where there is no broker."""

    def __init__(self, loaded: Loaded, stages: Mapping[str, Stage | WideStage], stamp: Stamp, notices: Notices, log: EventLog) -> None:
        self._loaded, self._stages, self._log = loaded, stages, log
        self.stamp, self.notices = stamp, notices
        self._key: PublicKey | None = None

    def say(self, key: PublicKey | None) -> None:
        """`key`: of the box, with which it signs."""
        self._key = key
        inventory = self.stamp.wrap("info", info(self._loaded, self._stages, key)).model_dump_json().encode()
        self.notices.post_state(Letter(Topics(self._loaded.settings.device_id).up("info"), inventory, retain=True))

    def serves(self, digest: str) -> None:
        """Another model looks from this frame on; its events carry it by themselves."""
        self.stamp.model = digest
        self._log.serves(digest, engine_fingerprint(self._stages), stage_fingerprints(self._stages))
        if self._loaded.settings.mqtt is not None:
            self.say(self._key)
