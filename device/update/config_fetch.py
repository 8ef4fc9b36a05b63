"""A configuration is fetched and looked over: the bytes that were signed, no more than a box reads, and what `vedette check` says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from contracts.update import MAX_CONFIG_BYTES, ConfigRevision
from device.pipeline.tally import Tally
from device.update.aside import aside
from device.update.config_trial import Configuring
from device.update.parts import mildest
from device.update.refusal import Refusal
from device.update.roads import Missing, Road, hashed_name


def require_small(revision: ConfigRevision) -> None:
    """Before the first byte."""
    if revision.length > MAX_CONFIG_BYTES:
        words = f"{revision.length >> 10} KiB, a box reads {MAX_CONFIG_BYTES >> 10}"
        raise Refusal("E_SIZE", f"{revision.target}: has {words}; leave out what is a default")


def fetched(revision: ConfigRevision, roads: Sequence[Road], tally: Tally) -> bytes:
    """From the first road that has it whole. E_FETCH while none does; E_MIX where what lies there is another file."""
    flaws: list[Refusal] = []
    for road in roads:
        body = b""
        try:
            for part in road.stream(hashed_name(revision.target, revision.sha256), 0, revision.length):
                body += part
        except Missing as error:
            flaws.append(Refusal("E_FETCH", f"{road.name}: has no {error}; publish the repository there"))
            continue
        except Refusal as refused:
            flaws.append(refused)
            continue
        finally:
            tally.count("", "update", f"{road.name}_bytes", len(body))
        if len(body) == revision.length and sha256(body).hexdigest() == revision.sha256:
            return body
        flaws.append(Refusal("E_MIX", f"{revision.target}: what {road.name} has is not what was signed; publish it again"))
    raise mildest(flaws)


def require_good(revision: ConfigRevision, configuring: Configuring, told: Callable[[], None]) -> None:
    """Refusal E_CONFIG with what `vedette check` says."""

    def checked() -> str:
        try:
            return configuring.check(configuring.revisions.path(revision.sha256))
        except OSError as error:  # no child could be made
            return f"could not be checked: {error.strerror or error}; assign it again"

    if words := aside("config-check", checked, told):
        raise Refusal("E_CONFIG", f"{revision.target}: {words}")
