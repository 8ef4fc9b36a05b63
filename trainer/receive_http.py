"""HttpBox: shipments over HTTP(S) from a box's page. Nothing it says is believed that can be checked, and none of it is without end."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from contracts.dataset import Record
from contracts.errors import ConfigError, HardwareError, ProtocolError
from contracts.files import storage
from contracts.shipment import MOST_LINES, Acknowledge, ExportList, Receipt, Received
from contracts.wire import Wire
from trainer.receive_page import LARGEST_PAGE

T = TypeVar("T", bound=Wire)
API = "/api/v1/exports"
LARGEST_ANSWER = 1 << 20
LEAST_BYTES_S = 8192  # slower is not a connection
GRACE_S = 60.0
TRIES = 8


class Said(Wire):
    """Of a refusal."""

    detail: str


class HttpBox:
    """`token` is the box's page.export_token. Used by several threads at once."""

    def __init__(self, url: str, token: str | None, *, ca: Path | None = None, parallel: int = 4, timeout_s: float = 30.0) -> None:
        self.where, self.tries = checked_url(url), TRIES
        try:
            trust = ssl.create_default_context(cafile=ca)
        except OSError as error:
            raise ConfigError(f"--ca {ca}: is not a certificate file; give the PEM of who signed the box's certificate") from error
        who = {"Authorization": f"Bearer {token}"} if token else {"Origin": self.where}  # without either nothing may be told to a box
        self._http = httpx.Client(
            base_url=self.where,
            headers={"Accept-Encoding": "identity", **who},
            verify=trust,
            timeout=httpx.Timeout(timeout_s, connect=10),
            limits=httpx.Limits(max_connections=parallel + 1, max_keepalive_connections=parallel + 1),
            follow_redirects=False,  # the token is for this address alone
            trust_env=False,
        )

    def exports(self) -> ExportList:
        return parsed(ExportList, self._small("GET", API, LARGEST_ANSWER), self.where)

    def start(self, name: str, known: Received, acknowledged: int) -> int:
        """What the box does not know to be here is said again, so that it may let go of it."""
        return min(known.upto, acknowledged)

    def following(self, name: str, place: int) -> int:
        return place

    def page(self, name: str, after: int) -> bytes:
        return self._small("GET", f"{API}/{name}/records", LARGEST_PAGE, params={"after": str(after), "limit": str(MOST_LINES)})

    def acknowledge(self, name: str, said: Acknowledge) -> None:
        answer = self._small("POST", f"{API}/{name}/ack", LARGEST_ANSWER, content=said.model_dump_json().encode())
        receipt = parsed(Receipt, answer, self.where)
        if (receipt.dataset, receipt.receiver) != (said.dataset, said.receiver) or receipt.upto < said.upto:
            raise ProtocolError(f"{self.where}: gave a receipt for something else than was acknowledged")

    def picture(self, name: str, record: Record, part: Path, tick: Callable[[int], None]) -> bool:
        """Goes on where `part` ends: a Range is asked for, and only exactly that is taken."""
        have = part.stat().st_size if part.exists() else 0
        if have > record.bytes:
            part.unlink()
            have = 0
        if have == record.bytes:
            return True
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._asked("GET", f"{API}/{name}/objects/{record.image_id}", headers=headers) as answer:
            if answer.status_code == 410:
                return False
            if answer.status_code == 416 and have:
                part.unlink()
                raise HardwareError(f"{self.where}: picture {record.image_id} is shorter there than what came of it; begun again")
            first = self._first_byte(answer, have, record)
            with storage(part), part.open("r+b" if first else "wb") as file:
                file.seek(first)
                file.truncate()
                for chunk in self._chunks(answer, record.bytes - first):
                    file.write(chunk)
                    tick(len(chunk))
        if part.stat().st_size < record.bytes:
            raise HardwareError(f"{self.where}: the connection ended before picture {record.image_id} did")
        return True

    def _first_byte(self, answer: httpx.Response, have: int, record: Record) -> int:
        """Where in the file the body begins; ProtocolError for a body that is not of what was asked for."""
        self._refuse_errors(answer)
        said = answer.headers.get("content-length", str(record.bytes - (have if answer.status_code == 206 else 0)))
        if answer.status_code == 200:
            right, first = said == str(record.bytes), 0
        else:
            right = answer.headers.get("content-range") == f"bytes {have}-{record.bytes - 1}/{record.bytes}"
            right, first = right and have > 0 and said == str(record.bytes - have), have
        if not right:
            text = f"status {answer.status_code}, Content-Range {answer.headers.get('content-range', 'none')[:60]}, {said[:20]} bytes"
            raise ProtocolError(f"{self.where}: asked for bytes {have} to {record.bytes} of picture {record.image_id}, and got {text}")
        return first

    def _chunks(self, answer: httpx.Response, most: int) -> Iterator[bytes]:
        """Of a body, at most so many bytes; ProtocolError for more, HardwareError for what trickles."""
        came, until = 0, time.monotonic() + GRACE_S + most / LEAST_BYTES_S
        for chunk in answer.iter_raw():
            came += len(chunk)
            if came > most:
                raise ProtocolError(f"{self.where}: sent more than the {most} bytes that were to come; nothing of it is taken")
            if time.monotonic() > until:
                raise HardwareError(f"{self.where}: slower than {LEAST_BYTES_S} bytes a second")
            yield chunk

    def _small(self, method: str, path: str, most: int, params: Mapping[str, str] | None = None, content: bytes | None = None) -> bytes:
        with self._asked(method, path, params=params, content=content) as answer:
            body = b"".join(self._chunks(answer, most if answer.status_code == 200 else LARGEST_ANSWER))
            self._refuse_errors(answer, body)
            return body

    @contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[httpx.Response]:
        try:
            with self._http.stream(method, path, params=params, content=content, headers=headers) as answer:
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise ProtocolError(f"{self.where}: sent something packed, which was not asked for")
                yield answer
        except httpx.TransportError as error:
            if isinstance(error.__cause__, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise ConfigError(f"{self.where}: its certificate is not trusted ({error}); give who signed it with --ca") from error
            raise HardwareError(f"{self.where}: {str(error) or type(error).__name__}; is the box on, and is that its address?") from error
        except httpx.InvalidURL as error:
            raise ConfigError(f"{self.where}: is not an address ({error})") from error

    def _refuse_errors(self, answer: httpx.Response, body: bytes = b"") -> None:
        status, why = answer.status_code, _words(body)
        if status in {200, 206}:
            return
        if status in {401, 403}:
            raise ConfigError(f"{self.where}: does not let us in ({status} {why}); give page.export_token of the box with --token-file")
        if status == 421:
            raise ConfigError(f"{self.where}: the box does not answer to that name; add it to its page.allowed_hosts, or use its address")
        if status in {408, 425, 429} or status >= 500:
            raise HardwareError(f"{self.where}: is busy or in trouble ({status}) {why}")
        if 300 <= status < 400:
            raise ProtocolError(f"{self.where}: sends elsewhere, which is not followed; give the box's own address")
        raise ProtocolError(f"{self.where}: refuses ({status}) {why}")

    def close(self) -> None:
        self._http.close()


def _words(body: bytes) -> str:
    """Why a box refuses, as boxes say it. What else answers there, inside of somebody's network, is not repeated to who may see jobs."""
    try:
        said = Said.model_validate_json(body)
    except (ValidationError, RecursionError):
        return ""
    return said.detail[:300]


def parsed(model: type[T], data: bytes, where: str) -> T:
    try:
        return model.model_validate_json(data)
    except (ValidationError, RecursionError) as error:
        raise ProtocolError(f"{where}: did not answer as a box does; is that its address?") from error


def checked_url(url: str) -> str:
    """`http://box:8088`; ConfigError for what is not the address of a page."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and parts.username is None
    except ValueError:
        good = False
    if not good or parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigError(f"{url[:200]!r}: is not a box's address; write it as http://box:8088 or https://box:8088, without a password")
    return f"{parts.scheme}://{parts.netloc}"
