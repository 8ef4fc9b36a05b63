"""TLS: certificate and key looked at before the page listens, so that a wrong one is said in words and not when somebody connects."""

from __future__ import annotations

import ssl

from contracts.errors import ConfigError
from device.web.options import Options


def check(options: Options) -> None:
    """ConfigError for what cannot be used; nothing where the page is plain HTTP."""
    if options.tls_cert is None or options.tls_key is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.tls_cert, options.tls_key, password="")
    except OSError as error:  # ssl.SSLError is one
        why = getattr(error, "reason", None) or error.strerror or str(error)
        files = f"page.tls_cert {options.tls_cert} and page.tls_key {options.tls_key}"
        raise ConfigError(f"{files}: cannot be used ({why}); give a PEM certificate and its key, readable by the service") from error
