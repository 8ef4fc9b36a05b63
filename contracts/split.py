"""A split: which recordings of a data set are trained on, chosen by and judged by, written down once and kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contracts.wire import Utc, Wire

Side = Literal["train", "val", "test"]
SIDES: tuple[Side, ...] = ("train", "val", "test")
ROOT = r"^sha256:[0-9a-f]{64}$"
MOST_GROUPS = 100_000

Root = Annotated[str, Field(pattern=ROOT)]
Amount = Annotated[int, Field(ge=0, lt=1 << 53)]


class Fractions(Wire):
    """What share of the groups each side is to get; together 1."""

    train: float = Field(ge=0, le=1)
    val: float = Field(ge=0, le=1)
    test: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _whole(self) -> Fractions:
        if abs(self.train + self.val + self.test - 1) > 1e-9:
            raise ValueError("train, val and test add up to 1")
        return self

    def shares(self) -> tuple[float, float, float]:
        return self.train, self.val, self.test


class SplitGroup(Wire):
    """One recording: what stays together."""

    name: str = Field(min_length=1, max_length=400, description="what the side is computed of, with the salt")
    side: Side
    items: Amount
    device: str = Field(default="", description="the box; empty: the set does not say")
    session: str = Field(default="", description="one run of one source of that box")


class HeldPicture(Wire):
    """A picture that is on no side, because one on another side looks nearly the same."""

    id: str = Field(max_length=500)
    near: str = Field(max_length=500, description="id of the one that came before it and stays")
    side: Side = Field(description="where it would have been")


class Split(Wire):
    """The whole document. The side of a group is computed of its name, the salt and the fractions: what comes later moves nothing."""

    format: Literal["vedette-split"] = "vedette-split"
    v: Literal[1] = 1
    root: Root = Field(description="Merkle root of the pictures and labels that were split")
    lineage: Root = Field(description="Merkle root of where they come from")
    items: Amount
    salt: str = Field(min_length=1, max_length=64)
    fractions: Fractions
    by: Literal["device+session"] = "device+session"
    groups: list[SplitGroup] = Field(max_length=MOST_GROUPS, description="by name")
    singles: dict[Side, Amount] = Field(default_factory=dict, description="pictures of no known recording, each a group of its own")
    held: list[HeldPicture] = Field(default_factory=list)
    near_bits: int = Field(ge=0, le=7, description="pictures of two sides whose hashes differ in at most so many of 64 bits are too near")
    after: Root | None = Field(default=None, description="root of the split that this one continues; null: it is the first")
    created: Utc
