"""Nearby: brokers that announce themselves on this network, as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LOOK_S = 3.0


def nearby() -> Sequence[Mapping[str, Any]]:
    """Takes seconds. With TLS a broker goes by the name that its certificate has to bear, else by its address."""
    from device.nearby.worker import look_for_brokers  # zeroconf: memory that a box which nobody sets up does not need

    brokers = look_for_brokers(LOOK_S)
    return [
        {"name": each.name, "host": each.host if each.tls else each.addresses[0], "port": each.port, "tls": each.tls} for each in brokers
    ]
