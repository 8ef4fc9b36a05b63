"""A shipment: a data set on its way to a trainer, over HTTP or in a folder: pages of its manifest, pictures by their content, receipts.

A page is its `PageHead` as one line of JSON, then the lines of the manifest as they are. What else a receiver needs is in those lines:
each names its picture by the digest of its pixels, with size and digest of the file, so whoever reads a page knows what it lacks.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.errors import ProtocolError
from contracts.topics import DeviceId
from contracts.wire import Utc, Wire

DIGEST = r"^[0-9a-f]{64}$"
NAME = r"^[a-z0-9][a-z0-9_-]{0,39}$"
RECEIVER = r"^[0-9a-f]{32}$"
MOST_LINES = 1000  # of a page
PAGE_BYTES = 4 << 20  # of a page, and one line more at most
ACK_BYTES = 16 << 20  # of the manifest that one acknowledgement may be of
TAIL = 4096  # bytes before a place in the manifest, by which that place is known again

Digest = Annotated[str, Field(pattern=DIGEST)]
ExportName = Annotated[str, Field(pattern=NAME)]
Receiver = Annotated[str, Field(pattern=RECEIVER, description="made by chance for each data set that receives")]
Place = Annotated[int, Field(ge=0, lt=1 << 62, description="a byte of the manifest at which a line begins, or the end of the last")]
DatasetId = Annotated[str, Field(pattern=DIGEST, description="SHA-256 of the manifest's first line, the newline included")]
Code = Literal["unknown", "gone", "changed", "foreign", "range", "busy", "storage"]


class ShipmentError(ProtocolError):
    """A shipment or a question about one is refused; `code` is for programs."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code: Code = code


class Export(Wire):
    """One data set that is offered."""

    name: ExportName
    dataset: DatasetId | None = Field(description="null: there is no record in it yet")
    end: Place = Field(description="what is offered now ends here")
    positions: dict[str, int] = Field(default_factory=dict, description="receiver -> up to where it has acknowledged everything")


class ExportList(Wire):
    """GET /api/v1/exports; beside a shipment in a folder, `shipment.json`."""

    v: Literal[1] = 1
    device: DeviceId
    exports: list[Export] = Field(max_length=64)


class PageHead(Wire):
    """First line of a page. The lines behind it are `after` to `upto` of the manifest, those left out that are too long to be ours."""

    v: Literal[1] = 1
    device: DeviceId
    name: ExportName
    dataset: DatasetId
    after: Place
    upto: Place = Field(description="ask with it for the next page; equal to `after`: there is nothing more yet")
    end: Place = Field(description="what is offered now ends here")
    sha256: Digest = Field(description="of all that follows this line")
    before: Digest = Field(description="SHA-256 of the 4,096 bytes of the manifest before `after`, or as many as there are")
    behind: Digest = Field(description="the same before `upto`: the next page must begin where this one ends")


class Acknowledge(Wire):
    """POST /api/v1/exports/{name}/ack, and a line of `acks/<receiver>.jsonl` in a folder: everything of these lines is stored durably."""

    v: Literal[1] = 1
    device: DeviceId = Field(description="the box the lines are of; another box does not take it")
    dataset: DatasetId
    receiver: Receiver
    after: Place
    upto: Place
    sha256: Digest = Field(description="of the lines as they were shipped: who has not read them cannot know it")


class Receipt(Wire):
    """One line of the box's `receipts.jsonl`, and the answer to an acknowledgement that was taken."""

    v: Literal[1] = 1
    dataset: DatasetId
    receiver: Receiver
    after: Place
    upto: Place
    lines: int = Field(ge=0, description="number of the manifest's last line that is acknowledged by it")
    t: Utc


class Received(Wire):
    """`received/<device>-<dataset>.json` in a data set that receives: how far it has everything of another."""

    v: Literal[1] = 1
    device: DeviceId
    dataset: DatasetId
    upto: Place = 0
    behind: Digest


class Refusal(Wire):
    """Body of an answer that is an error."""

    detail: str = Field(description="what, which and what to do")
    code: Code
