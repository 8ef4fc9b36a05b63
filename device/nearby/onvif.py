"""ONVIF cameras that answer on the local network (WS-Discovery): that there is one and at which address; nothing else they say is used."""

from __future__ import annotations

import logging
import re
import select
import socket
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from device.clock import Clock
from device.nearby.addresses import own_addresses
from device.nearby.heard import legible, reachable

log = logging.getLogger(__name__)
GROUP, PORT = "239.255.255.250", 3702
MOST, MOST_READ, LONGEST = 64, 512, 16_384  # cameras; datagrams that are read; bytes of one
SCOPES = re.compile(r"onvif://www\.onvif\.org/(name|hardware)/(\S{1,200})")
PROBE = """<?xml version="1.0" encoding="utf-8"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">
<e:Header><w:MessageID>{id}</w:MessageID><w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>
<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>
<e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"""


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """`address` is where the answer came from, not what it says."""

    address: str
    name: str


def look_for_cameras(
    seconds: float, clock: Clock, addresses: Sequence[str] | None = None, port: int = PORT, *, loopback: bool = False
) -> list[FoundCamera]:
    """Once, on the caller's thread; sorted by address."""
    asked, found, sockets = f"uuid:{uuid.uuid4()}", dict[str, FoundCamera](), []
    try:
        for address in own_addresses() if addresses is None else addresses:
            sockets += _asking(address, asked, port)
        for data, sender in _answers(sockets, seconds, clock):
            where = sender if loopback else reachable(sender)
            if where and where not in found and (name := answer(data, asked)) is not None:
                found[where] = FoundCamera(where, name)
            if len(found) == MOST:
                break
    finally:
        for each in sockets:
            each.close()
    return sorted(found.values(), key=lambda camera: camera.address)


def _asking(address: str, asked: str, port: int) -> list[socket.socket]:
    """A network that takes no multicast is asked nothing."""
    ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        ours.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        ours.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        ours.bind((address, 0))
        ours.sendto(PROBE.format(id=asked).encode(), (GROUP, port))
    except OSError as error:
        ours.close()
        log.info("no camera can be asked for on this network", extra={"address": address, "reason": error.strerror})
        return []
    return [ours]


def _answers(sockets: Sequence[socket.socket], seconds: float, clock: Clock) -> Iterator[tuple[bytes, str]]:
    until_ns, read = clock.mono_ns() + int(seconds * 1e9), 0
    while sockets and read < MOST_READ and (left_s := (until_ns - clock.mono_ns()) / 1e9) > 0:
        for each in select.select(sockets, [], [], left_s)[0]:
            try:
                data, sender = each.recvfrom(LONGEST + 1)
            except OSError:
                continue  # an ICMP answer to what was sent
            read += 1
            if len(data) <= LONGEST:
                yield data, sender[0]


def answer(data: bytes, asked: str) -> str | None:
    """The name of a camera that answers what was asked; None for anything else."""
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    if _text(root, "RelatesTo") != asked or not any(_local(each) == "ProbeMatch" for each in root.iter()):
        return None
    said = dict(reversed(SCOPES.findall(_text(root, "Scopes"))))
    return legible(" ".join(unquote(said[part]) for part in ("name", "hardware") if part in said))


def _text(root: Element, name: str) -> str:
    return next((each.text or "" for each in root.iter() if _local(each) == name), "").strip()


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]  # of a comment it is a function, which is no name
