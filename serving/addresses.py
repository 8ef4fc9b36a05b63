"""Addresses: on which a server listens, and from which it is asked."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def guesser(address: str) -> str:
    """Who guesses from there. A visitor over IPv6 has a whole /64 to guess from, but for neighbours, who share one; one over IPv4 is the
    same whatever the server listens on."""
    try:
        read = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if not isinstance(read, IPv6Address):
        return str(read)
    if read.ipv4_mapped is not None:
        return str(read.ipv4_mapped)
    return str(read) if read.is_link_local or read.is_loopback else read.exploded[:19]
