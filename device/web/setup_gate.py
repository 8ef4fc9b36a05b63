"""Gate: who may come near a box that nobody owns yet: this network's own addresses, and they see the first-boot page only."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

OPEN = ("/setup", "/healthz", "/favicon.ico")
OPEN_BELOW = "/static/"
NEAR = tuple(
    ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
)


def near(address: str) -> bool:
    """Whether it is of a private network, and no router of the internet would bring it here."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    plain = found.ipv4_mapped if isinstance(found, IPv6Address) and found.ipv4_mapped else found
    return any(plain.version == network.version and plain in network for network in NEAR)


def served(path: str) -> bool:
    """What there is on a box without an owner."""
    return path in OPEN or path.startswith(OPEN_BELOW)
