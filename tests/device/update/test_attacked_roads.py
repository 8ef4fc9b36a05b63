"""Attacks by whoever holds a road: data without an end, or hardly any; each ends in its refusal, and the old model serves."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.update.https import Https
from device.update.refusal import Refusal
from device.update.usb import Usb
from tests.device.update.attacks import rejected, waits
from tests.device.update.box import HandClock, TestBox, a_box
from tests.device.update.liar import Liar, lying
from tests.device.update.repository import Repository
from tests.device.update.server import Files
from vision.bundle import StoredBundle

pytestmark = pytest.mark.usefixtures("old_model_serves")


@pytest.mark.parametrize("name", ["timestamp.json", "2.snapshot.json", "2.targets.json", "2.root.json"])
def test_endless_data_cost_no_more_than_the_largest_file_there_may_be(
    repository: Repository, served: Files, box: TestBox, v2: StoredBundle, name: str
) -> None:
    model = repository.release(v2)
    repository.publish()
    served.endless.add(f"metadata/{name}")
    rejected(box, repository.assign(model), "E_SIZE")
    assert served.sent[f"metadata/{name}"] < 16 << 20  # of which the box read the limit; the rest was in sockets


def test_endless_data_in_the_place_of_a_bundle(repository: Repository, served: Files, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish()
    path = next(each.relative_to(repository.folder).as_posix() for each in repository.folder.rglob("*.vdb"))
    served.endless.add(path)
    waits(box, repository.assign(model), "E_FETCH")
    assert sum(each.stat().st_size for each in (box.data / "update" / "incoming").iterdir()) <= 2 * model.length


@pytest.mark.parametrize("what", ["metadata/timestamp.json", "targets"])
def test_slow_retrieval_is_given_up(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle, v2: StoredBundle, what: str
) -> None:
    class Running(HandClock):
        """Ten seconds pass whenever somebody looks."""

        def mono_ns(self) -> int:
            self.mono += 10 * 10**9
            return self.mono

    model = repository.release(v2)
    repository.publish()
    served.silent |= (
        {each.relative_to(repository.folder).as_posix() for each in repository.folder.rglob("*") if each.is_file()}
        if what == "targets"
        else {what}
    )
    served.silent -= {f"metadata/{n}" for n in ("timestamp.json", "2.snapshot.json", "2.targets.json")} if what == "targets" else set()
    with a_box(tmp_path / "slow", repository, factory, served.url, clock=Running()) as box:
        waits(box, repository.assign(model), "E_FETCH")
        assert "at least 1024 a second" in box.parts.reports.report().words
        assert box.current == factory.digest


@pytest.mark.parametrize("name", ["timestamp.json", "2.snapshot.json", "2.targets.json"])
def test_metadata_that_break_off_are_fetched_again(
    repository: Repository, served: Files, box: TestBox, v2: StoredBundle, name: str
) -> None:
    """And are not judged: half a file is nobody's fault."""
    model = repository.release(v2)
    repository.publish()
    served.half.add(f"metadata/{name}")
    waits(box, repository.assign(model), "E_FETCH")
    repository.targets.clear()
    repository.publish()  # so that the old model serves at the end of this one too
    served.half.clear()
    assert box.go().code == "E_SIG"


def trickle(head: bytes, drop: bytes) -> Iterator[bytes]:
    yield head
    yield from itertools.repeat(drop)


TRICKLES = {
    "a header without an end": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
    "headers without an end": (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "patience is asked for, again and again": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a chunk whose size never ends": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5", b"0"),
    "a chunk that is explained without an end": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"x"),
}


@pytest.mark.parametrize("what", TRICKLES)
def test_who_answers_without_an_end_is_hung_up_on(what: str) -> None:
    with lying(lambda _request: trickle(*TRICKLES[what]), 0.002) as liar:
        said = given_up(liar, "http", window_s=0.2)
    assert said.code == "E_FETCH"


def test_who_shakes_hands_without_an_end_is_hung_up_on() -> None:
    with lying(lambda _hello: trickle(b"\x16\x03\x03\x40\x00", b"\x02"), 0.01) as liar:
        assert "no answer within 0.2 s" in str(given_up(liar, "https", window_s=0.2))


def given_up(liar: Liar, scheme: str, **options: float) -> Refusal:
    road, began = Https(f"{scheme}://127.0.0.1:{liar.port}", HandClock(), timeout_s=5, **options), time.monotonic()
    with pytest.raises(Refusal) as refused:
        road.metadata("timestamp.json", 16_384)
    assert time.monotonic() - began < 20  # and not for as long as somebody has a byte left
    return refused.value


LIES = {
    "a length that no disk has": b"HTTP/1.1 200 OK\r\nContent-Length: 1" + b"0" * 40 + b"\r\n\r\nabc",
    "less than it promised": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}",
    "another place": b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
    "another place for ever": b"HTTP/1.1 308 Permanent Redirect\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
    "a file of this box": b"HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a status that is none": b"HTTP/1.1 2e2 OK\r\n\r\n{}",
    "nothing": b"",
}


@pytest.mark.parametrize("what", LIES)
def test_a_server_that_says(what: str) -> None:
    """None of it is followed, and no other host is ever asked."""
    with lying(lambda _request: iter([b"HTTP/1.1 200 OK\r\n\r\n{}"])) as other:
        answer = LIES[what].replace(b"%s", f"http://127.0.0.1:{other.port}/metadata/timestamp.json".encode())
        with lying(lambda _request: iter([answer])) as liar:
            assert given_up(liar, "http").code == "E_FETCH"
        assert other.requests == []


RANGES = {
    "another part": b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/100\r\nContent-Length: 10\r\n\r\n0123456789",
    "the whole from the middle": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789",
    "a part that it does not name": b"HTTP/1.1 206 Partial Content\r\nContent-Length: 10\r\n\r\n0123456789",
    "a part in words": b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-14/x\r\nContent-Length: 10\r\n\r\n0123456789",
    "that there is none": b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("what", RANGES)
def test_who_is_asked_for_a_part_and_says(what: str) -> None:
    with lying(lambda _request: iter([RANGES[what]])) as liar:
        road = Https(f"http://127.0.0.1:{liar.port}", HandClock(), timeout_s=5)
        with pytest.raises(Refusal) as refused:
            list(road.stream("a", 5, 15))
    assert refused.value.code == "E_FETCH"


def test_more_than_the_part_that_was_asked_for_is_not_taken() -> None:
    answer = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-14/100\r\n\r\n" + b"x" * 1_000_000
    with lying(lambda _request: iter([answer])) as liar:
        road = Https(f"http://127.0.0.1:{liar.port}", HandClock(), timeout_s=5)
        assert b"".join(road.stream("a", 5, 15)) == b"x" * 10


@pytest.mark.parametrize("name", ["desired/edge01.json", "metadata/timestamp.json"])
def test_a_stick_with_a_link_that_leads_to_itself(
    tmp_path: Path, repository: Repository, factory: StoredBundle, v2: StoredBundle, name: str
) -> None:
    model = repository.release(v2)
    repository.publish()
    path = repository.folder / name
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)
    with a_box(tmp_path / "stick", repository, factory, sticks=[Usb(repository.folder)]) as box:
        assert box.go().refused is None
        if name.startswith("metadata"):
            waits(box, repository.assign(model), "E_FETCH")
        assert box.current == factory.digest
