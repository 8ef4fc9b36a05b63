"""Addresses of this box, as others on the local network may use them; they change while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address

import ifaddr


def own_addresses(only: Sequence[IPv4Address] = ()) -> tuple[str, ...]:
    """IPv4, sorted; those of `only` that it has now, even of loopback."""
    texts = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips if isinstance(ip.ip, str)]
    found = {IPv4Address(text) for text in texts}
    kept = found & set(only) if only else {address for address in found if not address.is_loopback}
    return tuple(str(address) for address in sorted(kept))


def bound_to(host: str, addresses: Sequence[str]) -> tuple[str, ...]:
    """Those of them at which a server that listens on `host` answers."""
    try:
        bound = ip_address(host.strip("[]"))
    except ValueError:
        return tuple(addresses)  # a name: it is asked for when the server starts
    return tuple(addresses) if bound.is_unspecified else tuple(address for address in addresses if address == str(bound))
