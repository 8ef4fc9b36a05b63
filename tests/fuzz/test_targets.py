"""What fuzzing begins with is read, what it found stays mended, and any bytes end in a refusal; `make fuzz` looks on from here."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.update.assigned import vouched
from device.update.network import read_network
from device.update.trust import Trust
from tests.fuzz import targets
from tests.fuzz.seeds import dictionary, seeds
from tests.fuzz.targets import TARGETS
from tests.fuzz.trusting import GOOD, KEYS, NOW, PAYLOAD, assigned
from vision.bundle import read_bundle

FOUND = sorted((Path(__file__).parent / "found").glob("*"))


def test_what_fuzzing_begins_with_is_read_to_its_end(tmp_path: Path) -> None:
    """Else it would begin at the door."""
    assert vouched(seeds()["assignment"][0][1:], KEYS).payload == PAYLOAD
    assert vouched(assigned(seeds()["assignment"][1][1:].decode()), KEYS).assignment.device == "edge01"
    trust = Trust(GOOD["root"], {}, NOW)
    trust.root(GOOD["next root"])
    assert trust.timestamp(GOOD["timestamp"])
    trust.snapshot(GOOD["snapshot"])
    trust.targets(GOOD["targets"])
    assert trust.released().assignment_keys() == KEYS
    for data in seeds()["network"]:
        assert read_network(data).nodes
    (tmp_path / "seed.vdb").write_bytes(seeds()["bundle"][0][1:])
    assert read_bundle(tmp_path / "seed.vdb").manifest.name == "white-box"
    assert {name: len(found) for name, found in seeds().items() if not found} == {}
    assert all(line.startswith('"') and line.endswith('"') for line in io.StringIO(dictionary()).read().splitlines())


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_their_halves_end_in_an_answer(name: str) -> None:
    for seed in seeds()[name]:
        for data in (seed, seed[: len(seed) // 2], b"", seed[:1], seed + seed):
            TARGETS[name](data)


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_what_was_found_once_is_mended(path: Path) -> None:
    """<target>-<what it is>, as fuzzing wrote it."""
    TARGETS[path.name.partition("-")[0]](path.read_bytes())


@settings(max_examples=40)
@given(st.sampled_from(sorted(TARGETS)), st.binary(max_size=300))
def test_any_bytes_end_in_an_answer(name: str, data: bytes) -> None:
    TARGETS[name](data)


def test_a_fault_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The targets let nothing pass but what the readers' callers answer."""

    def faulty(*_: object) -> None:
        raise OverflowError

    readers: dict[str, Callable[..., object]] = dict.fromkeys(("vouched", "Trust", "read_network", "chunks_of", "read_envelope"), faulty)
    for name, reader in readers.items():
        monkeypatch.setattr(targets, name, reader)
    for name, target in TARGETS.items():
        with pytest.raises(OverflowError):
            target(seeds()[name][0])
