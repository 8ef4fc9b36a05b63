"""The simulated boxes of the bench: their packets, and that what they say is what a box says."""

from __future__ import annotations

import pytest

pytest.importorskip("cryptography")

from bench import fleet_wire as wire
from bench.fleet_said import Sample, voice
from contracts.envelope import read_envelope
from contracts.health import Health, SystemHealth
from contracts.status import Info, Status

SYSTEM = SystemHealth(
    rss_bytes=1, cpu_percent=1, disk_total_bytes=1, disk_free_bytes=1, written_bytes=1, temperature_c=None, uptime_s=1, clock="ntp"
)
SAMPLE = Sample(
    profile="street", software="0.1.0", info=Info(software="0.1.0", profile="street", config_hash="x", cameras={}),
    health=Health(fps=1, cameras={}, parts={}, system=SYSTEM),
)  # fmt: skip


@pytest.mark.parametrize("size", [0, 127, 128, 20_000])
def test_packets_are_taken_out_whole_however_they_come(size: int) -> None:
    sent = wire.publish(7, "a/b", b"x" * size, 31) + wire.subscribe(8, ["c"])
    came, found = bytearray(), []
    for start in range(0, len(sent), 1000):
        came += sent[start : start + 1000]
        found += list(wire.packets(came))
    assert [kind for kind, _ in found] == [0x30, 0x80]
    assert found[0][1].endswith(b"x" * size) and not came


def test_each_message_is_an_envelope_with_its_own_id_and_time() -> None:
    said = voice(SAMPLE)
    first, second = (read_envelope(said.health()) for _ in range(2))
    assert Health.model_validate(first.data) == SAMPLE.health
    assert first.id < second.id and first.t <= second.t and first.mono <= second.mono
    assert first.model_copy(update={"id": second.id, "t": second.t, "mono": second.mono}) == second


@pytest.mark.parametrize("state", ["online", "lost"])
def test_a_birth_and_a_will_are_of_one_session(state: str) -> None:
    said = voice(SAMPLE)
    session = said.ulid()
    assert Status.model_validate(read_envelope(said.status(state, session)).data) == Status(state=state, session=session, software="0.1.0")
