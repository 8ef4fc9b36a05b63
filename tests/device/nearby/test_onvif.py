"""ONVIF cameras: those that answer what was asked, by the address they answer from; noise, bombs and floods are left out."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.clock import SystemClock
from device.nearby.onvif import GROUP, LONGEST, FoundCamera, answer, look_for_cameras

MATCH = """<?xml version="1.0"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"
 xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">
<e:Header><w:RelatesTo>{id}</w:RelatesTo></e:Header><e:Body><d:ProbeMatches><d:ProbeMatch>
<d:Scopes>onvif://www.onvif.org/type/video onvif://www.onvif.org/hardware/IPC-1 onvif://www.onvif.org/name/{name}</d:Scopes>
<d:XAddrs>http://169.254.169.254/latest/meta-data</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"""
BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'


def match(asked: str, name: str = "Yard%20camera") -> bytes:
    return MATCH.format(id=asked, name=name).encode()


@contextmanager
def network(replies: Callable[[str], list[bytes]]) -> Iterator[int]:
    """A camera on loopback, at a port of its own: gives these to whoever asks."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera:
        camera.bind(("", 0))
        try:
            joined = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton("127.0.0.1"))
            camera.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
        except OSError as error:
            pytest.skip(f"no multicast on loopback here: {error.strerror}")
        camera.settimeout(20)

        def serve() -> None:
            data, sender = camera.recvfrom(65536)
            asked = re.search(rb"<w:MessageID>(.*?)</w:MessageID>", data)
            assert asked
            for reply in replies(asked[1].decode()):
                camera.sendto(reply, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        yield camera.getsockname()[1]
        thread.join(20)


def test_a_camera_is_found_by_where_it_answers_from_not_by_what_it_says() -> None:
    noise = [match("uuid:another"), BOMB.encode(), b"\xff" * 100, b"x" * (LONGEST + 1)]
    with network(lambda asked: [*noise, match(asked), match(asked, "Twice")]) as port:
        found = look_for_cameras(1.0, SystemClock(), ["127.0.0.1"], port, loopback=True)
    assert found == [FoundCamera("127.0.0.1", "Yard camera IPC-1")]


def test_a_flood_ends_when_enough_was_read() -> None:
    with network(lambda asked: [match("uuid:another")] * 1000) as port:
        assert look_for_cameras(1.0, SystemClock(), ["127.0.0.1"], port, loopback=True) == []


def test_this_machine_itself_is_none_and_a_network_without_multicast_has_none() -> None:
    with network(lambda asked: [match(asked)]) as port:
        assert look_for_cameras(0.5, SystemClock(), ["127.0.0.1"], port) == []
    assert look_for_cameras(0.1, SystemClock(), ["192.0.2.99"]) == []


@given(st.binary(max_size=400))
def test_no_bytes_are_more_than_a_short_name_or_nothing(data: bytes) -> None:
    assert answer(data, "uuid:x") is None


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="<&>"), max_size=100))
def test_a_name_is_legible_whatever_is_in_it(name: str) -> None:
    said = answer(match("uuid:x", name), "uuid:x")
    assert said is not None and said.isprintable() and len(said) <= 63


def test_bombs_and_encodings_that_nobody_knows_are_refused() -> None:
    assert answer(BOMB.encode(), "uuid:x") is None
    assert answer(b'<?xml version="1.0" encoding="klingon"?><x/>', "uuid:x") is None
    assert answer(b"<a>" * 5000, "uuid:x") is None
