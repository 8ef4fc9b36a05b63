"""Https: the road over HTTP(S) with Range, no redirect is followed, nothing is taken that was not asked for."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

from contracts.errors import ConfigError
from device.clock import Clock
from device.update.refusal import Refusal
from device.update.roads import Missing, Pace

PIECE = 64 << 10
OK, PARTIAL, NOT_SATISFIABLE = 200, 206, 416
GONE = (403, 404, 410)


class Https:
    """A connection for each call: a download is one call, and metadata are four small ones."""

    name = "https"

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        context: ssl.SSLContext | None = None,
        timeout_s: float = 30.0,
        least_bytes_per_s: float = 1024.0,
        window_s: float = 60.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
            raise ConfigError(f"update.url: {url!r} is not possible; give https://host[:port]/path, without a name or a question in it")
        self._host, self._port = parts.hostname, parts.port
        self._context = (context or ssl.create_default_context()) if parts.scheme == "https" else None
        self._path = parts.path.rstrip("/")
        self._clock, self._timeout_s = clock, timeout_s
        self._least, self._window_s = least_bytes_per_s, window_s
        self._live: socket.socket | None = None
        self._hung_up = False

    def hang_up(self) -> None:
        """From any thread: a call that waits breaks off, and the next begins anew."""
        self._hung_up = True
        if (live := self._live) is not None:
            with suppress(OSError):
                socket.socket.shutdown(live, socket.SHUT_RDWR)  # that of TLS would forget its keys under who reads

    def metadata(self, name: str, limit: int) -> bytes:
        """Read to one byte beyond the limit at most: data without an end cost no more than that."""
        what = f"metadata/{name}"
        with closing(self._connection()) as connection, closing(self._ask(connection, what, {})) as answer:
            if answer.status in GONE:
                raise Missing(what)
            if answer.status != OK:
                raise Refusal("E_FETCH", f"{self._host}: answers {answer.status} for {what}; see the server's log")
            promised = answer.length
            data = b"".join(self._pieces(answer, limit + 1, what))
        if promised is not None and len(data) < min(promised, limit + 1):
            raise Refusal("E_FETCH", f"{self._host}: {what} broke off after {len(data)} of {promised} bytes; it is tried again")
        if len(data) > limit:
            raise Refusal("E_SIZE", f"{what}: has more than {limit} bytes; see who answers at {self._host}")
        return data

    def stream(self, target: str, begin: int, end: int) -> Iterator[bytes]:
        what = f"targets/{target}"
        asked = {"Range": f"bytes={begin}-{end - 1}"}
        with closing(self._connection()) as connection, closing(self._ask(connection, what, asked)) as answer:
            if answer.status in GONE:
                raise Refusal("E_FETCH", f"{self._host}: has no {what} (yet); publish it there")
            self._agreed(answer, begin, what)
            done = 0
            for piece in self._pieces(answer, end - begin, what):
                done += len(piece)
                yield piece
            if done < end - begin:
                raise Refusal("E_FETCH", f"{self._host}: {what} broke off at byte {begin + done}; it is gone on with")

    def _connection(self) -> http.client.HTTPConnection:
        self._live, self._hung_up = None, False
        if self._context is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._context)

    def _ask(self, connection: http.client.HTTPConnection, what: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        try:
            with self._hurried():
                self._connect(connection)
                connection.request("GET", f"{self._path}/{quote(what)}", headers={"Accept-Encoding": "identity", **headers})
                return connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._broken(what, error) from error

    def _connect(self, connection: http.client.HTTPConnection) -> None:
        """Here and not in the library: while hands are shaken there is a socket that can be hung up."""
        self._live = connection.sock = socket.create_connection((self._host, connection.port), self._timeout_s)
        if self._hung_up:  # before there was a socket
            raise ConnectionError("hung up")
        if self._context is None:
            return
        secured = self._context.wrap_socket(self._live, server_hostname=self._host, do_handshake_on_connect=False)
        self._live = connection.sock = secured
        secured.do_handshake()

    @contextmanager
    def _hurried(self) -> Iterator[None]:
        """A socket's timeout begins anew with each byte: who gives one now and then is hung up on."""
        timer = threading.Timer(self._window_s, self.hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _agreed(self, answer: http.client.HTTPResponse, begin: int, what: str) -> None:
        if answer.status == OK and begin == 0:
            return
        said = re.fullmatch(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15}|\*)", answer.headers.get("Content-Range", ""))
        if answer.status != PARTIAL or said is None or int(said[1]) != begin:
            words = f"answers {answer.status} to a request for {what} from byte {begin}"
            raise Refusal("E_FETCH", f"{self._host}: {words}; give it a server that knows Range")

    def _pieces(self, answer: http.client.HTTPResponse, most: int, what: str) -> Iterator[bytes]:
        pace = Pace(self._clock.mono_ns, self._least, self._window_s, f"{self._host}: {what}")
        done = 0
        while done < most:
            try:
                with self._hurried() if answer.chunked else nullcontext():  # where a chunk begins there may be words without an end
                    piece = answer.read1(min(PIECE, most - done))
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise self._broken(what, error) from error
            if self._hung_up:
                raise Refusal("E_FETCH", f"{self._host}: {what}: the connection was given up; it is tried again")
            if not piece:
                return
            done += len(piece)
            yield piece
            pace.got(len(piece))

    def _broken(self, what: str, error: Exception) -> Refusal:
        said = f"no answer within {self._window_s:g} s; see the network and the server" if self._hung_up else self._words(error)
        return Refusal("E_FETCH", f"{self._host}: {what}: {said}")

    def _words(self, error: Exception) -> str:
        """What went wrong, and whose matter it is. In TLS 1.3 a server that does not take our certificate may just hang up."""
        said = str(error) or type(error).__name__
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"the server's certificate: {error.verify_message}; see update.ca, the name in update.url, and both clocks"
        if self._context is not None and isinstance(error, (ssl.SSLError, ConnectionError)):
            return f"{said}; where it asks boxes for a certificate see update.cert and update.key, else the network and the server"
        return f"{said}; see the network and the server"


def tls_of(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    """The server is verified, by `ca` or the system's authorities; with `cert` the box says who it is."""
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if cert is not None:
            context.load_cert_chain(str(cert), None if key is None else str(key))
    except OSError as error:
        raise ConfigError(f"update: {ca or 'the system'} or {cert}: {error}; correct update.ca, update.cert and update.key") from error
    return context
