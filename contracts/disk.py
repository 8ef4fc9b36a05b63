"""`disk.json`: which disk the data folder is on, written once; an index that was made on another one is known by it."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from contracts.wire import Utc, Wire


class Disk(Wire):
    version: Literal[1] = 1
    id: UUID = Field(description="drawn once; the index carries it too")
    made: Utc = Field(description="when the disk was first used, as far as the clock was known")
    device: str = Field(default="", description="the box whose recordings it holds; another box removes nothing from it")
    software: str = ""
    layout: Literal[1] = Field(default=1, description="how folders and names are built")
