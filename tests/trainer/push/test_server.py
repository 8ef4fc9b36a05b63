"""The repository over HTTP and HTTPS: ranges, tags, what is not answered; a box fetches from it by its own parts."""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.errors import ConfigError
from device.update.https import Https, tls_of
from serving.door import BACKLOG
from tests.device.update.box import HandClock, a_box, bundle, golden_prover
from tests.trainer.push.yards import Yard, released
from trainer.clock import SystemClock
from trainer.pki.authority import Authority, make_authority
from trainer.push.server import FileServer, Options

BODY = bytes(range(256)) * 5000  # larger than a piece
HASH = "ab" * 32


class Serving:
    def __init__(self, yard: Yard, **options: Any) -> None:
        self.server = FileServer(yard.place, SystemClock(), Options(port=0, **options))
        self.server.start()
        self.url = self.server.address
        self._thread = threading.Thread(target=self.server.work, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.close()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def served(yard: Yard) -> Iterator[httpx.Client]:
    place = yard.place.targets / "models" / "m" / f"{HASH}.m-1.0.0-abababababab.vdb"
    place.parent.mkdir(parents=True)
    place.write_bytes(BODY)
    running = Serving(yard)
    with httpx.Client(base_url=running.url, timeout=30) as client:
        yield client
    running.close()


WHERE = f"targets/models/m/{HASH}.m-1.0.0-abababababab.vdb"


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-", 100, None),
        ("bytes=-7", -7, None),
        ("bytes=300000-900000000", 300000, None),
        ("bytes=5-9", 5, 10),
    ],
)
def test_a_range_is_exactly_that(served: httpx.Client, asked: str, begin: int, end: int | None) -> None:
    answer = served.get(WHERE, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == BODY[begin:end]
    first = begin % len(BODY)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(BODY)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=a-b", "bytes=" + "9" * 40 + "-"])
def test_what_is_no_single_range_is_answered_with_the_whole(served: httpx.Client, asked: str) -> None:
    answer = served.get(WHERE, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, BODY)


@pytest.mark.parametrize("asked", [f"bytes={len(BODY)}-", "bytes=9-5", "bytes=-0"])
def test_a_range_outside_is_refused(served: httpx.Client, asked: str) -> None:
    answer = served.get(WHERE, headers={"Range": asked})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(BODY)}")


def test_tags_save_what_is_known_and_if_range_keeps_two_files_apart(served: httpx.Client) -> None:
    tag = served.head(WHERE).headers["etag"]
    assert tag == f'"{HASH}"'
    assert served.get(WHERE, headers={"If-None-Match": f'"x", {tag}'}).status_code == 304
    assert served.get(WHERE, headers={"Range": "bytes=1-2", "If-Range": tag}).content == BODY[1:3]
    assert served.get(WHERE, headers={"Range": "bytes=1-2", "If-Range": '"another"'}).status_code == 200
    head = served.head(WHERE)
    assert (head.headers["content-length"], head.content) == (str(len(BODY)), b"")


def test_a_new_timestamp_has_a_new_tag(served: httpx.Client, yard: Yard) -> None:
    first = served.get("metadata/timestamp.json")
    yard.repository.freshen()
    second = served.get("metadata/timestamp.json")
    assert first.headers["etag"] != second.headers["etag"]
    assert second.content == (yard.place.metadata / "timestamp.json").read_bytes()


def test_nothing_else_is_answered(served: httpx.Client, yard: Yard) -> None:
    (yard.place.desired / "edge01.json").write_text("{}")
    (yard.place.targets / "models" / "m" / f"{'cd' * 32}.link").symlink_to(yard.place.keys / "online.key")
    os.mkfifo(yard.place.targets / "models" / "m" / f"{'ef' * 32}.pipe")
    (yard.place.metadata / "9.targets.json").write_bytes(b" " * 8_000_001)
    paths = (
        "", "metadata/", "metadata/../../keys/online.key", "metadata/%2e%2e/%2e%2e/keys/online.key", "targets/", "targets/models",
        "desired/edge01.json", "metadata/9.targets.json", "metadata/.timestamp.json.tmp", f"targets/models/m/{'cd' * 32}.link",
        f"targets/models/m/{'ef' * 32}.pipe", f"targets/{'a/' * 300}{HASH}.x", "targets/%00", f"{WHERE}/", "../healthz/x",
    )  # fmt: skip
    assert [path for path in paths if served.get(path).status_code != 404] == []
    assert served.post(WHERE, content=b"x").status_code == 405
    assert served.put("metadata/timestamp.json", content=b"x").status_code == 405


def test_a_box_takes_a_model_over_https_with_its_certificate_and_a_stranger_gets_nothing(yard: Yard, tmp_path: Path) -> None:
    authority = tmp_path / "ca"
    now = datetime.now(timezone.utc)
    make_authority(authority, "yard", 30, now, None)
    server = Authority(authority).sign("push", "broker", ["127.0.0.1"], 10, now, None)
    mine = Authority(authority).sign("edge01", "box", [], 10, now, None)
    ca = authority / "ca.pem"
    running = Serving(yard, tls_cert=server / "push.pem", tls_key=server / "push.key", client_ca=ca)
    model = released(yard)
    clock = HandClock()
    try:
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{running.url}/metadata/timestamp.json", verify=ssl.create_default_context(cafile=str(ca)))
        road = Https(running.url, clock, context=tls_of(ca, mine / "edge01.pem", mine / "edge01.key"))
        with a_box(tmp_path / "box", yard, bundle(tmp_path / "factory", "1.0.0"), roads=[road], prover=golden_prover(), clock=clock) as box:
            report = box.told(yard.assign(model, 1))
            assert (report.state, report.code) == ("committed", None), report.words
            assert box.current == model.digest
    finally:
        running.close()


def test_who_reads_nothing_is_hung_up_on(yard: Yard) -> None:
    with (yard.place.targets / f"{HASH}.large").open("wb") as file:
        file.truncate(64 << 20)
    running = Serving(yard, write_s=0.3)
    try:
        where = httpx.URL(running.url)
        with socket.create_connection((where.host, where.port or 0), 20) as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            silent.sendall(f"GET /tuf/targets/{HASH}.large HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            poller = select.poll()
            poller.register(silent, 0)  # only that it is over
            assert poller.poll(20_000)
    finally:
        running.close()


def test_hundreds_who_never_agree_on_tls_neither_take_the_descriptors_nor_keep_a_box_out(yard: Yard, tmp_path: Path) -> None:
    now = datetime.now(timezone.utc)
    authority = make_authority(tmp_path / "ca", "yard", 30, now, None)
    place = authority.sign("push", "server", ["127.0.0.1"], 10, now, None)
    running = Serving(yard, tls_cert=place / "push.pem", tls_key=place / "push.key", max_connections=8)
    where, before = httpx.URL(running.url), descriptors()
    with ExitStack() as held:
        for number in range(300):
            held.enter_context(socket.create_connection((where.host, where.port or 0), 60))
            if number % 30 == 29:
                client = httpx.Client(verify=ssl.create_default_context(cafile=str(place / "ca.pem")), timeout=60)
                with client:
                    assert client.get(f"https://{where.host}:{where.port}/healthz").status_code == 200
        assert descriptors() - before - 300 <= 2 * (8 // 2 + BACKLOG)
    running.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  a name is all there is


@pytest.mark.parametrize("given", [{"host": "0.0.0.0"}, {"tls_cert": Path("a.pem")}, {"client_ca": Path("a.pem")}])
def test_others_are_not_served_in_the_clear(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="--tls-cert and --tls-key"):
        Options(**given)


def test_what_cannot_be_served_is_said(yard: Yard, tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("no certificate")
    server = FileServer(yard.place, SystemClock(), Options(port=0, tls_cert=tmp_path / "a.pem", tls_key=tmp_path / "a.pem"))
    with pytest.raises(ConfigError, match="PEM files that fit"):
        server.start()
