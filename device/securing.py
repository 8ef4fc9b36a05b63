"""Securing: the page as it is served: over HTTPS wherever others than this machine reach it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from device.clock import Clock
from device.config import Loaded
from device.setup.standing import listening
from device.web.desk import Desk
from device.web.options import Options
from device.web.server import PageServer
from serving.addresses import is_loopback


def page_server(desk: Desk, loaded: Loaded, clock: Clock) -> PageServer:
    """With a certificate of its own where its owner gave none and does not refuse it; not listening yet. What makes certificates is
    imported only where one is wanted."""
    page = listening(loaded)
    if page.tls == "off" or page.tls_cert is not None or is_loopback(page.host):
        return PageServer(desk, page)
    from device.web.certificate import OwnCertificate

    own = OwnCertificate(loaded.settings.data, list(names(page)), clock)
    return PageServer(desk, page.model_copy(update={"tls_cert": own.path, "tls_key": own.path}), own)


def names(page: Options) -> Iterator[str]:
    """All by which a browser may reach it. Imports what knows the network only here: a page on loopback does not need it."""
    from device.nearby.addresses import bound_to, own_addresses

    host = socket.gethostname()
    yield from (host, host if host.endswith(".local") else f"{host.partition('.')[0]}.local", "localhost", *page.allowed_hosts)
    bare = page.host.strip("[]")
    yield from (() if bare in {"0.0.0.0", "::"} else (bare,))  # noqa: S104 - read, not bound
    yield from (*bound_to(bare, own_addresses()), "127.0.0.1", "::1")
