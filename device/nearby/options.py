"""Options of the local network: whether this box says where it is, and on which of its addresses."""

from __future__ import annotations

from ipaddress import IPv4Address

from pydantic import Field

from device.pipeline.strict import Strict


class Options(Strict):
    announce: bool = Field(default=True, description="the page is found by name on the local network, where it can be reached from there")
    addresses: tuple[IPv4Address, ...] = Field(default=(), description="only on these of the box's addresses; none: on all")
