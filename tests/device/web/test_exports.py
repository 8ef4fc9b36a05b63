"""What a box offers, asked by real HTTP: ranges, tokens, limits, receipts."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigError, ProtocolError
from contracts.shipment import Acknowledge, PageHead
from dataset.exporter import Exporter
from device.web.exports_range import Unsatisfiable, part
from device.web.options import Options
from device.web.server import PageServer
from tests.dataset.scenery import fill
from tests.trainer.boxes import TOKEN, WAIT_S, RunningBox, desk
from trainer.receive_http import HttpBox

API = "/api/v1/exports"
ME = "0" * 32


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("box") / "dataset"
    with Exporter(place) as exporter:
        fill(exporter, range(5))
    return place


@pytest.fixture(scope="module")
def box(root: Path) -> Iterator[RunningBox]:
    running = RunningBox(root)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def http(box: RunningBox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=box.address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=WAIT_S) as client:
        yield client


@pytest.fixture(scope="module")
def picture(root: Path) -> Path:
    return max((root / "images").iterdir(), key=lambda path: path.stat().st_size)


def address(picture: Path) -> str:
    return f"{API}/dataset/objects/{picture.stem}"


def test_pages_follow_each_other_to_the_end_and_are_the_manifest(http: httpx.Client, root: Path) -> None:
    at, came = 0, b""
    while True:
        first, _, body = http.get(f"{API}/dataset/records", params={"after": at, "limit": 2}).content.partition(b"\n")
        head = PageHead.model_validate_json(first)
        assert (head.after, head.sha256) == (at, sha256(body).hexdigest())
        if head.upto == at:
            break
        came, at = came + body, head.upto
    assert came == (root / "manifest.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("query", "status"),
    [("after=1", 416), ("after=99999999", 416), ("after=-1", 422), ("limit=0", 422), ("limit=1001", 422), ("after=x", 422)],
)
def test_a_place_where_no_line_begins_is_refused(http: httpx.Client, query: str, status: int) -> None:
    assert http.get(f"{API}/dataset/records?{query}").status_code == status


@pytest.mark.parametrize("name", ["other", "..", "%2e%2e", "dataset%2f..%2fdataset", "DATASET", "a" * 41])
def test_a_data_set_that_is_not_offered_is_not_there(http: httpx.Client, name: str) -> None:
    assert http.get(f"{API}/{name}/records").status_code in {404, 422}


@pytest.mark.parametrize("digest", ["..", "%2e%2e%2fmanifest.jsonl", "f" * 63, "F" * 64, "f" * 65, "f" * 63 + "%0a"])
def test_what_is_no_digest_is_no_picture(http: httpx.Client, digest: str) -> None:
    assert http.get(f"{API}/dataset/objects/{digest}").status_code in {404, 422}


def test_a_picture_that_is_not_there_is_gone(http: httpx.Client) -> None:
    answer = http.get(f"{API}/dataset/objects/{'f' * 64}")
    assert (answer.status_code, answer.json()["code"]) == (410, "gone")


def test_a_link_in_the_place_of_a_picture_is_not_followed(http: httpx.Client, root: Path) -> None:
    place = root / "images" / f"{'e' * 64}.png"
    place.symlink_to(root / "manifest.jsonl")
    try:
        answer = http.get(f"{API}/dataset/objects/{'e' * 64}")
        assert (answer.status_code, str(root) in answer.text) == (503, False)
    finally:
        place.unlink()


def test_head_says_what_get_would(http: httpx.Client, picture: Path) -> None:
    head, get = http.head(address(picture)), http.get(address(picture))
    assert head.status_code == get.status_code == 200
    assert head.content == b""
    same = ("content-length", "etag", "accept-ranges", "content-type")
    assert [head.headers[name] for name in same] == [get.headers[name] for name in same]
    assert get.content == picture.read_bytes()


def test_a_part_is_asked_for_by_its_tag(http: httpx.Client, picture: Path) -> None:
    tag = http.head(address(picture)).headers["etag"]
    asked = {"Range": "bytes=10-19"}
    assert http.get(address(picture), headers={**asked, "If-Range": tag}).status_code == 206
    assert http.get(address(picture), headers={**asked, "If-Range": '"another"'}).status_code == 200
    assert http.get(address(picture), headers={"If-None-Match": tag}).status_code == 304


NUMBER = st.one_of(st.integers(0, 400), st.sampled_from([0, 1, 10**17, 10**18 - 1])).map(str) | st.just("")
RANGES = st.one_of(
    st.tuples(NUMBER, NUMBER).map(lambda ends: f"bytes={ends[0]}-{ends[1]}"),
    st.tuples(NUMBER, NUMBER, NUMBER).map(lambda n: f"bytes={n[0]}-{n[1]},{n[2]}-"),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
)


@given(RANGES, st.integers(0, 300))
def test_any_range_gives_a_part_of_the_file_or_the_whole(asked: str, size: int) -> None:
    try:
        found = part({"range": asked}, size, '"tag"')
    except Unsatisfiable:
        return
    assert found is None or 0 <= found[0] < found[1] <= size


@given(st.integers(1, 300), st.data())
def test_a_range_is_what_python_would_cut(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, size + 50))
    suffix = data.draw(st.integers(1, size + 50))
    whole = bytes(n % 256 for n in range(size))
    for asked, wanted in ((f"{first}-{last}", whole[first : last + 1]), (f"{first}-", whole[first:]), (f"-{suffix}", whole[-suffix:])):
        found = part({"range": f"bytes={asked}"}, size, '"tag"')
        assert found is not None
        assert whole[slice(*found)] == wanted
    with pytest.raises(Unsatisfiable):
        part({"range": f"bytes={size}-"}, size, '"tag"')


@pytest.mark.parametrize("asked", ["bytes=0-0", "bytes=7-", "bytes=-5", "bytes=5-4", "bytes=0-9,20-29", "lines=1-2", "bytes=9999999-"])
def test_ranges_over_the_wire(http: httpx.Client, picture: Path, asked: str) -> None:
    data = picture.read_bytes()
    answer = http.get(address(picture), headers={"Range": asked})
    expected = {"bytes=0-0": data[:1], "bytes=7-": data[7:], "bytes=-5": data[-5:], "bytes=9999999-": b""}.get(asked, data)
    assert answer.content == expected
    assert answer.status_code == {len(data): 200, 0: 416}.get(len(expected), 206)


def ack(head: PageHead, **changes: Any) -> dict[str, Any]:
    said = Acknowledge(device=head.device, dataset=head.dataset, receiver=ME, after=head.after, upto=head.upto, sha256=head.sha256)
    return {**said.model_dump(), **changes}


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"sha256": "0" * 64}, 409, "changed"),
        ({"device": "box-2"}, 409, "foreign"),
        ({"dataset": "0" * 64}, 409, "foreign"),
        ({"upto": 5}, 416, "range"),
        ({"upto": 1 << 40}, 416, "range"),
        ({"after": 10, "upto": 0}, 416, "range"),
        ({"receiver": "../x"}, 416, "range"),
        ({"v": 2}, 416, "range"),
    ],
)
def test_an_acknowledgement_of_something_else_is_not_taken(
    http: httpx.Client, root: Path, changes: dict[str, Any], status: int, code: str
) -> None:
    head = PageHead.model_validate_json(http.get(f"{API}/dataset/records").content.partition(b"\n")[0])
    answer = http.post(f"{API}/dataset/ack", json=ack(head, **changes))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not (root / "receipts.jsonl").exists() or (root / "receipts.jsonl").stat().st_size == 0


def test_a_body_that_is_too_long_or_no_acknowledgement_is_refused(http: httpx.Client) -> None:
    assert http.post(f"{API}/dataset/ack", content=b"x" * (17 << 10)).status_code == 413
    assert http.post(f"{API}/dataset/ack", content=b"[" * 10_000).status_code == 416


def test_the_token_of_the_trainer_opens_training_data_and_nothing_else(root: Path) -> None:
    running = RunningBox(root, token="a-token-of-more-than-16-characters")
    try:
        with httpx.Client(base_url=running.address, timeout=WAIT_S) as client:
            trainer, machine = ({"Authorization": f"Bearer {word}"} for word in (TOKEN, "a-token-of-more-than-16-characters"))
            assert client.get(API, headers=trainer).status_code == 200
            assert client.get(API, headers=machine).status_code == 401
            assert client.get(API).status_code == 401
            assert client.get("/api/v1/info", headers=trainer).status_code == 401
            assert client.get("/api/v1/exportsx", headers=trainer).status_code == 401
            assert client.get(f"{API}/../info", headers=trainer).status_code == 401
    finally:
        running.stop()


def test_guesses_are_slowed_down(root: Path) -> None:
    running = RunningBox(root)
    try:
        with httpx.Client(base_url=running.address, timeout=WAIT_S) as client:
            answers = [client.get(API, headers={"Authorization": f"Bearer guess-{n}"}).status_code for n in range(8)]
        assert answers[-1] == 429
    finally:
        running.stop()


def test_from_outside_nothing_is_offered_without_a_token_of_its_own(root: Path) -> None:
    running = RunningBox(root, host="0.0.0.0", export_token=None, token="a-token-of-more-than-16-characters")
    try:
        port = running.address.rpartition(":")[2]
        answer = httpx.get(f"http://127.0.0.1:{port}{API}", headers={"Authorization": "Bearer a-token-of-more-than-16-characters"})
        assert (answer.status_code, "VEDETTE_PAGE__EXPORT_TOKEN" in answer.text) == (403, True)
    finally:
        running.stop()


def test_one_who_does_not_read_is_let_go_and_others_are_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.web.exports_file.PATIENCE_S", 0.3)
    with Exporter(tmp_path / "box") as exporter:
        name = fill(exporter, range(1))[0]
    place = tmp_path / "box" / "images" / f"{name}.png"
    place.write_bytes(place.read_bytes() + b"\0" * (40 << 20))  # more than sockets hold
    running = RunningBox(tmp_path / "box", export_downloads=1)
    try:
        here = "127.0.0.1", int(running.address.rpartition(":")[2])
        client = httpx.Client(base_url=running.address, timeout=WAIT_S)
        with client, socket.create_connection(here, timeout=WAIT_S) as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.sendall(f"GET {address(place)} HTTP/1.1\r\nHost: {here[0]}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
            assert lazy.recv(1)
            trainer = {"Authorization": f"Bearer {TOKEN}"}
            busy = client.head(address(place), headers=trainer)
            assert (busy.status_code, busy.headers.get("retry-after")) == (503, "2")
            await_hang_up(lazy)
            assert client.head(address(place), headers=trainer).status_code == 200
    finally:
        running.stop()


def await_hang_up(lazy: socket.socket) -> None:
    """Without reading."""
    poll = select.poll()
    poll.register(lazy, select.POLLHUP | select.POLLERR)
    assert poll.poll(WAIT_S * 1000), "nobody hung up"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA of our own, and a certificate for this machine that it signed."""
    folder = tmp_path_factory.mktemp("ca")
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=house",
        "req -newkey rsa:2048 -nodes -keyout box.key -out box.csr -subj /CN=box",
        "x509 -req -in box.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out box.pem -days 2 -extfile san",
        "genrsa -aes128 -passout pass:secret -out locked.key 2048",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return folder


def test_over_https_who_trusts_the_authority_gets_it_and_nobody_else(root: Path, authority: Path) -> None:
    running = RunningBox(root, tls_cert=authority / "box.pem", tls_key=authority / "box.key")
    try:
        assert running.address.startswith("https://")
        trusting = running.visitor(ca=authority / "ca.pem")
        assert trusting.exports().exports[0].end == (root / "manifest.jsonl").stat().st_size
        trusting.close()
        doubting = running.visitor()
        with pytest.raises(ConfigError, match="--ca"):
            doubting.exports()
        doubting.close()
        plain = HttpBox(running.address.replace("https", "http"), TOKEN)
        with pytest.raises(ProtocolError, match="this page speaks HTTPS: write https:// before its address"):
            plain.exports()
        plain.close()
    finally:
        running.stop()


def test_who_never_agrees_on_tls_is_cut_off_and_forgotten(root: Path, authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.door.HANDSHAKE_S", 0.2)
    monkeypatch.setattr("device.web.server.HANDSHAKE_S", 0.2)
    running = RunningBox(root, tls_cert=authority / "box.pem", tls_key=authority / "box.key")
    host, port = running.address.removeprefix("https://").split(":")
    try:
        with socket.create_connection((host, int(port)), WAIT_S) as silent, socket.create_connection((host, int(port)), WAIT_S) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            for each in (silent, plain):
                each.settimeout(WAIT_S)
                while each.recv(4096):
                    pass
        until = time.monotonic() + WAIT_S
        while running._server._door._since and time.monotonic() < until:
            threading.Event().wait(0.05)
        assert not running._server._door._since
    finally:
        running.stop()


WRONG = [("ca.pem", "box.key"), ("none.pem", "box.key"), ("box.csr", "box.key"), ("box.pem", "locked.key")]


@pytest.mark.parametrize(("cert", "key"), WRONG)
def test_a_certificate_that_cannot_be_used_is_said_before_the_page_listens(root: Path, authority: Path, cert: str, key: str) -> None:
    server = PageServer(desk(root), Options(port=0, tls_cert=authority / cert, tls_key=authority / key))
    with pytest.raises(ConfigError, match=r"page\.tls_cert"):
        server.start()


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(ValueError, match="belong together"):
        Options(tls_cert=Path("x.pem"))


def test_an_empty_folder_and_none_at_all_are_offers_of_nothing(tmp_path: Path) -> None:
    running = RunningBox(tmp_path / "none")
    try:
        assert [(each.dataset, each.end) for each in running.offered().exports] == [(None, 0)]
    finally:
        running.stop()


def test_the_token_is_in_no_log_and_no_answer(http: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        said = [http.get(API).text, http.get(f"{API}/x/records").text, json.dumps(repr(Options(export_token=TOKEN)))]
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert not [text for text in (*said, *(record.getMessage() for record in ours)) if TOKEN in text]
